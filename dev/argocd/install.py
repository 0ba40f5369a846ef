"""What Argo CD needs in the cluster: its CRDs, its namespace with its settings, and a project."""

import json
from typing import Any

from argocd import snippet
from argocd.daemons import NAMESPACE
from deploy.target import Target
from devcluster.tools import ARGOCD

_PART_OF = {"app.kubernetes.io/part-of": "argocd"}
_CONFIG_MAPS = ("argocd-rbac-cm", "argocd-cmd-params-cm", "argocd-gpg-keys-cm", "argocd-tls-certs-cm")
# For applications of applications: a wave ends when the applications in it are healthy. As Argo CD's manual has it.
_APPLICATION_HEALTH = """\
hs = {status = "Progressing", message = ""}
if obj.status ~= nil and obj.status.health ~= nil then
  hs.status = obj.status.health.status
  hs.message = obj.status.health.message or ""
end
return hs
"""


def install(target: Target) -> None:
    """Apply all of it, with the project's own health checks and actions in `argocd-cm`."""
    crds = ARGOCD.sources() / "manifests" / "crds"
    target.kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", str(crds))
    target.wait_for_crds(*(f"{plural}.argoproj.io" for plural in ("applications", "applicationsets", "appprojects")))
    for objects in ([_object("Namespace", NAMESPACE, namespace=None)], _settings()):
        target.kubectl(
            "apply", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        )


def _settings() -> list[dict[str, Any]]:
    customized = {**snippet.settings(), "resource.customizations.health.argoproj.io_Application": _APPLICATION_HEALTH}
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
