"""The termination message: its head comes first, and it fits, whatever the run made."""

import base64
import json
import os
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrun_operator.api.contract.envelope import Envelope, FunctionInfo, RunInfo, StoreInfo
from mlrun_operator.api.contract.result import COMPRESSED_PREFIX, decode
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_operator.api.v1alpha1.status import InputInfo, OutputInfo, SourceInfo, SweepBest, SweepStatus
from mlrun_operator.store import open_store
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.log import Log
from mlrun_wrapper.report import store_report, write_termination_message
from mlrun_wrapper.settings import Settings

# Every budget that a pod can have: 12 KiB shared by 1 to 40 containers, at most 4 KiB.
BUDGETS = st.integers(1, 40).map(lambda containers: min(4096, 12288 // containers))
REASONS = [reason for reason, told in EXPLANATIONS.items() if told.exit_code]
# Texts that compress well and texts that do not, with half characters in them, as Latin-1 file names give.
CHARACTERS = st.characters(codec="utf-8") | st.just("\udce9")
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=60),
    st.builds(lambda text, times: text * times, st.text(CHARACTERS, min_size=1, max_size=9), st.integers(1, 30_000)),
    st.integers(1, 20_000).map(lambda size: base64.b85encode(os.urandom(size)).decode()),
)
NAMES = st.text(CHARACTERS, min_size=1, max_size=80)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=6,
)
OUTPUTS = st.builds(
    OutputInfo,
    key=st.text(max_size=1024),
    kind=st.just("table"),
    path=st.text(max_size=2048),
    preview=st.none() | st.dictionaries(NAMES, VALUES, max_size=2),
)
SWEEPS = st.builds(
    SweepStatus,
    points=st.integers(0, 1000),
    best=st.none() | st.builds(SweepBest, iteration=st.just(1), parameters=st.dictionaries(NAMES, VALUES, max_size=3)),
)
FAILURES = st.builds(StepError, st.sampled_from(REASONS), TEXTS, st.none() | TEXTS)


def context_of(folder: Path, budget: int, log: int) -> Context:
    env = {"MLRUN_TERMINATION_LOG": str(folder / "termination"), "MLRUN_POD_UID": "uid"}
    fake: Any = SimpleNamespace(came=False)
    context = Context(Settings.from_environment(env), Log(log), fake, fake)
    context.envelope = Envelope(
        run=RunInfo(name="r", namespace="n", uid="u", project="p", execution=1),
        function=FunctionInfo(name="f", uuid="u", digest="d", spec=FunctionSpec(source=Source(code="1"))),
        store=StoreInfo(root="file:///s"),
        result_budget=budget,
    )
    return context


def written(folder: Path, budget: int = 4096, **made: Any) -> str:
    """What the kubelet reads of a run that made this."""
    file = folder / "termination"
    file.unlink(missing_ok=True)
    with Path(os.devnull).open("wb") as log:
        context = context_of(folder, budget, log.fileno())
        for name, value in made.items():
            setattr(context, name, value)
        write_termination_message(context)
    return file.read_text(encoding="utf-8")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    budget=BUDGETS,
    failure=st.none() | FAILURES,
    outputs=st.dictionaries(NAMES, OUTPUTS, max_size=6),
    results=st.dictionaries(NAMES, VALUES, max_size=6),
    warnings=st.lists(TEXTS, max_size=4),
    inputs=st.lists(st.builds(InputInfo, name=st.text(max_size=256), path=st.text(max_size=2048)), max_size=6),
    source=st.none() | st.builds(SourceInfo, sha256=st.just("a" * 64)),
    sweep=st.none() | SWEEPS,
    run_path=st.none() | st.just("s3://bucket/" + "r" * 400),
)
def test_every_report_fits_its_budget(tmp_path_factory: Any, budget: int, failure: Any, **made: Any) -> None:
    folder = tmp_path_factory.getbasetemp()
    text = written(folder, budget, failure=failure, **made)

    assert len(text.encode()) <= budget
    report = decode(text)
    assert report is not None
    assert report.reason == (failure.reason if failure else Reason.SUCCEEDED)


def test_a_store_is_not_the_end_of_what_cannot_be_written(tmp_path: Path) -> None:
    with Path(os.devnull).open("wb") as log:
        context = context_of(tmp_path, 4096, log.fileno())
        context.store, context.results = open_store(StoreInfo(root=f"file://{tmp_path}/store")), {"odd": object()}
        store_report(context)

        assert context.run_path is None
        assert b"run.json and log.txt could not be stored" in context.log.text()


def plain(text: str) -> str:
    """The JSON text, from its beginning, of a report that may be compressed and cut."""
    if not text.startswith(COMPRESSED_PREFIX):
        return text
    packed = text.removeprefix(COMPRESSED_PREFIX)
    return zlib.decompressobj().decompress(base64.b64decode(packed[: len(packed) // 4 * 4])).decode(errors="replace")


@pytest.mark.parametrize("results", [{}, {"long": "x" * 20_000}], ids=["plain", "compressed"])
def test_version_reason_and_message_come_first(results: dict[str, Any], tmp_path: Path) -> None:
    failure = StepError(Reason.HANDLER_FAILED, "ValueError: boom", "Traceback …")
    text = written(tmp_path, failure=failure, results=results, warnings=["w"])

    assert text.startswith(COMPRESSED_PREFIX) == bool(results)
    names = list(json.loads(plain(text)))
    assert names[:3] == ["version", "reason", "message"]


@pytest.mark.parametrize("results", [{}, {str(n): f"{n}" * 40 for n in range(150)}], ids=["plain", "compressed"])
def test_the_head_of_a_cut_report_still_says_why(results: dict[str, Any], tmp_path: Path) -> None:
    text = written(tmp_path, failure=StepError(Reason.HANDLER_FAILED, "ValueError: boom"), results=results)

    assert text.startswith(COMPRESSED_PREFIX) == bool(results)
    assert plain(text[:300]).startswith('{"version":1,"reason":"HandlerFailed","message":"ValueError: boom"')


@pytest.mark.parametrize(
    "results", [{"half": "\udce9"}, {"not a number": float("nan")}, {"odd": object()}], ids=lambda r: next(iter(r))
)
def test_what_cannot_be_written_does_not_take_the_report_with_it(results: dict[str, Any], tmp_path: Path) -> None:
    report = decode(written(tmp_path, failure=StepError(Reason.HANDLER_FAILED, "boom"), results=results))

    assert report is not None
    assert (report.reason, report.message) == (Reason.HANDLER_FAILED, "boom")
