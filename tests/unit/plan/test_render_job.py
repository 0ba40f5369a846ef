"""The Job of an execution: what the user wrote, and what the platform has the last word on."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.contract.envelope import decode
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.render.collector import build_collector
from mlrun_operator.render.cron_job import build_child
from mlrun_operator.render.envelope import result_budget
from mlrun_operator.render.execution import HASH_VERSION, execution_hash, function_digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def job(world: Any) -> Any:
    world.edit(inputs={"url": "https://x/a.csv"}, outputs={"dataset": "dataset"}, values=["rows"], rerun="r1")
    return world.look().create


def envelope_of(job: Any) -> Any:
    return decode(job["spec"]["template"]["metadata"]["annotations"]["mlrun-operator.dev/envelope"])


def test_the_job_is_the_runs_and_says_what_it_was_made_for(job: Any, world: Any) -> None:
    meta = job["metadata"]
    assert meta["ownerReferences"] == [
        {
            "apiVersion": "mlrun-operator.dev/v1alpha1",
            "kind": "MlrunRun",
            "name": "first-run",
            "uid": world.run["metadata"]["uid"],
            "controller": True,
        }
    ]
    notes = meta["annotations"]
    assert notes["mlrun-operator.dev/execution"] == "1"
    assert notes["mlrun-operator.dev/execution-hash"] == execution_hash(world.run["spec"])
    assert notes["mlrun-operator.dev/rerun"] == "r1"
    assert json.loads(notes["mlrun-operator.dev/function"]) == {
        "name": "my_function",
        "generation": 3,
        "digest": function_digest(world.function["spec"]),
    }
    assert meta["labels"]["mlrun-operator.dev/run-uid"] == world.run["metadata"]["uid"]


def test_the_envelope_is_all_the_wrapper_needs(job: Any) -> None:
    envelope = envelope_of(job)
    assert envelope.run.name == "first-run"
    assert envelope.run.project == "team"
    assert envelope.function.name == "my_function"
    assert envelope.function.uuid == "f-1"
    assert envelope.inputs["url"].path == "https://x/a.csv"
    assert envelope.outputs["dataset"].name == "dataset"
    assert envelope.parameters == {"x": 1}
    assert envelope.values == ["rows"]
    assert envelope.store.root == "s3://mlrun/team"
    assert envelope.result_budget == 2457


def test_the_project_is_the_runs_else_the_functions_else_the_namespace(world: Any) -> None:
    assert envelope_of(world.look().create).run.project == "team"
    world.function["spec"]["project"] = "of-function"
    assert envelope_of(world.look().create).run.project == "of-function"
    world.edit(project="of-run")
    assert envelope_of(world.look().create).run.project == "of-run"


def test_an_inline_function_is_named_as_the_run(world: Any, function: Any) -> None:
    inline = {"source": {"code": "x = 1"}, "handler": "f"}
    world.edit(functionRef=None, function=inline)
    envelope = envelope_of(world.look().create)
    assert envelope.function.name == "first-run"
    assert envelope.function.uuid == world.run["metadata"]["uid"]


def test_the_pod_meets_the_restricted_profile_and_has_no_token(job: Any) -> None:
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["restartPolicy"] == "Never"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
    }
    store = {"secretRef": {"name": "mlrun-operator-store", "optional": True}}
    assert container["envFrom"] == [store, {"prefix": "MLRUN_STORE_", **store}]


def test_no_credential_is_in_the_job(job: Any) -> None:
    assert "AWS_SECRET" not in json.dumps(job)


def test_the_backoff_limit_is_the_runs_else_the_platforms(world: Any) -> None:
    assert world.look().create["spec"]["backoffLimit"] == 0
    world.platform = world.platform.model_copy(update={"backoff_limit": 2})
    assert world.look().create["spec"]["backoffLimit"] == 2
    world.edit(backoffLimit=5)
    assert world.look().create["spec"]["backoffLimit"] == 5


def test_a_large_ca_bundle_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="32 KiB"):
        Platform(ca_bundle="x" * 40_000)


@given(parameters=st.dictionaries(st.text(), JSON, max_size=4))
def test_the_hash_does_not_depend_on_the_order_of_keys(parameters: dict[str, Any]) -> None:
    spec = {"functionRef": {"name": "f"}, "parameters": parameters}
    turned = {"parameters": dict(reversed(parameters.items())), "functionRef": {"name": "f"}}
    assert execution_hash(spec) == execution_hash(turned)
    assert execution_hash(spec).startswith(f"{HASH_VERSION}-")


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({}, 30),
        ({"terminationGracePeriodSeconds": 600}, 600),
        ({"podTemplate": {"spec": {"terminationGracePeriodSeconds": 7}}}, 7),
    ],
)
def test_the_wrapper_knows_the_pods_grace_period(world: Any, options: Any, seconds: int) -> None:
    world.edit(**options)

    assert envelope_of(world.look().create).grace_seconds == seconds


def variables(job: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = job["spec"]["template"]["spec"]["containers"][0]["env"]
    return found


PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_the_pod_is_told_the_trace_that_its_run_belongs_to(world: Any) -> None:
    notes = {"mlrun-operator.dev/traceparent": PARENT, "mlrun-operator.dev/tracestate": "a=b"}
    world.run["metadata"]["annotations"] = notes
    told = variables(world.look().create)[:2]
    assert told == [{"name": "TRACEPARENT", "value": PARENT}, {"name": "TRACESTATE", "value": "a=b"}]


def test_a_trace_that_the_run_sets_itself_comes_later_and_so_counts(world: Any) -> None:
    world.run["metadata"]["annotations"] = {"mlrun-operator.dev/traceparent": PARENT}
    world.edit(env=[{"name": "TRACEPARENT", "value": "mine"}])
    values = [each["value"] for each in variables(world.look().create) if each["name"] == "TRACEPARENT"]
    assert values == [PARENT, "mine"]


def test_no_trace_is_no_variable(world: Any) -> None:
    world.run["metadata"]["annotations"] = {"mlrun-operator.dev/traceparent": "nonsense"}
    assert not [each for each in variables(world.look().create) if each["name"].startswith("TRACE")]


def test_the_firings_of_a_schedule_are_not_of_the_trace_that_made_it(world: Any) -> None:
    world.run["metadata"]["annotations"] = {"mlrun-operator.dev/traceparent": PARENT}
    world.edit(schedule="0 * * * *")
    made = world.look().create
    assert made["kind"] == "CronJob"
    assert PARENT not in json.dumps(made)


KUEUE_LABELS = {"kueue.x-k8s.io/queue-name": "team-queue", "kueue.x-k8s.io/priority-class": "high"}
KUEUE_ANNOTATIONS = {
    "kueue.x-k8s.io/max-exec-time-seconds": "600",
    "kueue.x-k8s.io/podset-required-topology": "cloud/rack",
}


def queue(world: Any, **spec: Any) -> None:
    world.run["metadata"] |= {
        "labels": {**KUEUE_LABELS, "team": "a"},
        "annotations": {**KUEUE_ANNOTATIONS, "note": "b"},
    }
    world.edit(**spec)


def test_all_that_is_for_kueue_reaches_the_job(world: Any) -> None:
    queue(world)
    job = world.look().create
    assert job["metadata"]["labels"].items() >= KUEUE_LABELS.items()
    assert job["metadata"]["annotations"].items() >= KUEUE_ANNOTATIONS.items()
    assert not {"team", "note"} & {*job["metadata"]["labels"], *job["metadata"]["annotations"]}
    pod = job["spec"]["template"]["metadata"]
    assert pod["annotations"]["kueue.x-k8s.io/podset-required-topology"] == "cloud/rack"
    assert not [label for label in pod["labels"] if label.startswith("kueue")]


def test_a_job_for_a_queue_is_created_suspended(world: Any) -> None:
    """Else a pod starts and is killed when Kueue suspends the Job."""
    assert "suspend" not in world.look().create["spec"]
    queue(world)
    assert world.look().create["spec"]["suspend"] is True


def test_a_queue_by_pod_labels_is_one(world: Any) -> None:
    world.edit(podLabels={"kueue.x-k8s.io/queue-name": "team-queue"})
    assert world.look().create["spec"]["suspend"] is True


def test_a_schedule_hands_what_is_for_kueue_to_its_jobs(world: Any) -> None:
    queue(world, schedule="0 * * * *")
    template = world.look().create["spec"]["jobTemplate"]
    assert template["metadata"]["labels"].items() >= KUEUE_LABELS.items()
    assert template["metadata"]["annotations"].items() >= KUEUE_ANNOTATIONS.items()
    assert template["spec"]["suspend"] is True


def test_a_run_of_a_schedule_keeps_what_is_for_kueue(world: Any) -> None:
    queue(world, schedule="0 * * * *")
    child = build_child(world.run, "first-run-1", "manual", datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert child["metadata"]["labels"].items() >= KUEUE_LABELS.items()
    assert child["metadata"]["annotations"].items() >= KUEUE_ANNOTATIONS.items()


def test_the_collector_of_a_queued_sweep_is_queued_too(world: Any) -> None:
    queue(world, hyperparameters={"params": {"x": [1, 2]}, "placement": "FanOut"})
    collector = build_collector(world.look().create, world.run, 1, {})
    assert collector["spec"]["suspend"] is True
    assert collector["metadata"]["annotations"].items() >= KUEUE_ANNOTATIONS.items()


def test_an_index_that_has_reported_is_not_run_again(world: Any) -> None:
    """The rule stands after what Kubernetes ignores and before exit codes, which another container may decide."""
    world.edit(replicas=2)
    rules = world.look().create["spec"]["podFailurePolicy"]["rules"]
    reported = {"type": "mlrun-operator.dev/Reported", "status": "True"}
    assert [rule["action"] for rule in rules] == ["Ignore", "FailIndex", "FailIndex"]
    assert rules[1]["onPodConditions"] == [reported]
    assert rules[2]["onExitCodes"]["containerName"] == "mlrun"


@pytest.mark.parametrize(("containers", "budget"), [(1, 2457), (2, 2048), (4, 1536), (20, 512)])
def test_the_report_leaves_room_for_injected_containers(containers: int, budget: int) -> None:
    assert result_budget(containers) == budget
    assert budget * (containers + 4) <= 12288
