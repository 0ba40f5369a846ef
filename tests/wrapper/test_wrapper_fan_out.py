"""A sweep in many pods: each does its point and leaves word of it, and a last one ends it as one process does."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pandas.testing import assert_frame_equal
from sweep_runs import counts, data, entity, run_json, sweep, table
from wrapper_runs import Ended, WrapperRun

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.v1alpha1.sweep import points
from mlrun_operator.store import NotFoundError, derived_uuid, open_store

RANDOM: dict[str, Any] = {"params": {"depth": [*range(50)], "rate": [0.1, 0.2, 0.4]}}
RANDOM |= {"strategy": "random", "seed": 13, "maxIterations": 4, "maxErrors": 0, "selector": "max.score"}
DRAWN = points(RANDOM["params"], "random", 4, 13)
CODE = """
    import pandas as pd

    def handler(context, depth, rate, bad):
        context.log_result("score", depth * rate)
        context.log_result("iteration", context.iteration)
        if depth == bad:
            raise ValueError("bad luck")
        context.log_dataset("out", df=pd.DataFrame({"depth": [depth]}))
"""
JOB = "my-run"


def pod(index: int) -> dict[str, str]:
    return {"MLRUN_SWEEP_INDEX": str(index), "MLRUN_POD_UID": f"pod-{index}", "MLRUN_JOB_NAME": JOB}


def collector() -> dict[str, str]:
    return {"MLRUN_POD_UID": "collector", "MLRUN_JOB_NAME": f"{JOB}-c"}


@pytest.fixture
def point(file_store: StoreInfo, start: Callable[..., WrapperRun]) -> Callable[..., WrapperRun]:
    """The pod of one point."""

    def starter(index: int, code: str = CODE, failures: int = 0, **more: Any) -> WrapperRun:
        content = sweep(file_store, code, **{"info": {"part": "point"}, **more})
        return start(content, {**pod(index), "MLRUN_SWEEP_FAILURES": str(failures)})

    return starter


@pytest.fixture
def collect(file_store: StoreInfo, run: Callable[..., Ended]) -> Callable[..., Ended]:
    """The last pod."""

    def runner(lost: dict[str, str] | None = None, **more: Any) -> Ended:
        info = {"part": "collect", "job": JOB, "lost": lost or {}}
        return run(sweep(file_store, CODE, info=info, **more), collector())

    return runner


def board(store: StoreInfo, name: str) -> Any:
    """What the pods have told each other."""
    folder = f"demo/run/run/my-run/{derived_uuid('run-uid', 1, 'sweep', 0, JOB)}"
    return json.loads(open_store(store).read(f"{folder}/{name}"))


def tell(store: StoreInfo, name: str, content: dict[str, Any]) -> None:
    folder = f"demo/run/run/my-run/{derived_uuid('run-uid', 1, 'sweep', 0, JOB)}"
    open_store(store).write(f"{folder}/{name}", json.dumps(content).encode())


def test_pods_end_as_one_process_does(
    point: Callable[..., WrapperRun],
    collect: Callable[..., Ended],
    run: Callable[..., Ended],
    file_store: StoreInfo,
    tmp_path: Any,
) -> None:
    bad = DRAWN[2]["depth"]
    given = RANDOM | {"parameters": {"bad": bad}, "outputs": {"out": "forecast"}}
    first, second = point(0, **given), point(1, **given)
    first, second = first.end(), second.end()
    third = point(2, **given).end()
    fourth = point(3, **given).end()

    assert [each.code for each in (first, second, third, fourth)] == [0, 0, 1, 0]
    assert [each.reason for each in (third, fourth)] == ["HandlerFailed", "Skipped"]
    assert first.result.results == {"score": DRAWN[0]["depth"] * DRAWN[0]["rate"], "iteration": 1}
    assert list(first.result.outputs) == ["forecast"]
    assert str(entity(file_store, "store://demo/dataitem/table/forecast-1").key) == first.result.outputs["forecast"].key
    assert run_json(file_store, first)["parameters"] == {"bad": bad, **DRAWN[0]}
    assert board(file_store, "stop.json") == {"why": "1 points failed, and maxErrors is 0"}
    assert fourth.result.message.startswith("1 points failed, and maxErrors is 0")
    assert "no new point starts: 1 points failed, and maxErrors is 0" in third.log

    ended = collect(**given)

    assert (ended.code, ended.reason) == (2, "HandlerFailed")
    assert ended.result.message == (
        "1 of 4 points failed, and maxErrors is 0; the first: point 3: ValueError: bad luck"
    )
    assert "nonRetryable" not in ended.log
    assert counts(ended) == (2, 1, 1)
    alone = run(sweep(StoreInfo(root=f"file://{tmp_path}/other"), CODE, **given))
    assert alone.result.sweep == ended.result.sweep
    assert alone.result.results == ended.result.results
    assert alone.result.message == ended.result.message
    ours, others = table(file_store, ended), table(StoreInfo(root=f"file://{tmp_path}/other"), alone)
    assert ours.pop("run_path").tolist()[:2] == [first.result.run_path, second.result.run_path]
    assert_frame_equal(ours.drop(columns="error"), others.drop(columns="error"))
    assert ours["error"].tolist()[:3] == others["error"].tolist()[:3]


def test_the_best_point_s_outputs_become_the_run_s_when_all_is_well(
    point: Callable[..., WrapperRun], collect: Callable[..., Ended], file_store: StoreInfo
) -> None:
    given = {"params": {"depth": [1, 2], "rate": [0.5]}, "selector": "score", "stopCondition": "score >= 1"}
    given |= {"parameters": {"bad": 0}}
    ended = point(1, **given).end()

    assert ended.code == 0, ended.log
    assert board(file_store, "stop.json") == {"why": "stopCondition 'score >= 1' held at point 2"}
    with pytest.raises(NotFoundError):
        entity(file_store, "store://demo/dataitem/table/out")
    ended = collect(**given)
    assert ended.code == 0, ended.log
    assert counts(ended) == (1, 0, 1)
    assert ended.result.results == {"score": 1.0, "iteration": 2, "best_iteration": 2}
    assert list(ended.result.outputs) == ["out", "iteration_results", "parallel_coordinates"]
    latest, own = (entity(file_store, f"store://demo/dataitem/table/out{tail}") for tail in ("", "-2"))
    assert latest.path == own.path
    assert latest.path is not None
    assert data(file_store, latest.path).startswith(b"PAR1")
    assert entity(file_store, "store://demo/dataitem/table/iteration_results").status["preview"]["rows"] == 2


def test_a_failure_that_is_tried_again_ends_no_sweep_and_the_last_one_does(
    point: Callable[..., WrapperRun], file_store: StoreInfo
) -> None:
    given = {"params": {"depth": [1], "rate": [0.5]}, "maxErrors": 0, "parameters": {"bad": 1}}
    given["info"] = {"part": "point", "retries": 1}

    assert point(0, failures=0, **given).end().code == 1
    with pytest.raises(NotFoundError):
        board(file_store, "stop.json")
    assert point(0, failures=1, **given).end().code == 1
    assert board(file_store, "stop.json") == {"why": "1 points failed, and maxErrors is 0"}


def test_a_point_that_is_told_to_end_is_no_failure(point: Callable[..., WrapperRun], file_store: StoreInfo) -> None:
    code = """
        import time

        def handler(context, x):
            context.log_result("y", x)
            print("point sleeps")
            time.sleep(60)
    """
    process = point(0, code, params={"x": [1]}, maxErrors=0)
    process.wait_for("point sleeps")
    assert board(file_store, "points/1.json")["state"] == "running"
    process.terminate()
    ended = process.end()

    assert ended.reason == "Terminated"
    told = board(file_store, "points/1.json")
    assert (told["state"], told["results"], told["parameters"]) == ("stopped", {"y": 1}, {"x": 1})
    with pytest.raises(NotFoundError):
        board(file_store, "stop.json")


def test_lost_points_are_failures_and_those_that_never_started_are_not(
    collect: Callable[..., Ended], file_store: StoreInfo
) -> None:
    tell(file_store, "points/1.json", {"iteration": 1, "state": "completed", "results": {"score": 1, "note": "ü,\n"}})
    tell(file_store, "points/2.json", {"iteration": 2, "state": "running", "runPath": "s3://b/r/"})
    tell(file_store, "points/3.json", {"iteration": 3, "state": "running"})
    tell(file_store, "points/4.json", {"iteration": 4, "state": "stopped", "message": "the pod was told to end"})
    lost = {"3": "OOMKilled: the memory limit is too small", "5": "ImagePull: no such image"}
    ended = collect(lost, params={"depth": [1, 2, 3, 4, 5, 6]}, selector="score")

    assert ended.code == 0, ended.log
    assert counts(ended) == (1, 3, 2)
    found = table(file_store, ended)
    assert found["state"].tolist() == ["completed", "error", "error", "stopped", "error", "skipped"]
    assert found["error"].tolist() == [
        None,
        "its pod ended without a report",
        lost["3"],
        "the pod was told to end",
        lost["5"],
        "its pod did not start",
    ]
    assert found["output.note"].tolist()[0] == "ü,\n"
    assert found["run_path"].tolist()[1] == "s3://b/r/"
    assert "point 3 failed: OOMKilled: the memory limit is too small" in ended.result.warnings


def test_a_sweep_of_which_nothing_succeeded_fails_with_the_common_reason(
    collect: Callable[..., Ended], file_store: StoreInfo
) -> None:
    for number in (1, 2):
        failure = {"reason": "InputNotFound", "message": "input 'a': no such file"}
        tell(file_store, f"points/{number}.json", {"iteration": number, "state": "error", **failure})
    ended = collect(params={"depth": [1, 2]})

    assert (ended.code, ended.reason) == (2, "InputNotFound")
    assert ended.result.message.startswith(
        "2 of 2 points failed, and none succeeded; the first: point 1: input 'a': no such file"
    )
    assert list(ended.result.outputs) == ["iteration_results"]
