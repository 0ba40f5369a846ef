"""Which image runs, and how the wrapper comes into one that is not ours."""

from typing import Any

import pytest

from mlrun_operator.api.contract.envelope import decode
from mlrun_operator.api.contract.platform import ImageRule
from mlrun_operator.api.reasons import FINAL_EXIT_CODES, Reason
from mlrun_operator.api.v1alpha1.function import FunctionSpec

OURS, THEIRS = "example.org/wrapper:1", "example.org/team/mine:1"


def set_platform(world: Any, **settings: Any) -> None:
    world.platform = world.platform.model_copy(update=settings)


def pod_of(world: Any, image: str | None = THEIRS, **function: Any) -> Any:
    world.function["spec"] |= function
    if image is not None:
        world.function["spec"]["image"] = image
    job = world.look().create
    assert job is not None, world.look().status
    return job["spec"]["template"]["spec"]


def main_of(pod: Any) -> Any:
    return next(container for container in pod["containers"] if container["name"] == "mlrun")


def rules(*pairs: tuple[str, str]) -> tuple[ImageRule, ...]:
    return tuple(ImageRule.model_validate({"from": old, "to": new}) for old, new in pairs)


@pytest.mark.parametrize(
    "asked",
    [
        *("mlrun/mlrun", "mlrun/mlrun:1.6.0", "docker.io/mlrun/mlrun", "quay.io/mlrun/mlrun:x"),
        f"mlrun/mlrun@sha256:{'a' * 64}",
    ],
)
def test_mlruns_own_image_is_ours(world: Any, asked: str) -> None:
    world.function["spec"]["image"] = asked
    job = world.look().create
    pod = job["spec"]["template"]["spec"]
    assert main_of(pod)["image"] == OURS
    assert "initContainers" not in pod
    assert "command" not in main_of(pod)
    assert job["metadata"]["annotations"]["mlrun-operator.dev/image-requested"] == asked


def test_mlruns_own_image_is_the_one_with_its_packages_where_there_is_one(world: Any) -> None:
    set_platform(world, wrapper_ml_image="example.org/wrapper-ml:1")
    assert main_of(pod_of(world, "mlrun/mlrun:1.7"))["image"] == "example.org/wrapper-ml:1"
    assert "initContainers" not in pod_of(world, "mlrun/mlrun:1.7")
    del world.function["spec"]["image"]
    assert main_of(pod_of(world, None))["image"] == OURS


@pytest.mark.parametrize(
    ("image", "settings", "plain"),
    [
        ("mlrun/mlrun:1.7", {}, True),
        ("mlrun/mlrun:1.7", {"wrapper_ml_image": "example.org/wrapper-ml:1"}, None),
        ("mlrun/mlrun:1.7", {"image_rewrites": rules(("mlrun/mlrun:1.7", "mlrun/mlrun:1.7"))}, None),
        ("mlrun/mlrun:1.7", {"image_rewrites": rules(("mlrun/*", OURS))}, True),
        (THEIRS, {}, None),
        (None, {}, None),
    ],
)
def test_the_wrapper_knows_that_it_runs_for_mlruns_own(
    world: Any, image: str | None, settings: dict[str, Any], plain: bool | None
) -> None:
    set_platform(world, **settings)
    if image is not None:
        world.function["spec"]["image"] = image
    annotations = world.look().create["spec"]["template"]["metadata"]["annotations"]
    assert decode(annotations["mlrun-operator.dev/envelope"]).plain_image is plain


def test_the_first_rule_that_fits_names_the_image(world: Any) -> None:
    set_platform(
        world,
        image_rewrites=rules(
            ("mlrun/mlrun:1.7.*", "mlrun/mlrun:1.7.*"), ("docker.io/*", "mirror.example.org/*"), ("old:1", "new:2")
        ),
    )
    assert main_of(pod_of(world, "docker.io/team/a:1"))["image"] == "mirror.example.org/team/a:1"
    assert main_of(pod_of(world, "old:1"))["image"] == "new:2"
    assert main_of(pod_of(world, "old:11"))["image"] == "old:11"
    assert main_of(pod_of(world, "mlrun/mlrun:1.7.2"))["image"] == "mlrun/mlrun:1.7.2"
    assert main_of(pod_of(world, "mlrun/mlrun:1.8.0"))["image"] == OURS


def test_status_tells_the_image_asked_for_and_the_one_that_runs(world: Any) -> None:
    set_platform(world, image_rewrites=rules(("docker.io/*", "mirror.example.org/*")))
    world.function["spec"]["image"] = "docker.io/team/a:1"
    world.settle()
    assert world.status["image"] == {"requested": "docker.io/team/a:1", "resolved": "mirror.example.org/team/a:1"}


def test_an_image_that_is_not_allowed_is_refused_with_words(world: Any) -> None:
    set_platform(world, image_allow=("example.org/team/*", "other:1"))
    assert main_of(pod_of(world))["image"] == THEIRS
    assert main_of(pod_of(world, "mlrun/mlrun"))["image"] == OURS
    world.function["spec"]["image"] = "evil.example.org/team/x:1"
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "InvalidRun")
    expected = "image evil.example.org/team/x:1 is not allowed here; the operator allows example.org/team/*, other:1"
    assert world.status["message"] == expected


def test_a_template_brings_no_image_that_is_not_allowed(world: Any) -> None:
    set_platform(world, image_allow=("example.org/team/*",))
    sidecar = {"name": "sidecar", "image": "evil.example.org/x:1"}
    world.edit(podTemplate={"spec": {"initContainers": [sidecar]}})
    world.settle()
    assert world.status["reason"] == "InvalidRun"
    assert "evil.example.org/x:1" in world.status["message"]


