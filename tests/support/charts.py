"""The charts as tests speak of them: values in, objects out, by the real helm."""

import copy
import json
from functools import cache
from typing import Any, Final

from chartgen.helm import CHARTS, rendered

Object = dict[str, Any]
OPERATOR: Final = CHARTS / "mlrun-operator"
CRDS: Final = CHARTS / "mlrun-operator-crds"
# Every value said, so that every line of every template is used.
EVERYTHING: Final[Object] = {
    "replicas": 2,
    "image": {"digest": f"sha256:{'a' * 64}"},
    "imagePullSecrets": ["registry"],
    "wrapper": {"digest": f"sha256:{'b' * 64}"},
    "wrapperMl": {"tag": "1.2.3"},
    "images": {"rewrite": [{"from": "docker.io/*", "to": "mirror/*"}], "allow": ["mirror/*", "other/image:1"]},
    "store": {
        "root": "s3://data/mlrun/{namespace}",
        "region": "eu-south-1",
        "publicEndpoint": "https://s3.example.org",
        "credentials": {"accessKeyId": "id", "secretAccessKey": "geheim", "namespaces": ["team-a", "team-b"]},
    },
    "seaweedfs": {"enabled": True, "storageClass": "fast"},
    "caBundle": "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n",
    "proxy": {"http": "http://proxy:3128", "https": "http://proxy:3128", "noProxy": ".corp"},
    "pip": {"indexUrl": "https://packages.example.org/simple"},
    "runDefaults": {"imagePullSecrets": ["registry"], "resources": {"limits": {"memory": "2Gi"}}},
    "runAsUser": 1000,
    "pendingDeadlineSeconds": 600,
    "maxConcurrentRunsPerNamespace": 20,
    "serviceAccount": {"name": "runner", "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}},
    "kueue": {"enabled": True},
    "metrics": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "interval": "30s"},
        "podMonitor": {"enabled": True, "relabelings": [{"action": "labeldrop", "regex": "pod"}]},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    },
    "dashboard": {"enabled": True},
    "service": {"annotations": {"a": "b"}, "labels": {"c": "d"}},
    "networkPolicy": {
        "extraIngress": [{"ports": [{"port": 15008, "protocol": "TCP"}]}],
        "limitEgress": True,
        "apiServerCidrs": ["10.0.0.1/32"],
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "extraEgress": [{"ports": [{"port": 4318, "protocol": "TCP"}]}],
    },
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "podLabels": {"team": "platform"},
    "podAnnotations": {"note": "x"},
    "extraEnv": [{"name": "MLRUN_OPERATOR_WORKERS", "value": "32"}],
    "extraEnvFrom": [{"secretRef": {"name": "more"}}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
}
OPENSHIFT: Final[Object] = {"runAsUser": 0, "podSecurityContext": {"runAsUser": None, "runAsGroup": None}}
MATRIX: Final[dict[str, Object]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "two namespaces": {"namespaces": ["team-a", "team-b"], "replicas": 2},
    "everything in one namespace": {**EVERYTHING, "namespaces": ["team-a"]},
    "openshift": OPENSHIFT,
    "a store for trials in a folder": {"seaweedfs": {"enabled": True, "size": ""}},
    "nothing that can be left out": {
        "serviceAccount": {"create": False},
        "rbac": {"create": False},
        "userRoles": {"create": False},
        "podDisruptionBudget": {"enabled": False},
        "tests": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "wrapperMl": {"repository": ""},
    },
    "policies": {
        "policies": {"images": {"allow": ["mirror/*"]}, "podTemplate": False, "limits": ["memory"]},
        "runNetworkPolicy": {"namespaces": ["team-a"]},
    },
    "bounds for a bank": {
        "userRoles": {"aggregate": False},
        "runBounds": {"hostAliases": False, "minFsGroup": 1000, "maxFsGroup": 1999},
    },
    "another name": {"fullnameOverride": "second", "userRoles": {"create": False}},
}


def objects(values: Object | None = None) -> list[Object]:
    """What the operator's chart makes of the values."""
    return copy.deepcopy(_objects(json.dumps(values or {})))


@cache
def _objects(values: str) -> list[Object]:
    return [made for each in rendered(OPERATOR, json.loads(values)).values() for made in each]


def one(kind: str, values: Object | None = None, name: str = "mlrun-operator") -> Object:
    """The object of that kind and name."""
    (found,) = [o for o in objects(values) if o["kind"] == kind and o["metadata"]["name"] == name]
    return found
