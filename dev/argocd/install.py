"""What Argo CD needs in the cluster: its CRDs, its namespace with its settings, and a project."""

import json
from typing import Any

from argocd import snippet
from argocd.daemons import NAMESPACE
from deploy.target import Target
from devcluster.tools import ARGOCD

_PART_OF = {"app.kubernetes.io/part-of": "argocd"}
_CONFIG_MAPS = ("argocd-rbac-cm", "argocd-cmd-params-cm", "argocd-gpg-keys-cm", "argocd-tls-certs-cm")


def install(target: Target) -> None:
    """Apply all of it, with what the project ships for `argocd-cm`, and nothing else in it."""
    crds = ARGOCD.sources() / "manifests" / "crds"
    target.kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", str(crds))
    target.wait_for_crds(*(f"{plural}.argoproj.io" for plural in ("applications", "applicationsets", "appprojects")))
    for objects in ([_object("Namespace", NAMESPACE, namespace=None)], _settings()):
        target.kubectl(
            "apply", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        )


def _settings() -> list[dict[str, Any]]:
    customized = {**snippet.settings(), **snippet.of_applications()}
    project = {"sourceRepos": ["*"], "destinations": [{"namespace": "*", "server": "*"}]}
    return [
        _object("ConfigMap", "argocd-cm", data=customized),
        *(_object("ConfigMap", name) for name in _CONFIG_MAPS),
        _object("Secret", "argocd-secret", stringData={"server.secretkey": "of-a-test-on-this-machine"}),
        {
            **_object("AppProject", "default", spec={**project, "clusterResourceWhitelist": [_ANY]}),
            "apiVersion": "argoproj.io/v1alpha1",
        },
    ]


_ANY = {"group": "*", "kind": "*"}


def _object(kind: str, name: str, *, namespace: str | None = NAMESPACE, **content: Any) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": _PART_OF, **place}, **content}
