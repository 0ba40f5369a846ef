"""An in-memory Kubernetes for the operator's real reconciler: API server, controllers, kubelet, and a clock of its own.

Nothing here waits: time moves only when a history says so, and the same calls always give the same world.
"""
