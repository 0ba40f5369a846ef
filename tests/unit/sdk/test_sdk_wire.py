"""What a real API server seldom does, at the wire: expired watches, cut connections, refusals of every kind."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.fakeapi import FakeApi, cut, events, expired, fake_api, hang, run, status

from mlrun_operator.api.contract.log_length import words
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.sdk import errors
from mlrun_operator.sdk.aio import AsyncRun
from mlrun_operator.sdk.aio import run as sdk_run
from mlrun_operator.sdk.backends.kubernetes import KubernetesBackend
from mlrun_operator.sdk.session import Session, open_session
from mlrun_operator.sdk.stores.runs import run_folder
from mlrun_wrapper.log import Log


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with fake_api() as served:
        yield served


@pytest.fixture
async def backend(api: FakeApi, tmp_path: Path) -> AsyncIterator[KubernetesBackend]:
    found = KubernetesBackend(kubeconfig=api.kubeconfig(tmp_path), outage=0.2)
    yield found
    await found.close()


def handle(backend: KubernetesBackend, obj: dict[str, Any]) -> AsyncRun:
    return AsyncRun(Session(backend), obj)


async def test_waiting_goes_on_after_expired_watches_and_broken_connections(
    api: FakeApi, backend: KubernetesBackend
) -> None:
    api.watches = [410, expired(), cut, 503, events(), events(run("Running", 2)), events(run("Succeeded", 3))]
    waited = await handle(backend, run()).wait(30)
    assert waited.state == "COMPLETED"
    watches = [query["resourceVersion"] for _, _, query in api.requests if "watch" in query]
    # From where it was where the watch only ended, anew where it could not go on.
    assert watches[-2:] == ["1", "2"]
    assert len(watches) == 7


async def test_bookmarks_move_a_watch_on(api: FakeApi, backend: KubernetesBackend) -> None:
    bookmark = {"kind": "MlrunRun", "metadata": {"resourceVersion": "77"}}
    api.watches = [events(bookmark, kind="BOOKMARK"), events(run("Succeeded", 78))]
    await handle(backend, run()).wait(30)
    assert [q["resourceVersion"] for _, _, q in api.requests if "watch" in q] == ["1", "77"]


async def test_a_run_that_is_deleted_while_it_is_waited_for_is_told(api: FakeApi, backend: KubernetesBackend) -> None:
    api.watches = [events(run(version=2), kind="DELETED")]
    with pytest.raises(errors.NotFound, match="r was deleted"):
        await handle(backend, run()).wait(30)


async def test_a_successor_of_the_same_name_is_not_the_run(api: FakeApi, backend: KubernetesBackend) -> None:
    mine = run()
    mine["metadata"]["uid"] = "u-0"
    with pytest.raises(errors.NotFound, match="r was deleted"):
        await handle(backend, mine).wait(30)


async def test_an_old_terminal_status_does_not_end_the_wait_for_a_rerun(
    api: FakeApi, backend: KubernetesBackend
) -> None:
    api.run = run("Succeeded", 5)
    api.run["metadata"]["generation"] = 2
    ended = run("Failed", 6, observedGeneration=2, reason="HandlerFailed", message="KeyError: 'x'")
    ended["metadata"]["generation"] = 2
    api.watches = [events(ended)]
    with pytest.raises(errors.RunFailed) as caught:
        await handle(backend, run()).wait(30)
    assert str(caught.value).startswith("r failed: HandlerFailed: KeyError: 'x'. ")


async def test_a_rerun_takes_no_stop_back_that_the_operator_has_not_seen(
    api: FakeApi, backend: KubernetesBackend
) -> None:
    """A second pod beside the first one, or a first one that runs on for ever: `mlrunctl stop r; mlrunctl rerun r`."""

    def stopped(version: int, **status: Any) -> dict[str, Any]:
        obj = run("Running", version, **status)
        obj["spec"]["stop"], obj["metadata"]["generation"] = True, 2
        return obj

    def patches() -> int:
        return sum(method == "PATCH" for method, _, _ in api.requests)

    api.run = stopped(1)
    waits = asyncio.create_task(handle(backend, run()).rerun())
    await asyncio.sleep(0.3)
    assert not waits.done()
    assert not patches()
    api.watches = [events(stopped(2, message="nothing new"), stopped(3, execution={"ending": {"reason": "Stopped"}}))]
    api.over.set()
    await asyncio.wait_for(waits, 20)
    assert patches() == 1


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({}, {}),
        ({"stop": True}, {"phase": "Stopped", "observedGeneration": 2}),
        ({"stop": True}, {"execution": {"ending": {"reason": "Stopped"}}}),
    ],
)
async def test_a_rerun_waits_for_nothing_where_no_stop_could_be_lost(
    api: FakeApi, backend: KubernetesBackend, spec: dict[str, Any], told: dict[str, Any]
) -> None:
    api.run = run(**told) if "phase" in told else run("Running", 1, **told)
    api.run["spec"] |= spec
    api.run["metadata"]["generation"] = 2
    await asyncio.wait_for(handle(backend, run()).rerun(), 10)
    assert [method for method, _, _ in api.requests if method != "GET"] == ["PATCH"]


async def test_a_rerun_says_where_the_operator_does_not_see_the_stop(
    api: FakeApi, backend: KubernetesBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk_run, "_SEEN_SECONDS", 0.2)
    api.run["spec"]["stop"], api.run["metadata"]["generation"] = True, 2
    with pytest.raises(errors.WaitTimeout, match=r"not seen within 0\.2 seconds.*Nothing was changed"):
        await handle(backend, run()).rerun()
    assert not [method for method, _, _ in api.requests if method != "GET"]


@pytest.mark.parametrize("reason", ["ImagePull", "Unschedulable", "SecretMissing", "QuotaExceeded"])
async def test_what_cannot_start_is_told_with_what_to_do(api: FakeApi, backend: KubernetesBackend, reason: str) -> None:
    api.run = run("Pending", 2, reason=reason, message="words of Kubernetes")
    with pytest.raises(errors.RunStuck) as caught:
        await handle(backend, run()).wait(30, patience=0.01)
    assert f"r cannot start: {reason}: words of Kubernetes" in str(caught.value)
    assert caught.value.hint.endswith("The run goes on trying; stop() ends it.")
    assert caught.value.reason == reason


async def test_what_starts_after_all_within_the_patience_is_not_stuck(api: FakeApi, backend: KubernetesBackend) -> None:
    api.run = run("Pending", 2, reason="Unschedulable", message="0/1 nodes")
    api.watches = [events(run("Succeeded", 3))]
    assert (await handle(backend, run()).wait(30, patience=20)).state == "COMPLETED"


async def test_a_schedule_is_not_waited_for(backend: KubernetesBackend) -> None:
    scheduled = run()
    scheduled["spec"]["schedule"] = "0 * * * *"
    with pytest.raises(errors.NotSupported, match=r"next_run\(\) waits for its next run"):
        await handle(backend, scheduled).wait()


async def test_a_cluster_that_is_gone_is_one_sentence(api: FakeApi, backend: KubernetesBackend) -> None:
    api.answer = (503, status("ServiceUnavailable", 503, "etcd is away"))
    with pytest.raises(errors.BackendError, match="503 etcd is away"):
        await handle(backend, run()).wait(30)


async def test_nobody_at_the_address_is_one_sentence(api: FakeApi, tmp_path: Path) -> None:
    api.port = 1
    with pytest.raises(errors.NotConnected) as caught:
        await open_session("kubernetes", kubeconfig=api.kubeconfig(tmp_path), quiet=True)
    assert "the cluster does not answer (context fake · namespace team)" in str(caught.value)
    assert "kubectl version" in caught.value.hint


async def test_missing_resources_are_one_sentence(api: FakeApi, tmp_path: Path) -> None:
    api.serves_crds = False
    with pytest.raises(errors.CrdsMissing) as caught:
        await open_session("kubernetes", kubeconfig=api.kubeconfig(tmp_path), quiet=True)
    assert "does not serve mlrun-operator's resources" in str(caught.value)
    assert "Install the operator" in caught.value.hint


async def test_a_context_without_our_resources_means_this_machine_and_says_so(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api.serves_crds = False
    monkeypatch.setenv("KUBECONFIG", api.kubeconfig(tmp_path))
    monkeypatch.setenv("MLRUN_OPERATOR_HOME", str(tmp_path))
    for name in ("KUBERNETES_SERVICE_HOST", "MLRUN_OPERATOR_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    session = await open_session()
    assert session.backend.kind == "local"
    assert "does not serve mlrun-operator's resources" in capsys.readouterr().err


async def test_an_unknown_context_is_one_sentence(api: FakeApi, tmp_path: Path) -> None:
    with pytest.raises(errors.NotConnected) as caught:
        await open_session("kubernetes", kubeconfig=api.kubeconfig(tmp_path), context="nope", quiet=True)
    assert "the kube context 'nope' cannot be used" in str(caught.value)


async def test_a_kubeconfig_that_is_no_yaml_is_told_in_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("clusters: [\n}")
    with pytest.raises(errors.NotConnected, match=f"line 2 of {broken} is not valid YAML") as caught:
        await open_session("kubernetes", kubeconfig=str(broken))
    assert "\n" not in caught.value.message
    assert "kubectl config get-contexts" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "said", "kind", "words"),
    [
        (401, status("Unauthorized", 401, "Unauthorized"), errors.NotAuthenticated, "Log in again"),
        (403, status("Forbidden", 403, "mlrunruns is forbidden"), errors.NotAllowed, "mlrun-operator-user"),
        (403, status("Forbidden", 403, "exceeded quota: runs"), errors.NotAllowed, "exceeded quota: runs"),
        (409, status("AlreadyExists", 409, "there"), errors.Conflict, "exists already. Give another name."),
        (422, status("Invalid", 422, "spec.x: bad"), errors.InvalidArgument, "spec.x: bad"),
        (404, status("NotFound", 404, 'namespaces "team" not found'), errors.NamespaceMissing, "Choose another"),
        (404, "404 page not found\n", errors.CrdsMissing, "Install the operator"),
        (502, "<html>bad gateway</html>", errors.BackendError, "502 <html>bad gateway</html>"),
    ],
)
async def test_a_refusal_is_told_in_words(  # noqa: PLR0917 - a table
    api: FakeApi, backend: KubernetesBackend, code: int, said: Any, kind: type[errors.SdkError], words: str
) -> None:
    api.answer = (code, said)
    with pytest.raises(kind) as caught:
        await handle(backend, run()).stop()
    assert words in str(caught.value)


@pytest.mark.parametrize("fates", [["untold"], ["undone"], ["undone", "untold"], ["untold", "undone", "undone"]])
async def test_a_run_whose_submission_is_not_answered_is_made_once(
    api: FakeApi, backend: KubernetesBackend, fates: list[Any]
) -> None:
    api.posts = fates
    wanted = {**run(), "metadata": {"name": "mine", "namespace": "team"}}
    made = await backend.create(RUNS, wanted)
    assert made["metadata"]["uid"] == "u-1"
    assert list(api.made) == ["mine"]


async def test_what_was_there_before_a_submission_that_is_not_answered_is_a_conflict(
    api: FakeApi, backend: KubernetesBackend
) -> None:
    wanted = {**run(), "metadata": {"name": "mine", "namespace": "team"}}
    await backend.create(RUNS, wanted)
    with pytest.raises(errors.Conflict, match="exists already"):
        await backend.create(RUNS, wanted)
    api.posts = ["undone"]
    with pytest.raises(errors.Conflict, match="exists already"):
        await backend.create(RUNS, {**wanted, "spec": {"functionRef": {"name": "other"}}})


async def test_a_submission_that_cannot_be_sent_is_told_at_once(api: FakeApi, tmp_path: Path) -> None:
    api.port = 1
    backend = KubernetesBackend(kubeconfig=api.kubeconfig(tmp_path))
    async with asyncio.timeout(2):
        with pytest.raises(errors.NotConnected):
            await backend.create(RUNS, run())
    await backend.close()


async def test_the_events_of_a_run_are_also_those_of_its_job(api: FakeApi, backend: KubernetesBackend) -> None:
    attempts = [{"pod": "p", "uid": "u-p"}, {"pod": "q"}]
    made = handle(backend, run(attempts=attempts, execution={"number": 1, "hash": "h", "jobUID": "u-j"}))
    api.answer = (200, {"metadata": {}, "items": []})
    assert await made.events() == []
    asked = [query["fieldSelector"] for _, path, query in api.requests if path.endswith("/events")]
    assert asked == [f"involvedObject.uid={uid}" for uid in ("u-1", "u-j", "u-p")]


T = "2026-11-24T03:00:0{0}.{1}Z"


async def test_a_log_that_breaks_off_is_taken_up_without_loss_or_repeats(
    api: FakeApi, backend: KubernetesBackend
) -> None:
    first = [f"{T.format(1, '5')} a", f"{T.format(1, '7')} b", f"{T.format(1, '7')} b"]
    rest = [f"{T.format(1, '7')} b", f"{T.format(2, '0')} c"]
    api.run = run("Succeeded", attempts=[{"pod": "p", "uid": "u"}], attemptCount=1)
    api.logs = ["\n".join(first) + "\n", 503, "\n".join([*first, *rest]) + "\n", "\n".join(rest[1:]) + "\n"]
    assert [str(line) async for line in handle(backend, run()).logs(follow=True)] == ["a", "b", "b", "b", "c"]
    asked = [query.get("sinceTime") for _, path, query in api.requests if path.endswith("/log")]
    assert asked == [None, "2026-11-24T03:00:01Z", "2026-11-24T03:00:01Z", "2026-11-24T03:00:02Z"]


async def test_the_logs_of_replicas_are_followed_side_by_side(api: FakeApi, backend: KubernetesBackend) -> None:
    replicas = [{"index": n, "phase": "Succeeded", "pod": f"j-{n}-x"} for n in range(3)]
    attempts = [{"pod": "j-0-w", "uid": "u"}]
    api.run = run("Running", attempts=attempts, replicas=3, jobName="j")
    api.watches = [events(run("Succeeded", 2, attempts=attempts, replicas=3, jobName="j", replicaStatuses=replicas))]
    api.log_of = {name: f"{T.format(1, 0)} from {name}\n" for name in ("j-0-w", "j-0-x", "j-1-x", "j-2-x")}
    lines = [line async for line in handle(backend, run()).logs(follow=True)]
    assert {(line.replica, str(line)) for line in lines} == {
        (0, "from j-0-w"),
        (0, "from j-0-x"),
        (1, "from j-1-x"),
        (2, "from j-2-x"),
    }
    assert len(lines) == 4


async def test_the_logs_of_a_sweeps_points_are_followed_side_by_side(api: FakeApi, backend: KubernetesBackend) -> None:
    names = ["j-0-w", "j-11-x", "j-c-12345"]
    attempts = [{"pod": name, "uid": name} for name in names]
    sweep = {"points": 12, "succeeded": 2, "progress": "2/12"}
    api.run = run("Running", attempts=attempts, sweep=sweep, jobName="j")
    api.watches = [events(run("Succeeded", 2, attempts=attempts, sweep=sweep, jobName="j"))]
    api.log_of = {name: f"{T.format(1, 0)} from {name}\n" for name in names}
    made = handle(backend, run())
    lines = [line async for line in made.logs(follow=True)]
    assert {(line.replica, str(line)) for line in lines} == {
        (0, "from j-0-w"),
        (11, "from j-11-x"),
        (None, "from j-c-12345"),
    }
    found = (await made.refresh()).sweep
    assert found is not None
    assert (found.points, found.progress) == (12, "2/12")


async def test_a_log_whose_pod_and_store_are_gone_says_so(api: FakeApi, backend: KubernetesBackend) -> None:
    api.run = run("Succeeded", attempts=[{"pod": "p", "uid": "u"}], execution={"number": 1, "hash": "h"})
    api.logs = [404]
    (line,) = [line async for line in handle(backend, run()).logs()]
    assert line.startswith("[pod p is gone, and its log in the store cannot be read: ")


def rotated(kept: int, lines: int = 6000) -> tuple[str, str]:
    """What the node has of a log after a rotation, each line with its time, and what the store has of it."""
    log = Log(os.open(os.devnull, os.O_WRONLY))
    written = [f"line {number:05d} {'x' * 400}" for number in range(lines)]
    for text in written:
        log.write(f"{text}\n".encode())
    end = f"mlrun-wrapper: {words(log.passed)}"
    log.write(f"{end}\n".encode())
    return "".join(f"{T.format(1, 0)} {text}\n" for text in [*written[lines - kept :], end]), log.text().decode()


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, backend: KubernetesBackend) -> Path:
    """The folder of the run's attempt in the store, which is a folder here."""
    monkeypatch.setenv("MLRUN_OPERATOR_STORE", f"file://{tmp_path}/store")
    folder = run_folder(ENDED, {"uid": "u"})
    assert folder is not None
    (tmp_path / "store" / folder).mkdir(parents=True)
    return tmp_path / "store" / folder / "log.txt"


