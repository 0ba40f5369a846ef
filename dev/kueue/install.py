"""Kueue's objects in the cluster: CRDs, rights and webhooks, from the sources of the built version."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.target import Target
from devcluster.tools import KUEUE
from kueue import daemon
from mlrun_operator.api.objects import Object

_ROLE: Final = "kueue-manager-role"
# The webhooks of other groups belong to frameworks that are not enabled.
_GROUPS: Final = ("kueue.x-k8s.io", "batch")
_WEBHOOK_KINDS: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_RBAC: Final = "rbac.authorization.k8s.io"


def install(target: Target) -> None:
    """Apply the CRDs and rights; the process must not run yet, the webhooks come later."""
    crds = list(_crds())
    _apply(target, [*crds, *_rights()])
    target.wait_for_crds(*(crd["metadata"]["name"] for crd in crds))


def token(target: Target) -> str:
    """Return a token of its service account."""
    arguments = ("create", "token", daemon.SERVICE_ACCOUNT, f"--namespace={daemon.NAMESPACE}", "--duration=24h")
    return target.kubectl(*arguments).strip()


def install_webhooks(target: Target) -> None:
    """Let the API server ask the running process, and for conversions between versions, too."""
    _apply(target, [*_converted(_crds()), *_webhooks()])


def uninstall(target: Target) -> None:
    """Remove all of it. Finalizers, which only the process removes otherwise, are taken off."""
    for kind in _WEBHOOK_KINDS:
        target.kubectl("delete", kind, "--ignore-not-found", _webhook_name(kind))
    crds = list(_crds())
    _apply(target, crds)  # without conversion, which the process did
    for crd in crds:
        _take_off_finalizers(target, crd["metadata"]["name"])
    names = [crd["metadata"]["name"] for crd in crds]
    target.kubectl("delete", "crd", "--ignore-not-found", "--timeout=60s", *names)
    target.kubectl("delete", "clusterrole,clusterrolebinding", "--ignore-not-found", _ROLE)
    target.kubectl("delete", "namespace", "--ignore-not-found", "--timeout=60s", daemon.NAMESPACE)


def _take_off_finalizers(target: Target, resource: str) -> None:
    for obj in target.get(resource, "--all-namespaces")["items"]:
        meta = obj["metadata"]
        if meta.get("finalizers"):
            place = [f"--namespace={meta['namespace']}"] if "namespace" in meta else []
            patch = json.dumps({"metadata": {"finalizers": None}})
            target.kubectl("patch", resource, meta["name"], *place, "--type=merge", f"--patch={patch}")


def _apply(target: Target, objects: list[Object]) -> None:
    manifest = {"apiVersion": "v1", "kind": "List", "items": objects}
    target.kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", stdin=json.dumps(manifest))


def _crds() -> Iterator[Object]:
    for file in sorted((_components() / "crd" / "bases").glob("*.yaml")):
        crd = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
        yield {**crd, "spec": {**crd["spec"], "conversion": {"strategy": "None"}}}


def _converted(crds: Iterator[Object]) -> Iterator[Object]:
    """Yield those CRDs that have more than one version, with the webhook that converts them."""
    for crd in crds:
        if len(crd["spec"]["versions"]) > 1:
            webhook = {"clientConfig": _client("/convert"), "conversionReviewVersions": ["v1"]}
            yield {**crd, "spec": {**crd["spec"], "conversion": {"strategy": "Webhook", "webhook": webhook}}}


def _rights() -> list[Object]:
    """Return its namespace and service account, with Kueue's own role."""
    (role,) = yaml.safe_load_all((_components() / "rbac" / "role.yaml").read_text())
    reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": _ROLE}
    account = {"kind": "ServiceAccount", "name": daemon.SERVICE_ACCOUNT, "namespace": daemon.NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": daemon.NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": daemon.SERVICE_ACCOUNT, "namespace": daemon.NAMESPACE},
        },
        {**role, "metadata": {"name": _ROLE}},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _ROLE},
            "roleRef": reference,
            "subjects": [account],
        },
    ]


def _webhooks() -> Iterator[Object]:
    """Yield its webhooks by URL. Those of Jobs are asked only for namespaces that it manages."""
    for configuration in yaml.safe_load_all((_components() / "webhook" / "manifests.yaml").read_text()):
        webhooks = [_by_url(webhook) for webhook in configuration["webhooks"] if _groups(webhook) <= set(_GROUPS)]
        yield {**configuration, "metadata": {"name": _webhook_name(configuration["kind"])}, "webhooks": webhooks}


def _groups(webhook: Object) -> set[str]:
    return {group for rule in webhook["rules"] for group in rule["apiGroups"]}


def _by_url(webhook: Object) -> Object:
    selector = {"matchLabels": {daemon.NAMESPACE_LABEL: "true"}}
    is_for_jobs = "batch" in _groups(webhook)
    path = webhook["clientConfig"]["service"]["path"]
    return {**webhook, "clientConfig": _client(path), **({"namespaceSelector": selector} if is_for_jobs else {})}


def _client(path: str) -> dict[str, Any]:
    return {"url": f"{daemon.WEBHOOKS}{path}", "caBundle": daemon.authority()}


def _webhook_name(kind: str) -> str:
    return f"kueue-{kind.partition('Webhook')[0].lower()}-webhook-configuration"


def _components() -> Path:
    return KUEUE.sources() / "config" / "components"
