"""A person with nothing but the role that the chart ships, in one namespace."""

import json
from pathlib import Path

import yaml
from support.kube import Kube

ROLE = "mlrun-operator-user"


def user_kubeconfig(kube: Kube, folder: Path, name: str = "alice", *, token: str | None = None) -> Path:
    """A kubeconfig of a service account that is bound to the role in `kube`'s namespace."""
    kube.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": kube.namespace}],
        },
    )
    token = token or kube.kubectl("create", "token", name, "--duration=1h").strip()
    config = json.loads(kube.kubectl("config", "view", "--raw", "-o", "json"))
    config["users"] = [{"name": name, "user": {"token": token}}]
    for each in config["contexts"]:
        each["context"] |= {"user": name, "namespace": kube.namespace}
    file = folder / f"kubeconfig-{name}"
    file.write_text(yaml.safe_dump(config))
    return file
