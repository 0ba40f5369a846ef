"""The index: never older than what was seen, and it knows whom an event concerns."""

from typing import Any

import pytest

from mlrun_operator.api.values.names import job_name
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import FUNCTIONS, JOBS, PODS, RUNS, Resource
from mlrun_operator.cluster.slim import slim

Object = dict[str, Any]


def run(version: int = 1, uid: str = "r", function: str = "my_function") -> Object:
    return {
        "metadata": {"name": "run", "namespace": "team", "uid": uid, "resourceVersion": str(version)},
        "spec": {"functionRef": {"name": function}},
        "status": {"phase": str(version)},
    }


def job(version: int = 1, uid: str = "j") -> Object:
    return {
        "metadata": {
            "name": "run-1",
            "namespace": "team",
            "uid": uid,
            "resourceVersion": str(version),
            "labels": {"mlrun-operator.dev/run-uid": "r"},
            "ownerReferences": [{"kind": "MlrunRun", "name": "run", "uid": "r", "controller": True}],
        },
        "spec": {"template": {"spec": {"containers": [{"name": "mlrun", "image": "i", "env": [1, 2]}]}}},
    }


def pod() -> Object:
    return {
        "metadata": {
            "name": "run-1-x",
            "namespace": "team",
            "uid": "p",
            "resourceVersion": "1",
            "labels": {"mlrun-operator.dev/run-uid": "r"},
            "annotations": {"mlrun-operator.dev/envelope": "x" * 1000},
            "ownerReferences": [{"kind": "Job", "name": job()["metadata"]["name"], "uid": "j", "controller": True}],
        },
        "spec": {"nodeName": "n", "containers": []},
        "status": {"phase": "Pending", "podIP": "10.0.0.1"},
    }


def test_an_older_state_never_replaces_a_newer_one() -> None:
    index = Index()
    index.put(RUNS, run(5))
    index.put(RUNS, run(3))
    assert index.get(RUNS, "team", "run")["status"]["phase"] == "5"
    index.put(RUNS, run(10))
    assert index.get(RUNS, "team", "run")["status"]["phase"] == "10"


def test_a_late_event_of_a_predecessor_spares_its_successor() -> None:
    index = Index()
    index.put(RUNS, run(9, uid="new"))
    index.put(RUNS, run(7, uid="old"))
    index.drop(RUNS, run(8, uid="old"))
    assert index.get(RUNS, "team", "run")["metadata"]["uid"] == "new"


def test_events_wake_the_runs_they_concern() -> None:
    index = Index()
    index.put(RUNS, run())
    index.put(JOBS, job())
    function = {"metadata": {"name": "my-function-c64d28", "namespace": "team"}}
    assert list(index.runs_of(FUNCTIONS, function)) == [("team", "run")]
    assert list(index.runs_of(JOBS, job())) == [("team", "run")]
    assert list(index.runs_of(PODS, pod())) == [("team", "run")]
    index.drop(RUNS, run())
    assert list(index.runs_of(FUNCTIONS, function)) == []


def test_what_a_listing_has_not_is_gone_unless_it_is_newer() -> None:
    index = Index()
    index.put(JOBS, job(5))
    assert index.missing_from(JOBS, None, {"j"}, 6) == []
    assert index.missing_from(JOBS, None, set(), 4) == [], "made after the listing"
    assert [gone["metadata"]["uid"] for gone in index.missing_from(JOBS, "team", set(), 6)] == ["j"]
    assert index.missing_from(JOBS, "other", set(), 6) == []


def test_jobs_and_pods_are_found_by_their_run_until_dropped() -> None:
    index = Index()
    index.put(JOBS, job())
    index.put(PODS, pod())
    assert [o["metadata"]["uid"] for o in index.of_run(JOBS, "team", "r")] == ["j"]
    assert [o["metadata"]["uid"] for o in index.of_run(PODS, "team", "r")] == ["p"]
    index.drop(JOBS, job())
    assert index.of_run(JOBS, "team", "r") == []
    index.drop(PODS, pod())
    assert not index._related


def test_what_no_decision_looks_at_is_not_kept() -> None:
    kept = slim(PODS, pod())
    assert "annotations" not in kept["metadata"]
    assert "podIP" not in kept["status"]
    assert slim(JOBS, job())["spec"]["template"]["spec"]["containers"] == [{"name": "mlrun", "image": "i"}]


def test_which_init_containers_are_native_sidecars_is_kept() -> None:
    inits = [{"name": "first", "image": "i"}, {"name": "proxy", "image": "i", "restartPolicy": "Always"}]
    kept = slim(PODS, {**pod(), "spec": {"nodeName": "n", "initContainers": inits}})
    assert kept["spec"] == {"nodeName": "n", "initContainers": [{"name": "proxy", "restartPolicy": "Always"}]}


