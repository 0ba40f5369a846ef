"""The options that say where a pod runs and what is mounted, as the handler sees them in a real pod."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kube import Kube, Object, function, run

LOOK = """
import os
import pathlib


def handler(context):
    for name in ("NOTE", "TEAM", "ACCOUNT", "NODE"):
        context.log_result(name.lower(), os.environ.get(name))
    for folder in ("/claim", "/ephemeral", "/disk"):
        pathlib.Path(folder, "written").write_text("x")
    pathlib.Path("/claim/from-the-handler").write_text("seen")
    context.log_result("one_file", pathlib.Path("/settings.ini").read_text())
    context.log_result("items", sorted(p.name for p in pathlib.Path("/some").iterdir() if not p.name.startswith("..")))
    context.log_result("absent", sorted(p.name for p in pathlib.Path("/absent").iterdir() if p.name[0] != "."))
    context.log_result("from_template", pathlib.Path("/shared/hello").read_text())
    context.log_result("token", os.path.exists("/var/run/secrets/kubernetes.io"))
    context.log_result("quota", [int(p.read_text().split()[0]) for p in map(pathlib.Path, QUOTAS) if p.exists()])


QUOTAS = ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu.max")
"""
GPU = "nvidia.com/gpu"


def named(kind: str, name: str, version: str = "v1", **more: object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **more}


@pytest.fixture
def classes(kube: Kube, tmp_path: Path) -> Iterator[str]:
    """What belongs to no namespace: volumes, a priority, a runtime, a device. All are called as the namespace is."""
    name, objects = kube.namespace, []
    for number in range(2):
        folder = tmp_path / f"volume{number}"
        folder.mkdir()
        folder.chmod(0o777)
        spec = {
            "capacity": {"storage": "1Mi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": f"{name}-{number}",
            "hostPath": {"path": str(folder)},
        }
        objects.append(named("PersistentVolume", f"{name}-{number}", spec=spec))
    objects.append(named("PriorityClass", name, "scheduling.k8s.io/v1", value=7))
    objects.append(named("RuntimeClass", name, "node.k8s.io/v1", handler="runc"))
    kube.apply(*objects)
    (node,) = (n["metadata"]["name"] for n in kube.all("nodes"))
    device = {"op": "add", "path": "/status/capacity/nvidia.com~1gpu", "value": "1"}
    patch = ("patch", "node", node, "--subresource=status", "--type=json", "-p")
    kube.kubectl(*patch, json.dumps([device]))
    yield name
    kube.kubectl(*patch, json.dumps([{"op": "remove", "path": device["path"]}]))
    for obj in objects:
        kube.kubectl("delete", obj["kind"], obj["metadata"]["name"], "--wait=false")


def test_every_option_of_placement_and_storage_reaches_the_pod(kube: Kube, classes: str, tmp_path: Path) -> None:
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Mi"}},
        "storageClassName": f"{classes}-0",
    }
    hello = "import pathlib; pathlib.Path('/shared/hello').write_text('hello')"
    image = "localhost/mlrun-operator/wrapper:dev"
    before = {"name": "before", "image": image, "command": ["/opt/mlrun-wrapper/bin/python", "-c", hello]}
    before["volumeMounts"] = [{"name": "shared", "mountPath": "/shared"}]
    main = {"name": "mlrun", "volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    linux = {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}
    volumes = [
        {"name": "claim", "mountPath": "/claim", "subPath": "sub", "persistentVolumeClaim": {"claimName": "claim"}},
        {
            "name": "ephemeral",
            "mountPath": "/ephemeral",
            "ephemeral": {"size": "1Mi", "storageClassName": f"{classes}-1"},
        },
        {"name": "disk", "mountPath": "/disk", "emptyDir": {"sizeLimit": "16Mi"}},
        {"name": "one", "mountPath": "/settings.ini", "subPath": "settings.ini", "configMap": {"name": "settings"}},
        {
            "name": "some",
            "mountPath": "/some",
            "configMap": {"name": "settings", "items": [{"key": "other.ini", "path": "chosen"}]},
        },
        {"name": "absent", "mountPath": "/absent", "secret": {"secretName": "nowhere", "optional": True}},
    ]
    (tmp_path / "volume0" / "sub").mkdir()
    (tmp_path / "volume0" / "sub").chmod(0o777)
    kube.apply(
        named("PersistentVolumeClaim", "claim", spec=claim),
        named("ServiceAccount", "worker"),
        named("ConfigMap", "settings", data={"settings.ini": "[a]", "other.ini": "[b]"}),
        function("looker", code=LOOK),
        run(
            "look",
            "looker",
            volumes=volumes,
            secrets=[{"name": "nowhere", "optional": True}],
            env=[
                {"name": "NOTE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['note']"}}},
                {"name": "TEAM", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['team']"}}},
                {"name": "ACCOUNT", "valueFrom": {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}},
                {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            ],
            resources={"limits": {"gpu": 1, "cpu": 1}},
            affinity={
                "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [linux]}}
            },
            topologySpreadConstraints=[
                {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
            ],
            imagePullSecrets=["registry"],
            imagePullPolicy="Never",
            serviceAccountName="worker",
            priorityClassName=classes,
            runtimeClassName=classes,
            schedulerName="default-scheduler",
            terminationGracePeriodSeconds=7,
            podLabels={"team": "a"},
            podAnnotations={"note": "b"},
            podTemplate={
                "spec": {
                    "hostNetwork": True,
                    "initContainers": [before],
                    "containers": [main],
                    "volumes": [{"name": "shared", "emptyDir": {}}],
                }
            },
        ),
    )
    status = kube.finished("look")
    assert status["phase"] == "Succeeded", status["message"]
    results = status["results"]
    assert (results["note"], results["team"], results["account"]) == ("b", "a", "worker")
    assert results["node"] == status["attempts"][0]["node"]
    assert (results["one_file"], results["items"], results["absent"]) == ("[a]", ["chosen"], [])
    assert (results["from_template"], results["token"]) == ("hello", False)
    assert results["quota"] == [100_000]
    assert (tmp_path / "volume0" / "sub" / "from-the-handler").read_text() == "seen"
    (pod,) = kube.all("pods")
    spec = pod["spec"]
    assert spec["containers"][0]["resources"]["limits"][GPU] == "1"
    assert (spec["priority"], spec["runtimeClassName"], spec["terminationGracePeriodSeconds"]) == (7, classes, 7)
    assert (spec["imagePullSecrets"], spec["containers"][0]["imagePullPolicy"]) == ([{"name": "registry"}], "Never")
    assert "hostNetwork" not in spec


def test_a_kind_of_volume_that_the_server_does_not_know_ends_the_run(kube: Kube) -> None:
    volume = {
        "name": "model",
        "mountPath": "/model",
        "image": {"reference": "localhost/mlrun-operator/test-nothing:dev"},
    }
    kube.apply(function("fn"), run("r", volumes=[volume]))
    status = kube.finished("r")
    assert status["reason"] in ("VolumeUnsupported", "Succeeded"), status["message"]  # newer servers know it