ENDED = run("Succeeded", attempts=[{"pod": "p", "uid": "u"}], attemptCount=1, execution={"number": 1, "hash": "h"})


async def read_log(api: FakeApi, backend: KubernetesBackend, node: str) -> list[str]:
    api.run, api.log_of = ENDED, {"p": node}
    api.log_ends = {"p": [line.partition(" ")[2] for line in node.splitlines()[-5:]]}
    return [str(line) async for line in handle(backend, run()).logs()]


async def read_rotated(api: FakeApi, backend: KubernetesBackend, stored: Path, kept: int) -> tuple[str, list[str]]:
    """What the store has of a rotated log, and what is told of it."""
    node, text = rotated(kept)
    await asyncio.to_thread(stored.write_text, text)
    return text, await read_log(api, backend, node)


async def test_the_beginning_of_a_rotated_log_comes_from_the_store(
    api: FakeApi, backend: KubernetesBackend, stored: Path
) -> None:
    """Fault F22."""
    _, lines = await read_rotated(api, backend, stored, kept=4000)
    (told,) = [number for number, line in enumerate(lines) if line.startswith("[about ")]
    assert lines[0].startswith("line 00000 ")
    assert "are gone from its node, which rotated it; above is the beginning from the store" in lines[told]
    assert lines[told + 1].startswith("line 02000 ")
    assert lines[-2].startswith("line 05999 ")


