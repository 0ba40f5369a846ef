"""Where runs run: a cluster, or this machine. Both keep the same objects and the same store."""

from mlrun_operator.sdk.backends.base import Backend, LogLine

__all__ = ["Backend", "LogLine"]
