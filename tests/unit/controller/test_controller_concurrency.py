"""ConcurrencyLimiter: first come, first served, and never more at once than allowed."""

from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.assess.jobs import end_of
from mlrun_operator.cluster.index import Index, line_of, place_of
from mlrun_operator.cluster.resources import JOBS, RUNS
from mlrun_operator.cluster.run_queues import RunKey
from mlrun_operator.controller.concurrency import ConcurrencyLimiter
from mlrun_operator.plan import RunsAhead

FUNCTION = {"spec": {"maxConcurrentRuns": 1}}
ENDED = [{"type": "Complete", "status": "True"}]


def run(name: str, function: str = "fn", namespace: str = "team", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": name, "creationTimestamp": "2026-11-23T12:00:00Z"},
        "spec": {"functionRef": {"name": function}},
        "status": status,
    }


def job(of: str, number: int = 1, namespace: str = "team", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"{of}-{number}",
            "namespace": namespace,
            "uid": f"job-{of}-{number}",
            "labels": {"mlrun-operator.dev/run-uid": of},
        },
        "spec": {"template": {"spec": {"containers": []}}},
        "status": status,
    }


def queued(name: str, second: int, function: str = "fn") -> dict[str, Any]:
    return run(name, function, phase="Pending", reason="Queued", queuedTime=f"2026-11-23T12:00:{second:02}Z")


@pytest.fixture
def woken() -> list[RunKey]:
    return []


@pytest.fixture
def index(woken: list[RunKey]) -> Index:
    index = Index(woken.append)
    for made in (
        run("active", phase="Running"),
        queued("first", 1),
        queued("second", 2),
        run("other", "other-function", phase="Running"),
        run("done", phase="Succeeded"),
        run("fresh"),
    ):
        index.put(RUNS, made)
    index.put(JOBS, job("active"))
    index.put(JOBS, job("other"))
    return index


def ahead(index: Index, name: str, platform: Platform | None = None) -> RunsAhead:
    found = index.get(RUNS, "team", name)
    assert found is not None
    return ConcurrencyLimiter(index, platform or Platform()).ahead_of(found, FUNCTION)


def test_a_run_waits_behind_the_active_ones_and_those_that_wait_longer(index: Index) -> None:
    assert ahead(index, "first") == RunsAhead(function=1, namespace=2)
    assert ahead(index, "second") == RunsAhead(function=2, namespace=3)
    assert ahead(index, "fresh") == RunsAhead(function=3, namespace=4)


def test_nothing_is_counted_where_nothing_is_limited(index: Index) -> None:
    found = index.get(RUNS, "team", "second")
    assert found is not None
    assert ConcurrencyLimiter(index, Platform()).ahead_of(found, {"spec": {}}) == RunsAhead()
    assert ConcurrencyLimiter(index, Platform(max_concurrent_runs=1)).ahead_of(found, None).namespace == 3


def test_a_run_whose_job_is_being_made_counts(index: Index) -> None:
    turns = ConcurrencyLimiter(index, Platform())
    second, first = index.get(RUNS, "team", "second"), index.get(RUNS, "team", "first")
    assert first is not None
    assert second is not None
    index.drop(JOBS, job("active"))
    assert turns.ahead_of(first, FUNCTION).function == 0
    with turns.starting(second):
        assert turns.ahead_of(first, FUNCTION).function == 1
    assert turns.ahead_of(first, FUNCTION).function == 0


@pytest.mark.parametrize(
    "leave",
    [
        lambda index: index.drop(JOBS, job("active")),
        lambda index: index.put(JOBS, job("active", conditions=ENDED)),
        lambda index: index.drop(RUNS, run("active")),
        lambda index: index.put(JOBS, job("first")),
        lambda index: index.put(RUNS, run("first", phase="Stopped")),
    ],
    ids=["Job deleted", "Job ended", "run deleted", "started", "stopped while it waited"],
)
def test_whoever_leaves_a_line_wakes_the_first_that_wait(index: Index, woken: list[RunKey], leave: Any) -> None:
    woken.clear()
    leave(index)
    assert ("team", "second") in woken
    assert ("team", "fresh") not in woken


def test_a_run_that_is_run_again_counts_before_its_status_says_so(index: Index) -> None:
    turns, done, first = (
        ConcurrencyLimiter(index, Platform()),
        index.get(RUNS, "team", "done"),
        index.get(RUNS, "team", "first"),
    )
    assert done is not None
    assert first is not None
    index.drop(JOBS, job("active"))
    assert turns.ahead_of(first, FUNCTION).function == 0
    with turns.starting(done):
        assert turns.ahead_of(first, FUNCTION).function == 1
        index.put(JOBS, job("done", 2))
    assert turns.ahead_of(first, FUNCTION).function == 1