async def test_of_a_log_of_which_the_node_has_less_than_the_store_the_stores_is_shown(
    api: FakeApi, backend: KubernetesBackend, stored: Path
) -> None:
    text, lines = await read_rotated(api, backend, stored, kept=10)
    assert lines[:-1] == text.splitlines()
    assert lines[-1].endswith("this is the log of the store]")


async def test_a_rotated_log_without_a_store_says_what_is_missing(api: FakeApi, backend: KubernetesBackend) -> None:
    node, _ = rotated(kept=4000)
    first, second, *_ = await read_log(api, backend, node)
    assert first.startswith("[the first about ")
    assert "the log in the store cannot be read: " in first
    assert second.startswith("line 02000 ")


async def test_a_long_log_that_the_node_has_is_shown_as_it_is(
    api: FakeApi, backend: KubernetesBackend, stored: Path
) -> None:
    node, _ = rotated(kept=6000)
    lines = await read_log(api, backend, node)
    assert [lines[0][:10], len(lines)] == ["line 00000", 6001]


UNAVAILABLE = 'container "mlrun" in pod "p-1" is not available'
WAITING = 'container "mlrun" in pod "p-1" is waiting to start: PodInitializing'


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize(("code", "words"), [(400, UNAVAILABLE), (400, WAITING), (502, "no route to host")])
async def test_an_attempt_whose_log_cannot_be_had_does_not_hide_the_next_ones(
    api: FakeApi, backend: KubernetesBackend, code: int, words: str, follow: bool
) -> None:
    attempts = [{"pod": "p-1", "uid": "u-1", "reason": "Evicted"}, {"pod": "p-2", "uid": "u-2"}]
    api.run = run("Succeeded", attempts=attempts, attemptCount=2, execution={"number": 1, "hash": "h"})
    api.refused = {"p-1": (code, words)}
    api.log_of = {"p-2": f"{T.format(1, 0)} here\n"}
    gone, here = [str(line) async for line in handle(backend, run()).logs(follow=follow)]
    assert gone.startswith(f"[the log of pod p-1 cannot be had ({words}), nor the one in the store: ")
    assert here == "here"


