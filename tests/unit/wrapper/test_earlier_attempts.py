"""What a retry takes for the success of an earlier attempt, and what that costs a first one."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlrun_operator.api.contract.envelope import Envelope, FunctionInfo, RunInfo, StoreInfo
from mlrun_operator.api.contract.result import decode
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_operator.api.v1alpha1.status import InputInfo, OutputInfo, SourceInfo
from mlrun_operator.store import Store, StoreError, UnavailableError, open_store
from mlrun_wrapper.context import Context
from mlrun_wrapper.earlier_attempts import WARNING, find_success
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.log import Log
from mlrun_wrapper.report import store_report
from mlrun_wrapper.settings import Settings

OUTPUTS = {"t": OutputInfo(key="store://demo/dataitem/table/t:1", kind="table", path="s3://b/t", preview={"rows": 2})}
RESULTS = {"accuracy": 0.5, "many": [1, 2]}

Pod = Callable[..., Context]
Edit = Callable[[dict[str, Any]], Any]


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    """A pod of one execution, with its store open."""
    log = Log(os.open(os.devnull, os.O_WRONLY))

    def maker(uid: str, parameters: dict[str, Any] | None = None, execution: int = 1, **settings: Any) -> Context:
        spec = FunctionSpec(source=Source(code="def handler(): pass"), handler="handler")
        info = RunInfo(name="r", namespace="team", uid="run-uid", project="demo", execution=execution)
        store = StoreInfo(root=f"file://{tmp_path}/store")
        envelope = Envelope(
            run=info,
            function=FunctionInfo(name="f", uuid="u", digest="d", spec=spec),
            store=store,
            parameters=parameters or {},
        )
        env = {"MLRUN_POD_UID": uid, "MLRUN_POD_NAME": uid, "MLRUN_JOB_NAME": "job", "MLRUN_WORK_DIR": str(tmp_path)}
        env |= {"MLRUN_TERMINATION_LOG": str(tmp_path / "termination")} | settings
        sigterm, executor = SimpleNamespace(came=False), SimpleNamespace()
        context = Context(Settings.from_environment(env), log, executor, sigterm)  # type: ignore[arg-type]
        context.envelope, context.store = envelope, open_store(store)
        return context

    return maker


def succeed(context: Context) -> None:
    find_success(context)
    assert context.earlier is None
    context.source, context.inputs = SourceInfo(sha256="a" * 64), [InputInfo(name="data", path="s3://b/d")]
    context.outputs, context.results, context.warnings = dict(OUTPUTS), dict(RESULTS), ["a warning"]
    context.iteration = None if context.settings.point is None else context.settings.point + 1
    store_report(context)


def edit(context: Context, change: Edit) -> None:
    """Change what the pod has stored."""
    assert context.store is not None
    path = f"{context.run_folder}/run.json"
    document = json.loads(context.store.read(path))
    replaced = change(document)
    context.store.write(path, replaced if isinstance(replaced, bytes) else json.dumps(document).encode())


@pytest.mark.parametrize("index", [{}, {"MLRUN_REPLICA_INDEX": "1"}, {"MLRUN_SWEEP_INDEX": "3"}])
def test_a_retry_reports_what_an_earlier_pod_achieved(index: dict[str, str], pod: Pod, tmp_path: Path) -> None:
    succeed(pod("first", **index))
    retry = pod("second", **index)
    find_success(retry)
    store_report(retry)

    assert (retry.outputs, retry.results, retry.warnings) == (OUTPUTS, RESULTS, ["a warning", WARNING])
    report = decode((tmp_path / "termination").read_text())
    assert report is not None
    assert (report.reason, report.outputs, report.results) == (Reason.SUCCEEDED, OUTPUTS, RESULTS)
    assert (report.source, report.inputs) == (retry.source, retry.inputs) != (None, [])
    assert retry.store is not None
    stored = json.loads(retry.store.read(f"{retry.run_folder}/run.json"))
    assert (stored["state"], stored["pod"]["uid"], stored["earlierAttempt"]["uid"]) == ("completed", "second", "first")


def test_a_third_pod_finds_the_success_behind_a_failure(pod: Pod) -> None:
    succeed(pod("first"))
    second = pod("second")
    find_success(second)
    second.earlier, second.failure = None, StepError(Reason.HANDLER_FAILED, "boom")
    store_report(second)
    third = pod("third")
    find_success(third)

    assert third.earlier is not None
    assert third.earlier["pod"]["uid"] == "first"


def test_the_success_of_a_retry_says_so_once(pod: Pod) -> None:
    succeed(pod("first"))
    for uid in ("second", "third"):
        retry = pod(uid)
        find_success(retry)
        store_report(retry)

    assert retry.warnings == ["a warning", WARNING]


@pytest.mark.parametrize(
    "other",
    [
        {"execution": 2},
        {"parameters": {"n": 2}},
        {"MLRUN_JOB_NAME": "job-of-another-slot"},
        {"MLRUN_JOB_UID": "of the Job that was made again"},
        {"MLRUN_REPLICA_INDEX": "1"},
        {"MLRUN_SWEEP_INDEX": "1"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_success_of_something_else_is_none(other: dict[str, Any], pod: Pod) -> None:
    succeed(pod("first"))
    retry = pod("second", **other)
    find_success(retry)

    assert (retry.earlier, retry.results) == (None, {})


UNUSABLE: dict[str, Edit] = {
    "failed": lambda d: d.update(state="error", reason="HandlerFailed"),
    "running": lambda d: b'{"state": "running"}',
    "skipped": lambda d: d.update(state="skipped", reason="Skipped"),
    "state and reason differ": lambda d: d.update(reason="Terminated"),
    "of another run": lambda d: d["run"].update(uid="other"),
    "of another execution": lambda d: d["run"].update(execution=2),
    "of another function": lambda d: d["function"].update(digest="other"),
    "of another Job": lambda d: d["pod"].update(job="other"),
    "of another pod": lambda d: d["pod"].update(uid="other"),
    "of another replica": lambda d: d.update(replica=1),
    "of another point": lambda d: d.update(iteration=1),
    "without pod": lambda d: d.pop("pod") and None,
    "pod is a list": lambda d: d.update(pod=[]),
    "function is a text": lambda d: d.update(function="f"),
    "outputs are a text": lambda d: d.update(outputs="t"),
    "unknown output field": lambda d: d["outputs"]["t"].update(more=1),
    "no JSON": lambda d: b"{",
    "no UTF-8": lambda d: b"\xff",
    "a list": lambda d: b"[]",
    "nested too deeply": lambda d: b"[" * 100_000,
    "too large": lambda d: json.dumps(d | {"filler": "x" * (5 << 20)}).encode(),
}


@pytest.mark.parametrize("change", UNUSABLE.values(), ids=UNUSABLE)
def test_only_a_verified_success_counts(change: Edit, pod: Pod) -> None:
    first = pod("first")
    succeed(first)
    edit(first, change)
    retry = pod("second")
    find_success(retry)

    assert (retry.earlier, retry.results, retry.warnings) == (None, {}, [])


@pytest.mark.parametrize("text", [b"{", b"{}", b"[1]", b"\xff", b"[" * 100_000])
def test_a_list_of_pods_that_cannot_be_read_is_ignored(text: bytes, pod: Pod, tmp_path: Path) -> None:
    succeed(pod("first"))
    next(tmp_path.rglob("attempts.json")).write_bytes(text)
    retry = pod("second")
    find_success(retry)

    assert retry.earlier is None


class CountingStore:
    """Counts what is asked of a store, and fails where it is told to."""

    def __init__(self, store: Store, failing: str = "") -> None:
        self._store, self._failing = store, failing
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def called(*arguments: Any) -> Any:
            self.calls.append(name)
            if name == self._failing:
                raise UnavailableError("down")
            return getattr(self._store, name)(*arguments)

        return called


def counting(context: Context, failing: str = "") -> CountingStore:
    assert context.store is not None
    store = CountingStore(context.store, failing)
    context.store = store  # type: ignore[assignment]
    return store


def test_a_first_attempt_costs_two_requests_and_a_retry_three(pod: Pod) -> None:
    first, retry = pod("first"), pod("second")
    stores = [counting(context) for context in (first, retry)]
    find_success(first)
    find_success(retry)

    assert stores[0].calls == ["read_version", "replace"]
    assert stores[1].calls == ["read_version", "replace", "download"]


class UnconditionalStore(CountingStore):
    """A server that ignores the condition of a write, or has none: each write is made."""

    def replace(self, path: str, data: bytes, version: str | None) -> bool:
        del version
        self._store.write(path, data)
        return True


def test_a_server_without_conditional_writes_runs_no_success_again(pod: Pod) -> None:
    """Each pod took itself for the first one."""
    first, retry = pod("first"), pod("second")
    for context in (first, retry):
        assert context.store is not None
        context.store = UnconditionalStore(context.store)  # type: ignore[assignment]
    succeed(first)
    find_success(retry)

    assert retry.earlier is not None
    assert retry.earlier["pod"]["uid"] == "first"


def test_many_attempts_cost_no_more_than_three_reads(pod: Pod) -> None:
    for number in range(20):
        last = pod(f"pod-{number}")
        store = counting(last)
        find_success(last)

    assert store.calls.count("download") == 3


@pytest.mark.parametrize("failing", ["replace", "read_version", "download"])
def test_a_store_that_fails_keeps_nothing_from_running(failing: str, pod: Pod) -> None:
    succeed(pod("first"))
    retry = pod("second")
    counting(retry, failing)
    find_success(retry)

    assert retry.earlier is None
    assert issubclass(UnavailableError, StoreError)


def test_without_a_pod_uid_nothing_is_asked(pod: Pod) -> None:
    context = pod("")
    store = counting(context)
    find_success(context)

    assert store.calls == []
