"""The cluster's own kubectl and helm, pointed at the cluster."""

import os
from collections.abc import Sequence
from typing import NoReturn

from devcluster import facts

TOOLS = ("kubectl", "helm")


def become(tool: str, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by one of TOOLS. Raises DevClusterError if no cluster was started from this checkout."""
    known = facts.read()
    binary = known.kubectl if tool == "kubectl" else known.helm
    os.execve(binary, [tool, *arguments], {**os.environ, "KUBECONFIG": known.kubeconfig})