def test_an_image_as_a_volume_has_to_be_allowed_too(world: Any) -> None:
    set_platform(world, image_allow=("ok/*",))
    world.edit(volumes=[{"name": "tools", "mountPath": "/tools", "image": {"reference": "evil/tools:1"}}])
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", "InvalidRun")
    assert "evil/tools:1 is not allowed" in world.status["message"]


def test_another_image_runs_the_wrapper_that_an_init_container_brings(world: Any) -> None:
    pod = pod_of(world)
    (init,), main = pod["initContainers"], main_of(pod)
    assert (init["image"], main["image"]) == (OURS, THEIRS)
    assert init["command"][:2] == ["/usr/bin/tini-static", "--"], "Python as the first process may miss a SIGTERM"
    assert init["command"][2:] == ["/opt/mlrun-wrapper/bin/python", "-I", "-m", "mlrun_wrapper.ahead"]
    assert main["command"][:3] == ["/opt/mlrun-wrapper/bin/tini", "--", "/opt/mlrun-wrapper/loader"]
    assert main["command"][-4:] == ["-X", "utf8", "-m", "mlrun_wrapper"]
    assert {"name": "mlrun-wrapper", "mountPath": "/opt/mlrun-wrapper", "readOnly": True} in main["volumeMounts"]
    assert "PYTHONPATH" not in {entry["name"] for entry in main["env"]}
    assert "imagePullPolicy" not in main
    assert [mount["name"] for mount in init["volumeMounts"]] == ["mlrun-wrapper"]
    assert "env" not in init
    assert init["securityContext"] == main["securityContext"]
    env = {entry["name"]: entry.get("value") for entry in main["env"]}
    assert (env["HOME"], env["TMPDIR"], env["MPLCONFIGDIR"]) == ("/work/home", "/work/tmp", "/work/matplotlib")
    assert {"name": "shm", "emptyDir": {"medium": "Memory"}} in pod["volumes"]


def test_a_repository_is_fetched_where_git_is(world: Any) -> None:
    world.edit(
        env=[{"name": "GIT_TOKEN", "value": "x"}, {"name": "PATH", "value": "/theirs"}], secrets=["git"], podLabels={}
    )
    source = {"source": "git+https://example.org/a/b.git", "handler": "a.py"}
    (init,) = pod_of(world, source=source)["initContainers"]
    names = {entry["name"] for entry in init["env"]}
    assert init["command"][-1] == "fetch"
    assert "GIT_TOKEN" in names
    assert "PATH" not in names
    assert {"secretRef": {"name": "git"}} in init["envFrom"]
    assert {"envelope", "work"} < {mount["name"] for mount in init["volumeMounts"]}


def test_an_init_container_asks_for_no_more_than_its_run_and_for_no_device(world: Any) -> None:
    world.edit(resources={"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi", "gpu": 1}})
    pod = pod_of(world)
    assert pod["initContainers"][0]["resources"] == {
        "requests": {"cpu": "1", "memory": "1Gi"},
        "limits": {"memory": "2Gi"},
    }
    assert main_of(pod)["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_each_container_of_ours_has_its_rule_for_what_no_retry_mends(world: Any) -> None:
    world.function["spec"]["image"] = THEIRS
    found = world.look().create["spec"]["podFailurePolicy"]["rules"][1:]
    assert [rule["onExitCodes"]["containerName"] for rule in found] == ["mlrun-wrapper", "mlrun"]
    assert all(rule["onExitCodes"]["values"] == list(FINAL_EXIT_CODES) for rule in found)


def test_a_template_cannot_take_the_init_containers_place(world: Any) -> None:
    evil = {"name": "mlrun-wrapper", "image": "evil:1", "command": ["sh"], "env": [{"name": "X", "value": "1"}]}
    world.edit(podTemplate={"spec": {"initContainers": [{"name": "first", "image": "a:1"}, evil]}})
    first, ours = pod_of(world)["initContainers"]
    assert (first["name"], ours["image"]) == ("first", OURS)
    assert "env" not in ours


def test_the_pods_user_is_the_settings_or_the_clusters_choice(world: Any) -> None:
    user = {"runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532}
    assert user.items() <= pod_of(world)["securityContext"].items()
    set_platform(world, run_as_user=None)
    assert not user.keys() & pod_of(world)["securityContext"].keys()
    assert pod_of(world)["securityContext"]["runAsNonRoot"] is True


def test_an_init_container_that_fails_tells_why(world: Any) -> None:
    world.function["spec"]["image"] = THEIRS
    world.settle()
    said = "OSError: [Errno 28] No space left on device"
    failed = {"name": "mlrun-wrapper", "state": {"terminated": {"exitCode": 1, "message": said}}}
    waiting = {"name": "mlrun", "state": {"waiting": {"reason": "PodInitializing"}}}
    world.add_pod(phase="Failed", initContainerStatuses=[failed], containerStatuses=[waiting])
    world.job_ends(succeeded=False)
    world.settle()
    assert (world.status["phase"], world.status["reason"]) == ("Failed", Reason.WRAPPER_ERROR)
    assert said in world.status["message"]
    assert world.status["attempts"][0]["exitCode"] == 1


@pytest.mark.parametrize("image", ["two words", "-x", "a\nb", ""])
def test_what_is_no_image_is_refused(image: str) -> None:
    with pytest.raises(ValueError, match="not an image reference"):
        FunctionSpec.model_validate({"source": {"code": "x"}, "image": image})
