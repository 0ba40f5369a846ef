"""The resources of mlrun-operator.dev/v1alpha1 and their status."""