def test_a_late_answer_does_not_bring_back_what_is_gone() -> None:
    index = Index()
    index.put(RUNS, run(5))
    index.drop(RUNS, run(7))
    index.put(RUNS, run(6))
    assert index.get(RUNS, "team", "run") is None
    index.put(RUNS, run(9, uid="successor"))
    assert index.get(RUNS, "team", "run") is not None


def test_another_namespaces_objects_are_not_the_runs() -> None:
    index = Index()
    forged = job()
    forged["metadata"]["namespace"] = "elsewhere"
    index.put(JOBS, forged)
    assert index.of_run(JOBS, "team", "r") == []


def test_a_function_is_found_by_the_name_as_it_is_written_too() -> None:
    index = Index()
    index.put(RUNS, run(function="my.func"))
    assert list(index.runs_of(FUNCTIONS, {"metadata": {"name": "my.func", "namespace": "team"}})) == [("team", "run")]


OURS = {"app.kubernetes.io/managed-by": "mlrun-operator"}


def labelled(obj: Object, version: int, **labels: str) -> Object:
    meta = {**obj["metadata"], "labels": obj["metadata"]["labels"] | labels, "resourceVersion": str(version)}
    return {**obj, "metadata": meta}


def watched(obj: Object, version: int) -> Object:
    return labelled(obj, version, **OURS)


@pytest.mark.parametrize(("resource", "made"), [(JOBS, job()), (PODS, pod())], ids=["Job", "pod"])
def test_what_lost_its_label_comes_back_by_a_direct_read(resource: Resource, made: Object) -> None:
    """The API server tells of it by a DELETED event: the object as it was, with the version of the change."""
    index = Index()
    index.put(resource, watched(made, 5))
    index.drop(resource, watched(made, 7))
    assert not index.put(resource, labelled(made, 7)), "an answer to our own write may be late"
    assert index.put(resource, labelled(made, 7), direct=True)
    index.drop(resource, watched(made, 7))
    assert index.of_run(resource, "team", "r"), "the event was late"
    assert index.put(resource, labelled(made, 9)), "our own writes to it are kept again"
    index.drop(resource, labelled(made, 9))
    assert index.of_run(resource, "team", "r") == [], "it was deleted by us, or not found"


def test_what_gets_its_label_again_is_seen_by_its_watch() -> None:
    index = Index()
    index.put(JOBS, watched(job(), 5))
    index.drop(JOBS, watched(job(), 7))
    assert not index.put(JOBS, watched(job(), 6))
    assert not index.put(JOBS, watched(job(), 7))
    assert index.put(JOBS, watched(job(), 8))


@pytest.mark.parametrize("direct", [False, True])
def test_what_is_gone_does_not_come_back_by_a_late_read(direct: bool) -> None:
    index = Index()
    index.put(JOBS, watched(job(), 5))
    index.drop(JOBS, watched(job(), 7))
    assert not index.put(JOBS, watched(job(), 6), direct=direct)


def test_what_we_deleted_comes_back_only_by_a_newer_read() -> None:
    """Held by a finalizer, say. The read that came before our delete is no proof."""
    index = Index()
    index.put(JOBS, watched(job(), 5))
    index.drop(JOBS, watched(job(), 5))
    assert not index.put(JOBS, watched(job(), 5), direct=True)
    assert not index.put(JOBS, watched(job(), 6))
    assert index.put(JOBS, watched(job(), 6), direct=True)


def test_the_end_of_a_pod_that_was_found_gone_is_read() -> None:
    """Its report was lost: the direct reading that did not find the pod came before its watch (seed 6776)."""
    index = Index()
    index.put(PODS, watched(pod(), 5))
    index.drop(PODS, watched(pod(), 5))
    assert not index.put(PODS, watched(pod(), 6))
    ended = {**watched(pod(), 7), "status": {"phase": "Succeeded"}}
    assert index.put(PODS, ended)
    index.drop(PODS, ended)
    assert not index.put(PODS, ended), "it was forgotten since"


def test_what_the_sweep_misses_for_its_label_comes_back() -> None:
    index = Index()
    index.put(JOBS, labelled(job(), 5), direct=True)
    for gone in index.missing_from(JOBS, "team", set(), 9):
        index.drop(JOBS, gone)
    assert index.of_run(JOBS, "team", "r") == []
    assert index.put(JOBS, labelled(job(), 5), direct=True)


def orphan() -> Object:
    """A pod after `kubectl delete job --cascade=orphan`."""
    orphaned = labelled(pod(), 2, **{"batch.kubernetes.io/controller-uid": "j", "batch.kubernetes.io/job-name": "j-1"})
    del orphaned["metadata"]["ownerReferences"]
    return orphaned


