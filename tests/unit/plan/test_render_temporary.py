"""/tmp and /var/tmp of every pod can be written, in the wrapper's volume: its root file system cannot."""

from typing import Any

import pytest
from support.schedule_simulator import ScheduleSimulator

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.render.collector import build_collector

OURS = [
    {"name": "work", "mountPath": "/tmp", "subPath": "tmp"},
    {"name": "work", "mountPath": "/var/tmp", "subPath": "var-tmp"},
]
SWEEP = {"params": {"p": [1, 2]}}
FAN_OUT = {**SWEEP, "placement": "FanOut"}


def main_of(job: Any) -> Any:
    return next(c for c in job["spec"]["template"]["spec"]["containers"] if c["name"] == "mlrun")


def temporary(job: Any) -> list[Any]:
    """The mounts at a temporary directory, above it or in it."""
    mounts = main_of(job)["volumeMounts"]
    return [mount for mount in mounts if mount["mountPath"].startswith(("/tmp", "/var"))]


@pytest.mark.parametrize(
    "spec",
    [{}, {"replicas": 2}, {"hyperparameters": SWEEP}, {"hyperparameters": FAN_OUT}],
    ids=["run", "replicas", "sweep", "fan-out"],
)
@pytest.mark.parametrize("image", [None, "example.org/team/mine:1"], ids=["our image", "another image"])
def test_every_pod_may_write_to_them(world: Any, spec: Any, image: str | None) -> None:
    if image:
        world.function["spec"]["image"] = image
    world.edit(**spec)
    job = world.look().create
    assert temporary(job) == OURS
    environment = {entry["name"]: entry.get("value") for entry in main_of(job)["env"]}
    assert (environment["TMPDIR"], environment["HOME"]) == ("/work/tmp", "/work/home")
    assert {"name": "work", "emptyDir": {}} in job["spec"]["template"]["spec"]["volumes"]


def test_so_may_a_collector(world: Any) -> None:
    world.edit(hyperparameters=FAN_OUT)
    job = world.look().create
    assert temporary(build_collector(job, world.run, 1, {})) == OURS


def test_so_may_the_pods_of_a_schedule(platform: Platform, function: dict[str, Any]) -> None:
    schedule = ScheduleSimulator(platform, function, schedule="0 6 * * *")
    schedule.settle()
    assert schedule.cron_job is not None
    assert temporary(schedule.cron_job["spec"]["jobTemplate"]) == OURS


def at(path: str) -> dict[str, Any]:
    return {"name": "v", "mountPath": path, "emptyDir": {}}


@pytest.mark.parametrize(
    ("path", "ours"), [("/tmp", ["/var/tmp"]), ("/tmp/", ["/var/tmp"]), ("/var/tmp", ["/tmp"]), ("/var", ["/tmp"])]
)
def test_a_volume_there_or_above_stays_alone(world: Any, path: str, ours: list[str]) -> None:
    world.edit(volumes=[at(path)])
    mounts = temporary(world.look().create)
    assert [mount["mountPath"] for mount in mounts if mount["name"] == "work"] == ours
    assert {"name": "v", "mountPath": path} in mounts


def test_a_volume_of_a_template_stays_alone_too(world: Any) -> None:
    mounts = [{"name": "v", "mountPath": "/tmp", "readOnly": True}]
    spec = {"volumes": [{"name": "v", "emptyDir": {}}], "containers": [{"name": "mlrun", "volumeMounts": mounts}]}
    world.edit(podTemplate={"spec": spec})
    assert temporary(world.look().create) == [*mounts, OURS[1]]


def test_a_volume_that_the_platform_removes_does_not_count(world: Any) -> None:
    mounts = [{"name": "v", "mountPath": "/tmp"}]
    volumes = [{"name": "v", "hostPath": {"path": "/tmp"}}]
    world.edit(podTemplate={"spec": {"volumes": volumes, "containers": [{"name": "mlrun", "volumeMounts": mounts}]}})
    assert temporary(world.look().create) == OURS


def test_a_volume_in_one_of_them_is_mounted_there(world: Any) -> None:
    world.edit(volumes=[at("/tmp/cache")])
    mounts = temporary(world.look().create)
    assert [mount["mountPath"] for mount in mounts] == ["/tmp/cache", "/tmp", "/var/tmp"]


def test_only_the_wrappers_container_has_them(world: Any) -> None:
    world.edit(podTemplate={"spec": {"containers": [{"name": "s", "image": "i"}]}})
    containers = world.look().create["spec"]["template"]["spec"]["containers"]
    assert {c["name"]: "volumeMounts" in c for c in containers} == {"s": False, "mlrun": True}
