"""Writes the table of the types in a pod template, from Kubernetes' own schema."""