def test_pods_are_found_by_their_label_when_orphaned() -> None:
    index = Index()
    index.put(RUNS, run())
    index.put(PODS, orphan())
    assert [found["metadata"]["uid"] for found in index.of_job("team", "j")] == ["p"]
    assert [found["metadata"]["uid"] for found in index.pods_of_run("team", "r")] == ["p"]
    assert list(index.runs_of(PODS, orphan())) == [("team", "run")], "its end wakes the run though the Job is gone"
    index.drop(PODS, orphan())
    assert not index._related


def test_an_orphaned_pod_without_its_run_is_told() -> None:
    index = Index()
    named = labelled(orphan(), 2, **orphan()["metadata"]["labels"], **{"mlrun-operator.dev/run": "run"})
    index.put(RUNS, run())
    index.put(PODS, named)
    assert index.orphaned_pods("team", "run") == [], "its run ends it"
    index.drop(RUNS, run())
    assert [found["metadata"]["uid"] for found in index.orphaned_pods("team", "run")] == ["p"]
    assert ("team", "run") in index.runs_of(PODS, named)
    ended = {**labelled(named, 3), "status": {"phase": "Succeeded"}}
    index.put(PODS, ended)
    assert index.orphaned_pods("team", "run") == []


def test_a_job_without_its_label_is_found_by_its_controller() -> None:
    index = Index()
    index.put(RUNS, run())
    bare = job()
    del bare["metadata"]["labels"]
    index.put(JOBS, bare)
    assert [found["metadata"]["uid"] for found in index.of_run(JOBS, "team", "r")] == ["j"]
    unowned = job()
    del unowned["metadata"]["ownerReferences"]
    assert list(index.runs_of(JOBS, unowned)) == [("team", "run")]


def test_the_pods_of_a_fired_job_are_its_childs() -> None:
    index = Index()
    fired = {**job(), "metadata": {**job()["metadata"], "name": "run-29400000", "ownerReferences": []}}
    pods = [{**pod(), "metadata": {**pod()["metadata"], "labels": {"mlrun-operator.dev/run-uid": "schedule"}}}]
    pods[0]["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "run-29400000", "uid": "j", "controller": True}]
    index.put(JOBS, labelled(fired, 1, **{"mlrun-operator.dev/run-uid": "schedule"}))
    index.put(PODS, pods[0])
    assert len(index.pods_of_run("team", "schedule")) == 1
    index.put(JOBS, labelled(fired, 2, **{"mlrun-operator.dev/run-uid": "child"}))
    assert index.pods_of_run("team", "schedule") == []
    assert len(index.pods_of_run("team", "child")) == 1


def test_limits_of_a_job_and_ends_of_a_pod_are_kept() -> None:
    made, ending = job(), pod()
    limits: Object = {
        "suspend": True,
        "backoffLimit": 3,
        "activeDeadlineSeconds": 60,
        "completions": 2,
        "parallelism": 2,
    }
    limits |= {"completionMode": "Indexed", "backoffLimitPerIndex": 1}
    made["spec"] |= {**limits, "selector": {}}
    assert {k: v for k, v in slim(JOBS, made)["spec"].items() if k != "template"} == limits
    ending["metadata"] |= {"deletionTimestamp": "2026-11-23T12:00:30Z", "deletionGracePeriodSeconds": 30}
    ending["spec"]["initContainers"] = [{"name": "mesh", "restartPolicy": "Always", "image": "m"}, {"name": "init"}]
    kept = slim(PODS, ending)
    assert kept["metadata"]["deletionGracePeriodSeconds"] == 30
    assert kept["metadata"]["deletionTimestamp"]
    assert kept["spec"] == {"nodeName": "n", "initContainers": [{"name": "mesh", "restartPolicy": "Always"}]}


@pytest.mark.parametrize("execution", [1, 42])
def test_the_pods_of_a_job_that_is_gone_stay_their_runs(execution: int) -> None:
    """The Job's name, with the number of the execution at its end, is not that of a Job that a schedule fired."""
    index, made, its_pod = Index(), job(), pod()
    made["metadata"]["name"] = job_name("run", "r", execution)
    its_pod["metadata"]["ownerReferences"][0]["name"] = made["metadata"]["name"]
    index.put(RUNS, run())
    index.put(JOBS, made)
    index.put(PODS, its_pod)
    index.drop(JOBS, made)
    assert [found["metadata"]["uid"] for found in index.pods_of_run("team", "r")] == ["p"]
    assert list(index.runs_of(PODS, its_pod)) == [("team", "run")], "its end wakes the run"
