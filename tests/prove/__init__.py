"""The long proofs: `make prove`."""
