"""How fast the wrapper is: `make bench-wrapper`."""
