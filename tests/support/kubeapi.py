"""What an API server says of itself, for tests that play one to kopf."""

from typing import Any

from mlrun_operator.cluster.resources import Resource
from mlrun_operator.controller.watch import WATCHED

Object = dict[str, Any]
# What kopf looks for at its start.
_NAMESPACES = Resource("v1", "namespaces", "Namespace")
_CRDS = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition")


def discovery(path: str) -> Object:
    """What the API server says of itself."""
    known = (*WATCHED, _NAMESPACES, _CRDS)
    if path == "/api":
        return {"versions": ["v1"]}
    if path == "/apis":
        names = {resource.api_version for resource in known if "/" in resource.api_version}
        versions = [{"groupVersion": name, "version": name.split("/")[1]} for name in sorted(names)]
        return {
            "groups": [
                {"name": v["groupVersion"].split("/")[0], "preferredVersion": v, "versions": [v]} for v in versions
            ]
        }
    return {
        "resources": [
            {
                "name": r.plural,
                "kind": r.kind,
                "singularName": "",
                "namespaced": r in WATCHED,
                "verbs": ["list", "watch"],
            }
            for r in known
            if path.endswith(f"/{r.api_version}")
        ]
    }
