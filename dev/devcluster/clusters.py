"""The kinds of cluster that `CLUSTER` chooses from."""

import os
from collections.abc import Sequence
from typing import Protocol

from devcluster import current, embedded, kind
from devcluster.errors import MissingRequirementError
from devcluster.images.build import Image

VARIABLE = "CLUSTER"


class Cluster(Protocol):
    """What the commands ask of a kind of cluster. The modules `embedded`, `current` and `kind` are such."""

    def up(self) -> None:
        """Have a usable cluster; write `.cluster/kubeconfig` and `.cluster/cluster.json`."""

    def down(self) -> None:
        """Remove what `up` made, and nothing else."""

    def images(self, wanted: Sequence[Image]) -> None:
        """Build these images where their inputs changed, and load them into a running cluster."""


KINDS: dict[str, Cluster] = {"embedded": embedded, "current": current, "kind": kind}


def chosen() -> Cluster:
    """Return the cluster that the environment asks for: `embedded` unless it says otherwise."""
    name = os.environ.get(VARIABLE) or "embedded"
    if name not in KINDS:
        raise MissingRequirementError(f"{VARIABLE}={name} is no kind of cluster", hint=f"use one of {', '.join(KINDS)}")
    return KINDS[name]
