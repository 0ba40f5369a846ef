"""What is generated of the charts: the templates of the CRDs' chart, and kustomize's base and components."""
