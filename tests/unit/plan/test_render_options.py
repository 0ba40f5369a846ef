"""Options: who wins, what reaches the pod, and what no template can undo."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.contract.envelope import decode
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.render.template import enforce_restricted, merge


def pod_of(world: Any) -> Any:
    return world.look().create["spec"]["template"]["spec"]


def container_of(world: Any) -> Any:
    return next(c for c in pod_of(world)["containers"] if c["name"] == "mlrun")


def test_a_runs_options_win_over_its_functions(world: Any) -> None:
    world.function["spec"]["run"] = {
        "nodeSelector": {"disk": "ssd", "zone": "a"},
        "env": [{"name": "A", "value": "function"}, {"name": "B", "value": "function"}],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "priorityClassName": "low",
        "backoffLimit": 4,
    }
    world.edit(
        nodeSelector={"zone": "b"},
        env=[{"name": "B", "value": "run"}],
        resources={"requests": {"cpu": "2"}},
        tolerations=[{"key": "spot", "operator": "Exists"}],
        priorityClassName="high",
    )
    job = world.look().create
    pod = job["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"disk": "ssd", "zone": "b"}
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists"}, {"key": "spot", "operator": "Exists"}]
    assert pod["priorityClassName"] == "high"
    assert job["spec"]["backoffLimit"] == 4
    container = container_of(world)
    assert container["env"][:2] == [{"name": "A", "value": "function"}, {"name": "B", "value": "run"}]
    assert container["resources"] == {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}


def test_the_platforms_defaults_are_below_both(world: Any) -> None:
    defaults = {
        "nodeSelector": {"pool": "batch", "zone": "c"},
        "resources": {"limits": {"memory": "1Gi"}, "requests": {"memory": "512Mi"}},
        "imagePullSecrets": ["registry"],
        "priorityClassName": "platform",
        "ttlSecondsAfterFinished": 3600,
    }
    world.platform = world.platform.model_copy(update={"run_defaults": RunOptions.model_validate(defaults)})
    world.function["spec"]["run"] = {"priorityClassName": "low"}
    world.edit(nodeSelector={"zone": "b"}, resources={"limits": {"memory": "4Gi"}})
    pod = pod_of(world)
    assert pod["nodeSelector"] == {"pool": "batch", "zone": "b"}
    assert container_of(world)["resources"] == {"limits": {"memory": "4Gi"}, "requests": {"memory": "512Mi"}}
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["priorityClassName"] == "low"


def test_other_defaults_of_the_platform_run_nothing_again(world: Any) -> None:
    world.settle()
    world.succeed()
    defaults = RunOptions.model_validate({"nodeSelector": {"pool": "new"}})
    world.platform = world.platform.model_copy(update={"run_defaults": defaults})
    assert world.settle().create is None
    assert world.created == 1


def test_every_single_option_reaches_the_pod(world: Any) -> None:
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}
    spread = [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}]
    world.edit(
        affinity=affinity,
        topologySpreadConstraints=spread,
        serviceAccountName="trainer",
        runtimeClassName="gvisor",
        schedulerName="other",
        terminationGracePeriodSeconds=120,
        imagePullSecrets=["registry"],
        imagePullPolicy="Always",
        activeDeadlineSeconds=3600,
        podLabels={"team": "a"},
        podAnnotations={"note": "b"},
        hostAliases=[{"ip": "203.0.113.7", "hostnames": ["db.example.org"]}],
        fsGroup=4242,
    )
    job = world.look().create
    template = job["spec"]["template"]
    pod = template["spec"]
    assert pod["affinity"] == affinity
    assert pod["topologySpreadConstraints"] == spread
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("trainer", False)
    assert (pod["runtimeClassName"], pod["schedulerName"]) == ("gvisor", "other")
    assert pod["terminationGracePeriodSeconds"] == 120
    assert pod["hostAliases"] == [{"ip": "203.0.113.7", "hostnames": ["db.example.org"]}]
    context = pod["securityContext"]
    assert (context["fsGroup"], context["fsGroupChangePolicy"], context["runAsGroup"]) == (
        4242,
        "OnRootMismatch",
        65532,
    )
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert container_of(world)["imagePullPolicy"] == "Always"
    assert job["spec"]["activeDeadlineSeconds"] == 3600
    assert template["metadata"]["labels"]["team"] == "a"
    assert template["metadata"]["annotations"]["note"] == "b"


@pytest.mark.parametrize(
    ("kind", "rendered"),
    [
        ({"configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}},) * 2,
        ({"secret": {"secretName": "s", "optional": True}},) * 2,
        ({"persistentVolumeClaim": {"claimName": "p"}},) * 2,
        ({"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},) * 2,
        ({"image": {"reference": "example.org/model:1"}},) * 2,
        (
            {"ephemeral": {"size": "1Gi", "storageClassName": "fast"}},
            {
                "ephemeral": {
                    "volumeClaimTemplate": {
                        "spec": {
                            "accessModes": ["ReadWriteOnce"],
                            "resources": {"requests": {"storage": "1Gi"}},
                            "storageClassName": "fast",
                        }
                    }
                }
            },
        ),
    ],
    ids=lambda kind: next(iter(kind)),
)
def test_each_kind_of_volume(world: Any, kind: Any, rendered: Any) -> None:
    world.edit(volumes=[{"name": "data", "mountPath": "/data", "subPath": "in", "readOnly": True, **kind}])
    pod = pod_of(world)
    assert {"name": "data", **rendered} in pod["volumes"]
    mounts = pod["containers"][0]["volumeMounts"]
    assert {"name": "data", "mountPath": "/data", "subPath": "in", "readOnly": True} in mounts


@pytest.mark.parametrize("path", ["/work", "/work/x", "/", "/etc/mlrun-operator", "/opt/mlrun/lib", "/dev/shm"])
def test_a_volume_over_the_wrappers_own_folders_is_refused(world: Any, path: str) -> None:
    world.edit(volumes=[{"name": "data", "mountPath": path, "emptyDir": {}}])
    world.settle()
    assert world.status["reason"] == "InvalidRun"
    assert f"cannot be mounted at {path}" in world.status["message"]


def test_secrets_become_variables_whole_by_key_and_with_a_prefix(world: Any) -> None:
    world.edit(secrets=["whole", {"name": "some", "keys": ["user"], "prefix": "DB_", "optional": True}])
    container = container_of(world)
    assert {"secretRef": {"name": "whole"}} in container["envFrom"]
    reference = {"name": "some", "key": "user", "optional": True}
    assert {"name": "DB_user", "valueFrom": {"secretKeyRef": reference}} in container["env"]


def test_a_variable_of_the_platforms_cannot_be_set(world: Any) -> None:
    world.edit(env=[{"name": "HOME", "value": "/root"}])
    world.settle()
    assert "HOME is set by the platform" in world.status["message"]


def test_one_secret_may_be_named_more_than_once(world: Any) -> None:
    world.function["spec"]["run"] = {"secrets": ["db", "other"]}
    world.edit(secrets=["db", {"name": "db", "keys": ["user"], "prefix": "X_"}])
    container = container_of(world)
    assert [each["secretRef"]["name"] for each in container["envFrom"]][1:-1] == ["db", "other"]
    assert "X_user" in [entry["name"] for entry in container["env"]]


@pytest.mark.parametrize("name", ["MLRUN_ENVELOPE_FILE", "MLRUN_TERMINATION_LOG"])
def test_what_the_pod_runs_and_where_it_reports_is_the_platforms(world: Any, name: str) -> None:
    env = {entry["name"]: entry for entry in container_of(world)["env"]}
    assert env[name]["value"], "also against a Secret that has it: env counts more than envFrom"
    world.edit(env=[{"name": name, "value": "/mine"}])
    world.settle()
    assert world.status["reason"] == "InvalidRun"


def test_gpu_is_the_clusters_gpu_requested_and_limited_alike(world: Any) -> None:
    world.platform = world.platform.model_copy(update={"gpu_resource": "amd.com/gpu"})
    world.edit(resources={"limits": {"gpu": 2, "memory": "1Gi"}})
    assert container_of(world)["resources"] == {
        "requests": {"amd.com/gpu": 2},
        "limits": {"amd.com/gpu": 2, "memory": "1Gi"},
    }


EVIL = {
    "metadata": {
        "labels": {"app.kubernetes.io/managed-by": "me", "extra": "kept"},
        "annotations": {"mlrun-operator.dev/envelope": "{}", "note": "kept"},
    },
    "spec": {
        "hostNetwork": True,
        "hostPID": True,
        "nodeName": "n",
        "automountServiceAccountToken": True,
        "securityContext": {"runAsUser": 0, "runAsNonRoot": False},
        "restartPolicy": "OnFailure",
        "dnsPolicy": "Default",
        "volumes": [
            {"name": "host", "hostPath": {"path": "/"}},
            {
                "name": "token",
                "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"secret": {"name": "s"}}]},
            },
        ],
        "containers": [
            {
                "name": "mlrun",
                "securityContext": {"privileged": True},
                "volumeMounts": [{"name": "host", "mountPath": "/h"}],
            },
            {
                "name": "side",
                "image": "x",
                "securityContext": {"privileged": True},
                "ports": [{"containerPort": 1, "hostPort": 1}],
            },
        ],
        "initContainers": [
            {"name": "first", "image": "y", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}
        ],
    },
}


def test_a_template_adds_what_is_harmless_and_undoes_nothing(world: Any) -> None:
    world.edit(podTemplate=EVIL)
    job = world.look().create
    meta, pod = job["spec"]["template"]["metadata"], job["spec"]["template"]["spec"]
    assert meta["labels"]["extra"] == meta["annotations"]["note"] == "kept"
    assert meta["labels"]["app.kubernetes.io/managed-by"] == "mlrun-operator"
    assert meta["annotations"]["mlrun-operator.dev/envelope"] != "{}"
    assert not {"hostNetwork", "hostPID", "nodeName"} & set(pod)
    assert pod["dnsPolicy"] == "Default"
    assert pod["restartPolicy"] == "Never"
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsUser"] == 65532
    assert not any("hostPath" in volume for volume in pod["volumes"])
    token = next(v for v in pod["volumes"] if v["name"] == "token")
    assert token["projected"]["sources"] == [{"secret": {"name": "s"}}]
    assert [c["name"] for c in pod["containers"]] == ["mlrun", "side"]
    for container in [*pod["containers"], *pod["initContainers"]]:
        security = container["securityContext"]
        assert "privileged" not in security
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["allowPrivilegeEscalation"] is False
    assert not any(mount["name"] == "host" for mount in pod["containers"][0]["volumeMounts"])
    assert pod["containers"][1]["ports"] == [{"containerPort": 1}]


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    template=st.dictionaries(st.text(max_size=5), JSON, max_size=4),
    ours=st.dictionaries(st.text(max_size=5), JSON, max_size=4),
)
def test_whatever_a_template_holds_ours_is_on_top(template: dict[str, Any], ours: dict[str, Any]) -> None:
    merged = merge(template, ours)
    assert set(merged) == set(template) | set(ours)
    for name, value in ours.items():
        if not isinstance(value, dict | list):
            assert merged[name] == value


def test_containers_of_a_template_tell_their_last_words(world: Any) -> None:
    own = {"name": "own", "image": "i", "terminationMessagePolicy": "File"}
    world.edit(podTemplate={"spec": {"initContainers": [{"name": "init", "image": "i"}], "containers": [own]}})
    pod = world.look().create["spec"]["template"]["spec"]
    policies = {c["name"]: c["terminationMessagePolicy"] for c in [*pod["initContainers"], *pod["containers"]]}
    assert policies == {"init": "FallbackToLogsOnError", "mlrun": "FallbackToLogsOnError", "own": "File"}


def test_restricting_twice_is_restricting_once() -> None:
    spec = {"containers": [{"name": "a"}], "volumes": [{"name": "v", "emptyDir": {}}], "hostNetwork": True}
    assert enforce_restricted(enforce_restricted(spec)) == enforce_restricted(spec)


def test_a_changed_option_is_a_new_execution(world: Any) -> None:
    world.settle()
    world.succeed()
    world.edit(resources={"limits": {"memory": "2Gi"}})
    world.settle()
    assert world.created == 2


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"metadata": {"annotations": {"a": 1}}}, "metadata.annotations.a must be a string, not 1; put it in quotes"),
        ({"metadata": "x"}, 'metadata must be an object, not "x"'),
        ({"spec": {"containers": [{"image": "x"}]}}, "spec.containers[0].name is required"),
        ({"speck": {}}, "not speck"),
    ],
)
def test_a_template_that_is_none_is_refused_with_words(world: Any, template: Any, words: str) -> None:
    world.edit(podTemplate=template)
    world.settle()
    assert world.status["reason"] == "InvalidRun"
    assert words in world.status["message"]


def test_a_template_cannot_take_the_wrappers_place(world: Any) -> None:
    mine = {"name": "mlrun", "command": ["sh"], "args": ["-c", "true"], "lifecycle": {}, "livenessProbe": {}}
    security = {
        "appArmorProfile": {"type": "Unconfined"},
        "sysctls": [{"name": "a", "value": "1"}],
        "supplementalGroups": [7],
    }
    volumes = [{"name": "share", "nfs": {"server": "x", "path": "/"}}]
    world.edit(podTemplate={"spec": {"containers": [mine], "securityContext": security, "volumes": volumes}})
    pod = pod_of(world)
    assert not {"command", "args", "lifecycle", "livenessProbe"} & set(pod["containers"][0])
    assert pod["securityContext"]["supplementalGroups"] == [7]
    assert not {"appArmorProfile", "sysctls"} & set(pod["securityContext"])
    assert not any("nfs" in volume for volume in pod["volumes"])


def test_two_mounts_of_one_volume_are_both_kept(world: Any) -> None:
    mounts = [{"name": "v", "mountPath": "/a", "subPath": "a"}, {"name": "v", "mountPath": "/b", "subPath": "b"}]
    template = {
        "spec": {"volumes": [{"name": "v", "emptyDir": {}}], "containers": [{"name": "mlrun", "volumeMounts": mounts}]}
    }
    world.edit(podTemplate=template)
    assert all(mount in container_of(world)["volumeMounts"] for mount in mounts)


def test_the_report_shrinks_with_the_number_of_containers(world: Any) -> None:
    from mlrun_operator.api.contract.envelope import decode

    sidecars = [{"name": f"s{n}", "image": "x"} for n in range(4)]
    world.edit(podTemplate={"spec": {"containers": sidecars}})
    annotations = world.look().create["spec"]["template"]["metadata"]["annotations"]
    assert decode(annotations["mlrun-operator.dev/envelope"]).result_budget == 12288 // 9


def test_failures_that_are_not_tried_again_travel_to_the_wrapper(world: Any) -> None:
    world.function["spec"]["run"] = {"nonRetryable": {"exitCodes": [3]}}
    world.edit(nonRetryable={"exceptions": ["ValueError", "package.errors.BadData"]}, backoffLimit=3)
    job = world.look().create
    envelope = decode(job["spec"]["template"]["metadata"]["annotations"]["mlrun-operator.dev/envelope"])
    assert envelope.non_retryable.exceptions == ["ValueError", "package.errors.BadData"]
    assert envelope.non_retryable.exit_codes is None
    assert 2 in job["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"]


def test_two_volumes_of_one_name_and_two_sources_are_refused(world: Any) -> None:
    scratch = {"name": "data", "mountPath": "/scratch", "emptyDir": {}}
    world.edit(volumes=[{"name": "data", "mountPath": "/data", "configMap": {"name": "c"}}, scratch])
    world.settle()
    assert world.status["reason"] == "InvalidRun"
    assert "'data'" in world.status["message"]


def test_one_volume_may_be_mounted_at_two_paths(world: Any) -> None:
    claim = {"persistentVolumeClaim": {"claimName": "p"}}
    world.edit(
        volumes=[
            {"name": "data", "mountPath": "/a", "subPath": "a", **claim},
            {"name": "data", "mountPath": "/b", "readOnly": True, **claim},
        ]
    )
    pod = pod_of(world)
    assert [volume for volume in pod["volumes"] if volume["name"] == "data"] == [{"name": "data", **claim}]
    paths = [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == "data"]
    assert paths == ["/a", "/b"]


def test_kubectl_shows_the_wrappers_container(world: Any) -> None:
    world.edit(podTemplate={"spec": {"containers": [{"name": "proxy", "image": "x"}]}})
    annotations = world.look().create["spec"]["template"]["metadata"]["annotations"]
    assert annotations["kubectl.kubernetes.io/default-container"] == "mlrun"