def test_a_function_has_one_line_however_its_name_is_written(index: Index) -> None:
    index.put(RUNS, run("as-written", "my_function", phase="Running"))
    index.put(JOBS, job("as-written"))
    index.put(RUNS, run("as-legal", "my-function-c64d28"))
    assert ahead(index, "as-legal").function == 1


def test_a_line_of_another_function_is_no_obstacle(index: Index, woken: list[RunKey]) -> None:
    for n in range(20):
        index.put(RUNS, queued(f"q{n}", 10 + n))
    index.put(RUNS, queued("behind", 59, "other-function"))
    woken.clear()
    index.put(JOBS, job("other", conditions=ENDED))
    assert ("team", "behind") in woken


def test_nothing_is_woken_where_nothing_changes(index: Index, woken: list[RunKey]) -> None:
    woken.clear()
    index.put(JOBS, job("active", active=1))
    index.put(RUNS, run("active", phase="Running", reason="ImagePull"))
    assert woken == []


def by_definition(index: Index, starting: set[str], objects: dict[str, Any], me: dict[str, Any]) -> RunsAhead:
    """The others that have a Job, or wait and have waited longer."""

    def active(other: dict[str, Any]) -> bool:
        uid = other["metadata"]["uid"]
        jobs = index.of_run(JOBS, other["metadata"]["namespace"], uid)
        return uid in starting or any(end_of(j) is None for j in jobs)

    others = [
        other
        for other in objects.values()
        if other["metadata"]["namespace"] == me["metadata"]["namespace"]
        and other["metadata"]["uid"] != me["metadata"]["uid"]
        and (active(other) or (other["status"].get("reason") == "Queued" and place_of(other) < place_of(me)))
    ]
    same = [other for other in others if line_of(other) == line_of(me)]
    return RunsAhead(function=len(same), namespace=len(others))


NAMES = st.sampled_from("abcdef")
STATUSES = st.sampled_from(
    [
        {},
        {"phase": "Pending", "reason": "Queued", "queuedTime": "2026-11-23T12:00:01Z"},
        {"phase": "Pending", "reason": "Queued", "queuedTime": "2026-11-23T12:00:02Z"},
        {"phase": "Pending", "reason": "Queued"},
        {"phase": "Running", "reason": "Running"},
        {"phase": "Succeeded", "reason": "Succeeded"},
    ]
)
SPACES = st.sampled_from(["team", "elsewhere"])
STEPS = st.one_of(
    st.tuples(st.just("run"), NAMES, SPACES, STATUSES, st.sampled_from(["fn", "my_function", "my-function-c64d28"])),
    st.tuples(st.just("end of run"), NAMES, SPACES),
    st.tuples(st.just("job"), NAMES, SPACES, st.integers(1, 2), st.booleans()),
    st.tuples(st.just("end of job"), NAMES, SPACES, st.integers(1, 2)),
    st.tuples(st.just("starting"), NAMES, SPACES),
)


@given(st.lists(STEPS, max_size=40))
def test_the_count_is_what_walking_over_all_runs_would_find(steps: list[tuple[Any, ...]]) -> None:
    index, uids = Index(), 0
    turns = ConcurrencyLimiter(index, Platform())
    runs: dict[str, Any] = {}
    starting: set[str] = set()
    with ExitStack() as stack:
        for kind, name, space, *more in steps:
            uids += 1
            known = runs.get(f"{space}/{name}")
            if kind == "run":
                made = run(name, more[1], space, **more[0])
                made["metadata"]["uid"] = known["metadata"]["uid"] if known else f"uid-{uids}"
                index.put(RUNS, made)
                runs[f"{space}/{name}"] = made
            elif known is None:
                continue
            elif kind == "end of run":
                index.drop(RUNS, runs.pop(f"{space}/{name}"))
            elif kind == "job":
                made = job(name, more[0], space, conditions=ENDED if more[1] else [])
                made["metadata"]["labels"]["mlrun-operator.dev/run-uid"] = known["metadata"]["uid"]
                made["metadata"]["uid"] = f"job-{known['metadata']['uid']}-{more[0]}"
                index.put(JOBS, made)
            elif kind == "end of job":
                gone = job(name, more[0], space)
                gone["metadata"]["uid"] = f"job-{known['metadata']['uid']}-{more[0]}"
                index.drop(JOBS, gone)
            elif known["metadata"]["uid"] not in starting:
                stack.enter_context(turns.starting(known))
                starting.add(known["metadata"]["uid"])
            for me in runs.values():
                assert turns.ahead_of(me, FUNCTION) == by_definition(index, starting, runs, me)
