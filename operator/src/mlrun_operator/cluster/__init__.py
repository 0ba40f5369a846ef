"""The only code that talks to Kubernetes.

The official client gives configuration, credentials and the connection pool; requests and answers stay plain JSON on
it, which costs a quarter of its typed calls.
"""
