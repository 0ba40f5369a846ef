"""The index: never older than what was seen, and it knows whom an event concerns."""

from typing import Any

from mlrun_operator.cluster.index import Index, slim
from mlrun_operator.cluster.resources import FUNCTIONS, JOBS, PODS, RUNS

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


def test_a_late_word_of_a_predecessor_does_not_touch_its_successor() -> None:
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


def test_jobs_and_pods_are_found_by_their_run_until_they_are_dropped() -> None:
    index = Index()
    index.put(JOBS, job())
    index.put(PODS, pod())
    assert [o["metadata"]["uid"] for o in index.of_run(JOBS, "team", "r")] == ["j"]
    assert [o["metadata"]["uid"] for o in index.of_run(PODS, "team", "r")] == ["p"]
    index.drop(JOBS, job())
    assert index.of_run(JOBS, "team", "r") == []
    index.drop(PODS, pod())
    assert not index._tied


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
