"""Runs on this machine: the same envelope, the same wrapper, the same layout of the store; no cluster."""

from mlrun_operator.sdk.backends.local.backend import LocalBackend

__all__ = ["LocalBackend"]
