"""The development cluster behind `make cluster`, `make images` and `make cluster-down`.

`CLUSTER` picks what stands behind those targets: `embedded` (a whole Kubernetes on this machine, no Docker and no
registry), `current` (the caller's own cluster) or `kind`. Tooling for people who work on the project; the product
never imports it.
"""
