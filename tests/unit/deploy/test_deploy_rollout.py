"""What a Deployment, its ReplicaSets and its pods say about a rollout."""

from typing import Any

from deploy.rollout import hopeless, ready

Object = dict[str, Any]


def deployment(*, generation: int = 2, observed: int = 2, **status: Any) -> Object:
    return {
        "kind": "Deployment",
        "metadata": {"generation": generation, "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": observed, **status},
    }


def replica_set(revision: str, template: str) -> Object:
    annotations = {"deployment.kubernetes.io/revision": revision}
    return {"kind": "ReplicaSet", "metadata": {"annotations": annotations, "labels": {"pod-template-hash": template}}}


def pod(template: str, waiting: str, **metadata: Any) -> Object:
    return {
        "kind": "Pod",
        "metadata": {"labels": {"pod-template-hash": template}, **metadata},
        "status": {"containerStatuses": [{"state": {"waiting": {"reason": waiting, "message": "back-off 10s"}}}]},
    }


SETS = [replica_set("1", "old"), replica_set("2", "new")]
DONE = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}


def test_it_is_ready_when_the_one_pod_is_new_and_available() -> None:
    assert ready([deployment(**DONE), *SETS])


def test_it_is_not_ready_before_the_change_was_seen() -> None:
    assert not ready([deployment(generation=3, **DONE), *SETS])


def test_it_is_not_ready_while_an_old_pod_is_there() -> None:
    assert not ready([deployment(**{**DONE, "replicas": 2}), *SETS])


def test_it_is_not_ready_before_the_new_pod_is_available() -> None:
    assert not ready([deployment(replicas=1, updatedReplicas=1), *SETS])


def test_a_new_pod_that_crashes_ends_the_wait_with_its_message() -> None:
    assert hopeless([deployment(), *SETS, pod("new", "CrashLoopBackOff")]) == "CrashLoopBackOff: back-off 10s"


def test_a_new_pod_that_is_being_made_does_not() -> None:
    assert hopeless([deployment(), *SETS, pod("new", "ContainerCreating")]) == ""


def test_an_old_pod_that_crashes_does_not() -> None:
    assert hopeless([deployment(), *SETS, pod("old", "CrashLoopBackOff")]) == ""


def test_a_pod_on_its_way_out_does_not() -> None:
    leaving = pod("new", "CrashLoopBackOff", deletionTimestamp="2026-01-01T00:00:00Z")
    assert hopeless([deployment(), *SETS, leaving]) == ""


def test_nothing_is_judged_before_the_change_was_seen() -> None:
    assert hopeless([deployment(generation=3), *SETS, pod("new", "CrashLoopBackOff")]) == ""


def test_a_pod_that_is_refused_ends_the_wait_with_the_refusal() -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "message": "violates PodSecurity"}
    assert hopeless([deployment(conditions=[refused]), *SETS]) == "its pod was refused: violates PodSecurity"
