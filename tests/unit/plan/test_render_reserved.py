"""What only the platform may set: whatever way a user takes, it is refused with words."""

import posixpath
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlrun_operator.api.contract.fetching import PipInfo, ProxyInfo
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


def test_host_aliases_are_allowed_or_not_by_the_platform(world: Any) -> None:
    world.platform = world.platform.model_copy(update={"host_aliases": False})
    aliases = [{"ip": "203.0.113.7", "hostnames": ["db.example.org"]}]
    assert "hostAliases: the operator's settings do not allow them" in message_of(world, hostAliases=aliases)


@pytest.mark.parametrize("host", ["s3.example.org", "proxy.example.org", "pypi.example.org"])
def test_no_alias_takes_the_place_of_a_host_of_the_platforms(world: Any, host: str) -> None:
    """The store's keys would go to the address that the run names."""
    world.platform = world.platform.model_copy(
        update={
            "store": world.platform.store.model_copy(update={"endpoint": "http://s3.example.org:9000"}),
            "proxy": ProxyInfo(https="http://Proxy.Example.org:3128"),
            "pip": PipInfo(index_url="https://pypi.example.org/simple"),
        }
    )
    aliases = [{"ip": "203.0.113.7", "hostnames": ["db.example.org", host]}]
    assert f"hostAliases: {host} is a host of the platform's settings" in message_of(world, hostAliases=aliases)


@pytest.mark.parametrize("group", [999, 2001])
def test_a_group_has_the_platforms_bounds(world: Any, group: int) -> None:
    world.platform = world.platform.model_copy(update={"min_fs_group": 1000, "max_fs_group": 2000})
    assert f"fsGroup: {group} is not allowed here; choose one from 1000 to 2000" in message_of(world, fsGroup=group)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"fsGroup": 0}, "fsGroup"),
        ({"hostAliases": [{"ip": "db", "hostnames": ["a"]}]}, "is not an IP address"),
        ({"hostAliases": [{"ip": "::1", "hostnames": []}]}, "hostnames"),
        ({"hostAliases": [{"ip": "::1", "hostnames": ["a b"]}]}, "hostnames"),
    ],
)
def test_a_wrong_alias_or_group_is_told(world: Any, wrong: dict[str, Any], words: str) -> None:
    assert words in message_of(world, **wrong)


def test_a_template_sets_neither(world: Any) -> None:
    aliases = [{"ip": "203.0.113.7", "hostnames": ["db.example.org"]}]
    world.edit(podTemplate={"spec": {"hostAliases": aliases, "securityContext": {"fsGroup": 7}}})
    pod = world.look().create["spec"]["template"]["spec"]
    assert "hostAliases" not in pod
    assert pod["securityContext"]["fsGroup"] == 65532
