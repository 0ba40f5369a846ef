"""What Kubernetes says, read: phase, attempts, diagnosis, result, conditions. Pure: `now` is an argument."""
