"""The few questions that starting the cluster asks of its API server."""

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from devcluster import paths

TIMEOUT_SECONDS = 3.0


class Api:
    """Reads from the embedded cluster as its administrator."""

    def __init__(self) -> None:
        context = ssl.create_default_context(cafile=str(paths.PKI / "ca.crt"))
        context.load_cert_chain(paths.PKI / "admin.crt", paths.PKI / "admin.key")
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        self._opener = urllib.request.build_opener(*handlers)

    def ready(self) -> bool:
        """Whether the API server calls itself ready."""
        return self._get("/readyz") is not None

    def node_ready(self) -> bool:
        """Whether the one node of the cluster has the condition Ready."""
        node = json.loads(self._get(f"/api/v1/nodes/{paths.NAME}") or "{}")
        return is_ready(node)

    def default_service_account(self) -> bool:
        """Whether pods can be created in the namespace `default`; the controllers make it a moment after the start."""
        return self._get("/api/v1/namespaces/default/serviceaccounts/default") is not None

    def _get(self, path: str) -> bytes | None:
        try:
            with self._opener.open(paths.API_SERVER + path, timeout=TIMEOUT_SECONDS) as response:
                body: bytes = response.read()
                return body
        except (OSError, urllib.error.URLError):
            return None


def is_ready(node: dict[str, Any]) -> bool:
    """Whether a Node object has the condition Ready with status True."""
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
