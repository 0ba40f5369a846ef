"""`make deploy`: CRDs and operator into the cluster that `make cluster` left behind."""

from deploy.install import deploy
from deploy.target import Target

__all__ = ["Target", "deploy"]
