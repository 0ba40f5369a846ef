"""`make demo`: the product's first minute, on real parts: a Kubernetes, an S3 store, a data set behind HTTPS."""
