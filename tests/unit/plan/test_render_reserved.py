"""What only the platform may set: whatever way a user takes, it is refused with words."""

import posixpath
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlrun_operator.render.reserved import OWN_PATHS, check_mount


def message_of(world: Any, **spec: Any) -> str:
    world.edit(**spec)
    world.settle()
    assert world.status["reason"] == "InvalidRun"
    return str(world.status["message"])


def at(path: str) -> dict[str, Any]:
    return {"name": "v", "mountPath": path, "configMap": {"name": "c"}}


def template_of(**container: Any) -> dict[str, Any]:
    return {"spec": {"volumes": [{"name": "v", "emptyDir": {}}], "containers": [{"name": "mlrun", **container}]}}


_TAKEN = [
    *("/etc/./mlrun-operator/envelope", "/etc//mlrun-operator/envelope", "//work", "/./work", "/x/../work"),
    *("/opt//mlrun/bin", "/opt/./mlrun-wrapper/lib", "/./proc", "/opt", "/etc", "/usr", "/", "/work/..", "/lib"),
    *("/etc/mlrun-operator/envelope", "/etc/mlrun-operator/", "/opt/mlrun-wrapper", "/dev/shm", "/work/a"),
]


@pytest.mark.parametrize("path", _TAKEN)
def test_no_volume_hides_the_wrappers_files(world: Any, path: str) -> None:
    assert f"v cannot be mounted at {path}" in message_of(world, volumes=[at(path)])


@pytest.mark.parametrize("path", _TAKEN)
def test_no_template_hides_the_wrappers_files(world: Any, path: str) -> None:
    template = template_of(volumeMounts=[{"name": "v", "mountPath": path}])
    words = message_of(world, podTemplate=template)
    assert f"podTemplate.spec.containers.mlrun.volumeMounts: v cannot be mounted at {path}" in words


_SEGMENTS = st.sampled_from(["etc", "mlrun-operator", "envelope", "work", "opt", "mlrun", "dev", "data", ".", "..", ""])


@given(segments=st.lists(_SEGMENTS, max_size=6))
@example(segments=["", "work"])
@example(segments=["opt"])
def test_an_accepted_path_is_plain_and_beside_ours(segments: list[str]) -> None:
    path = "/" + "/".join(segments)
    try:
        check_mount("volumes", "v", path)
    except ValueError:
        return
    assert posixpath.normpath(path) == path.rstrip("/")
    for own in OWN_PATHS:
        assert posixpath.commonpath([path, own]) not in (own, path.rstrip("/"))


@pytest.mark.parametrize("path", ["/data", "/data/", "/opt/data", "/etc/app", "/usr/local/share/data", "/home/me"])
def test_other_paths_are_free(world: Any, path: str) -> None:
    world.edit(volumes=[at(path)])
    assert world.look().create


@pytest.mark.parametrize("name", ["envelope", "work", "shm", "mlrun-wrapper"])
def test_no_template_has_a_volume_of_ours(world: Any, name: str) -> None:
    template = {"spec": {"volumes": [{"name": name, "configMap": {"name": "c"}}]}}
    assert f"the name '{name}' is reserved" in message_of(world, podTemplate=template)


def test_no_sidecar_mounts_the_wrappers_program(world: Any) -> None:
    sidecar = {"name": "s", "image": "i", "volumeMounts": [{"name": "mlrun-wrapper", "mountPath": "/w"}]}
    words = message_of(world, podTemplate={"spec": {"containers": [sidecar]}})
    assert "podTemplate.spec.containers.s.volumeMounts: the name 'mlrun-wrapper' is reserved" in words


@pytest.mark.parametrize("name", ["MLRUN_EXECUTOR_PYTHON", "MLRUN_STORE_AWS_ACCESS_KEY_ID", "MLRUN_REPLICA_INDEX"])
def test_no_way_leads_to_a_reserved_variable(world: Any, name: str) -> None:
    words = f"the variable {name} is set by the platform"
    assert words in message_of(world, secrets=[{"name": "s", "keys": [name]}])
    assert words in message_of(world, secrets=[{"name": "s", "keys": [name[6:]], "prefix": "MLRUN_"}])
    assert words in message_of(world, secrets=None, podTemplate=template_of(env=[{"name": name, "value": "x"}]))


_APPARMOR = "container.apparmor.security.beta.kubernetes.io/mlrun"


@pytest.mark.parametrize("name", [_APPARMOR, "seccomp.security.alpha.kubernetes.io/pod"])
def test_no_annotation_weakens_a_profile(world: Any, name: str) -> None:
    words = f"{name} cannot be 'unconfined'"
    assert words in message_of(world, podAnnotations={name: "unconfined"})
    template = {"metadata": {"annotations": {name: "unconfined"}}}
    assert words in message_of(world, podAnnotations=None, podTemplate=template)
    world.edit(podTemplate=None, podAnnotations={name: "runtime/default"})
    assert world.look().create


def test_two_mounts_at_one_path_are_refused(world: Any) -> None:
    volumes = [at("/data"), {**at("/data/"), "name": "w"}]
    assert "two volumes are mounted at /data" in message_of(world, volumes=volumes)


def test_two_containers_of_one_name_are_refused(world: Any) -> None:
    template = {"spec": {"containers": [{"name": "s", "image": "a"}, {"name": "s", "image": "b"}]}}
    assert "two containers have the name 's'" in message_of(world, podTemplate=template)


_HARMFUL: dict[str, Any] = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {
        "hostNetwork": True,
        "restartPolicy": "OnFailure",
        "nodeSelector": {"disk": "ssd"},
        "securityContext": {"runAsUser": 0, "supplementalGroups": [7]},
        "volumes": [{"name": "host", "hostPath": {"path": "/"}}, {"name": "v", "emptyDir": {}}],
        "containers": [
            {"name": "mlrun", "command": ["sh"], "volumeMounts": [{"name": "v", "mountPath": "/v"}]},
            {
                "name": "s",
                "image": "i",
                "securityContext": {"privileged": True, "capabilities": {"add": ["NET_ADMIN"]}},
            },
        ],
    },
}
_OVERRIDDEN = (
    "podTemplate: the platform removes or sets spec.hostNetwork, spec.restartPolicy, spec.securityContext.runAsUser, "
    "spec.volumes[host], spec.containers[mlrun].command, spec.containers[s].securityContext.privileged, "
    "spec.containers[s].securityContext.capabilities.add"
)


def warnings_of(world: Any) -> list[str]:
    return [c["message"] for c in world.status["conditions"] if c["type"] == "Warnings"]


def test_what_the_platform_overrides_is_told(world: Any) -> None:
    world.edit(podTemplate=_HARMFUL)
    world.settle()
    assert warnings_of(world) == [_OVERRIDDEN]
    world.succeed()
    assert warnings_of(world) == [_OVERRIDDEN]


def test_a_harmless_template_has_no_warning(world: Any) -> None:
    spec = {
        "nodeSelector": {"disk": "ssd"},
        "containers": [{"name": "s", "image": "i", "ports": [{"containerPort": 8}]}],
    }
    world.edit(podTemplate={"spec": spec})
    world.settle()
    assert warnings_of(world) == []


def test_many_overridden_fields_are_counted(world: Any) -> None:
    volumes = [{"name": f"v{number}", "hostPath": {"path": "/"}} for number in range(30)]
    world.edit(podTemplate={"spec": {"volumes": volumes}})
    world.settle()
    assert warnings_of(world)[0].endswith("spec.volumes[v9] and 20 more")
