"""A real Argo CD beside the development cluster, for the GitOps tests: its own binaries, as processes of this machine.

Nothing of it runs in the cluster; its objects are in the cluster's namespace `argocd`.
"""
