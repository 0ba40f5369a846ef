"""`make bench`: the operator beside the floor, the usual design and Kubernetes' own Job controller, in one run."""
