"""Kubeconfig files with everything inside, so that they can be copied."""

import base64
from pathlib import Path
from typing import Any

import yaml

from devcluster import paths
from devcluster.certs import Pair


def write(path: Path, *, authority: Pair, client: Pair) -> Path:
    """Write the kubeconfig of one client of the embedded cluster, readable by its owner only, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document(authority, client), sort_keys=False))
    return path


def document(authority: Pair, client: Pair) -> dict[str, Any]:
    """Return the kubeconfig as data: one cluster, one user, one context, all called `paths.NAME`."""
    name = paths.NAME
    cluster = {"server": paths.API_SERVER, "certificate-authority-data": _inline(authority.certificate)}
    user = {
        "client-certificate-data": _inline(client.certificate),
        "client-key-data": _inline(client.key),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


def _inline(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
