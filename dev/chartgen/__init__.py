"""What is generated of the charts: the templates of the CRDs' chart, and the kustomize base with the same objects."""
