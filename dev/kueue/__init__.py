"""A real Kueue beside the development cluster, for the queueing tests: its own binary, as a process of this machine.

It has its webhooks, its own service account, and manages only namespaces with the label `daemon.NAMESPACE_LABEL`.
"""