async def test_a_followed_log_waits_while_its_node_does_not_answer_until_the_attempt_has_ended(
    api: FakeApi, backend: KubernetesBackend
) -> None:
    first = {"pod": "p-1", "uid": "u-1"}
    api.run = run("Running", attempts=[first], attemptCount=1, execution={"number": 1, "hash": "h"})
    api.refused = {"p-1": (502, "no route to host")}
    api.log_of = {"p-2": f"{T.format(1, 0)} here\n"}

    async def later(stream: web.StreamResponse) -> None:
        await asyncio.sleep(1)  # longer than the backend's outage
        attempts = [{**first, "reason": "Disrupted"}, {"pod": "p-2", "uid": "u-2"}]
        await events(run("Succeeded", 2, attempts=attempts, execution={"number": 1, "hash": "h"}))(stream)

    api.watches = [later]
    gone, here = [str(line) async for line in handle(backend, run()).logs(follow=True)]
    assert gone.startswith("[the log of pod p-1 cannot be had (no route to host), nor the one in the store: ")
    assert here == "here"


async def test_a_log_that_may_not_be_read_while_its_pod_runs_is_refused(
    api: FakeApi, backend: KubernetesBackend
) -> None:
    api.run = run("Running", attempts=[{"pod": "p-1", "uid": "u-1"}])
    api.refused = {"p-1": (403, "pods/log is forbidden")}
    with pytest.raises(errors.NotAllowed, match="pods/log is forbidden"):
        [line async for line in handle(backend, run()).logs()]


async def test_following_all_runs_tells_what_vanished_while_nobody_looked(
    api: FakeApi, backend: KubernetesBackend
) -> None:
    api.lists = [[run()], []]
    api.watches = [expired(), hang]
    seen = []
    async for kind, obj in backend.follow_all(RUNS, "team"):
        seen.append((kind, obj["metadata"]["name"]))
        if kind == "DELETED":
            break
    assert seen == [("ADDED", "r"), ("DELETED", "r")]
