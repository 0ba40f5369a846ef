"""Live results: from the ends of the pods' logs, else from the store, else a sentence that says why not."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.fakeapi import FakeApi, fake_api, run

import mlrun_operator as dh
from mlrun_operator.api.contract.live import LIVE_FILE, LiveResults, encode
from mlrun_operator.sdk import errors
from mlrun_operator.sdk.aio import AsyncRun
from mlrun_operator.sdk.backend import LogLine
from mlrun_operator.sdk.backends.kubernetes import KubernetesBackend
from mlrun_operator.sdk.live import LiveLog
from mlrun_operator.sdk.session import Session
from mlrun_operator.sdk.stores.access import Access
from mlrun_operator.sdk.stores.runs import run_folder

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
EXECUTION = {"number": 1, "hash": "h"}
DENIED = 'pods "p-1" is forbidden: User "eve" cannot get resource "pods/log"'


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as served:
        yield served


@pytest.fixture
async def handle(api: FakeApi, tmp_path: Path) -> AsyncIterator[Callable[[], AsyncRun]]:
    backend = KubernetesBackend(kubeconfig=api.kubeconfig(tmp_path), outage=0.2)
    yield lambda: AsyncRun(Session(backend), api.run)
    await backend.close()


def frame(pod: str, **more: Any) -> str:
    return encode(LiveResults.model_validate({"pod": pod, "time": NOW, **more}))


def running(*pods: str, **more: Any) -> dict[str, Any]:
    attempts = [{"pod": pod, "uid": f"uid-{pod}"} for pod in pods]
    return run("Running", attempts=attempts, attemptCount=len(pods), execution=EXECUTION, **more)


async def test_the_last_frame_of_the_newest_pod_counts(api: FakeApi, handle: Callable[[], AsyncRun]) -> None:
    api.run = running("p-1", "p-2")
    lines = ["start", frame("p-2", results={"n": 1}), frame("p-2", results={"n": 2}, progress=40, omitted=3), "end"]
    api.log_of = {"p-1": frame("p-1", results={"n": 9}), "p-2": "\n".join(lines)}
    found = await handle().results(live=True)
    assert found == {"n": 2}
    assert (found.progress, found.time, found.omitted, found.is_live, found.origin) == (40.0, NOW, 3, True, "log")
    asked = [(path, query) for _, path, query in api.requests if path.endswith("/log")]
    assert [(path.split("/")[-2], query["tailLines"]) for path, query in asked] == [("p-2", "1000")]


async def test_a_frame_that_names_another_pod_is_text(api: FakeApi, handle: Callable[[], AsyncRun]) -> None:
    api.run = running("p-1")
    alien, forged = frame("q-1", results={"n": 1}), frame("p-1") + "]"
    api.log_of = {"p-1": f"{alien}\n{forged}\n"}
    assert (await handle().results(live=True)).origin == "log"
    assert await handle().results(live=True) == {}
    api.log_of = {"p-1": f"T {alien}\nT {forged}\nT {frame('p-1')}\nT words\n"}
    assert [str(line) async for line in handle().logs()] == [alien, forged, "words"]


async def test_a_pod_that_has_not_started_has_told_nothing(api: FakeApi, handle: Callable[[], AsyncRun]) -> None:
    api.run = running("p-1")
    api.refused = {"p-1": (400, 'container "mlrun" in pod "p-1" is waiting to start: PodInitializing')}
    found = await handle().results(live=True)
    assert (found, found.progress, found.is_live) == ({}, None, True)
    api.run = run("Pending")
    assert (await handle().results(live=True)).origin == "nowhere"


async def test_a_talkative_pod_is_asked_for_its_last_seconds(api: FakeApi, handle: Callable[[], AsyncRun]) -> None:
    api.run = running("p-1")
    api.logs = ["chatter\n" * 1000, f"{frame('p-1', results={'n': 1})}\n" + "chatter\n" * 5000]
    assert await handle().results(live=True) == {"n": 1}
    asked = [query for _, path, query in api.requests if path.endswith("/log")]
    assert [(query.get("tailLines"), query.get("sinceSeconds")) for query in asked] == [("1000", None), (None, "15")]


async def test_a_new_attempt_starts_anew_in_a_followed_log() -> None:
    live, a_run = LiveLog(), running("p-1", "p-2")
    first, second = frame("p-1", results={"n": 9}), frame("p-2", results={"n": 1})
    assert live.results(a_run) is None
    assert live.take(LogLine(first, "p-1", 1))
    assert live.results(a_run) == {"n": 9}
    assert not live.take(LogLine("start", "p-2", 2))
    assert live.results(a_run) is None
    assert live.take(LogLine(first, "p-1", 1))
    assert live.results(a_run) is None
    assert live.take(LogLine(second, "p-2", 2))
    assert not live.take(LogLine(second, "p-3", 2))
    assert live.results(a_run) == {"n": 1}


async def test_replicas_tell_by_index_and_few_are_read(api: FakeApi, handle: Callable[[], AsyncRun]) -> None:
    replicas = [{"index": n, "phase": "Running", "pod": f"j-{n}-x"} for n in range(40)]
    replicas[0]["phase"] = "Succeeded"
    api.run = running(replicas=40, jobName="j", replicaStatuses=replicas)
    api.log_of = {f"j-{n}-x": frame(f"j-{n}-x", results={"n": n}, progress=10 * n) for n in range(40) if n < 11}
    found = await handle().results(live=True)
    assert list(found.pods) == list(range(1, 11))
    assert (found.pods[3], found.pods[3].progress) == ({"n": 3}, 30.0)
    assert (found, found.progress) == ({}, 55.0)


async def test_a_fan_out_counts_ended_points_and_parts(api: FakeApi, handle: Callable[[], AsyncRun]) -> None:
    sweep = {"points": 10, "succeeded": 3, "failed": 1, "progress": "4/10"}
    api.run = running("j-4-x", "j-5-x", "j-c-abcde", sweep=sweep, jobName="j")
    api.log_of = {"j-4-x": frame("j-4-x", results={"loss": 1}, progress=50), "j-5-x": ""}
    found = await handle().results(live=True)
    assert (found, found.progress) == ({}, 45.0)
    assert found.pods == {4: {"loss": 1}, 5: {}}


async def test_without_rights_to_logs_the_store_tells(
    api: FakeApi, handle: Callable[[], AsyncRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLRUN_OPERATOR_STORE", f"file://{tmp_path}/store")
    api.run = running("p-1")
    api.refused = {"p-1": (403, DENIED)}
    assert await handle().results(live=True) == {}
    folder = tmp_path / "store" / str(run_folder(api.run, {"uid": "uid-p-1"}))
    folder.mkdir(parents=True)
    (folder / LIVE_FILE).write_text(frame("p-1", results={"n": 1}, progress=5))
    found = await handle().results(live=True)
    assert (found, found.progress, found.origin) == ({"n": 1}, 5.0, "store")
    for text in ("[", "[" * 100_000, "\ud800", frame("p-1")[:-1]):
        (folder / LIVE_FILE).write_text(text, errors="replace")
        assert await handle().results(live=True) == {}


async def test_without_logs_and_store_it_says_so(api: FakeApi, handle: Callable[[], AsyncRun]) -> None:
    api.run = running("p-1")
    api.refused = {"p-1": (403, DENIED)}
    with pytest.raises(errors.DataUnreachable, match=r"pods/log.*store cannot be reached"):
        await handle().results(live=True)
    assert not [method for method, *_ in api.requests if method == "POST"], "a fetch run was started"


async def test_a_store_that_fails_hides_no_other_pod(
    api: FakeApi, handle: Callable[[], AsyncRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pod whose log cannot be read asks the store; the others' live results are there all the same."""

    async def failing(_access: Access) -> None:
        raise errors.BackendError("no answer about the stores")

    monkeypatch.setattr(Access, "catalogue", failing)
    replicas = [{"index": n, "phase": "Running", "pod": f"j-{n}-x"} for n in range(2)]
    attempts = [{"pod": f"j-{n}-x", "uid": f"uid-{n}", "index": n} for n in range(2)]
    more = {"attempts": attempts, "attemptCount": 2, "execution": EXECUTION}
    api.run = run("Running", replicas=2, jobName="j", replicaStatuses=replicas, **more)
    api.refused, api.log_of = {"j-0-x": (403, DENIED)}, {"j-1-x": frame("j-1-x", results={"n": 1})}
    assert (await handle().results(live=True)).pods == {1: {"n": 1}}
    api.refused, api.log_of = dict.fromkeys(("j-0-x", "j-1-x"), (403, DENIED)), {}
    with pytest.raises(errors.DataUnreachable, match=r"pods/log.*no answer about the stores.*Use wait\(\)"):
        await handle().results(live=True)


