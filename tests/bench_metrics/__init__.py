"""What the metrics cost: `make bench-metrics`."""
