"""The only code that talks to Kubernetes.

The official client provides configuration, credentials and the connection pool. Requests and responses are plain JSON
on that pool, which costs a quarter of the CPU time of its typed calls.
"""