async def test_of_a_finished_run_the_final_results_are_told(api: FakeApi, handle: Callable[[], AsyncRun]) -> None:
    api.run = run("Succeeded", results={"n": 3}, attempts=[{"pod": "p-1", "uid": "u"}], attemptCount=1)
    found = await handle().results(live=True)
    assert (found, found.is_live, found.origin, found.progress) == ({"n": 3}, False, "status", None)
    assert not [path for _, path, _ in api.requests if path.endswith("/log")]
    api.run = running("p-1")
    with pytest.raises(errors.RunNotFinished):
        await handle().results()


def test_a_local_run_tells_its_results_while_it_runs(home: Path) -> None:
    code = f"""
import pathlib, time
def handler(context):
    context.log_result("loss", 0.5)
    context.log_result("progress", 0.25)
    while not pathlib.Path({str(home)!r}, "go").exists():
        time.sleep(0.05)
    context.log_result("loss", 0.1)
"""
    run = dh.new_function("live", source={"code": code}, handler="handler").run(wait=False)
    found = dh.Results()
    while not found:
        found = run.results(live=True)
        assert not run.is_finished, run.logs()
    assert (found, found.progress, found.origin) == ({"loss": 0.5, "progress": 0.25}, 25.0, "log")
    (home / "go").touch()
    run.wait(60)
    assert run.results(live=True) == run.results() == {"loss": 0.1, "progress": 0.25}
    assert not [line for line in run.logs() if "mlrun-operator.dev/live" in line]
