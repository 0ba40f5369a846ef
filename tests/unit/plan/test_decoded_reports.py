"""A report is decoded once, and what is remembered of reports is bounded (BEHAVIOUR J1)."""

from typing import Any

import pytest

from mlrun_operator.api.contract.result import MAX_DECODED, Result, decode, encode
from mlrun_operator.api.reasons import EXPLANATIONS, HANDLER_FAILED_FOR_GOOD, Reason
from mlrun_operator.assess import decoded_reports
from mlrun_operator.assess.decoded_reports import DecodedReports
from mlrun_operator.assess.pods import read_pod


def pod(message: str, exit_code: int) -> dict[str, Any]:
    terminated = {"exitCode": exit_code, "message": message, "finishedAt": "2026-11-23T12:00:20Z"}
    phase = "Failed" if exit_code else "Succeeded"
    containers = [{"name": "mlrun", "state": {"terminated": terminated}}]
    return {"metadata": {"name": "p", "uid": "u"}, "status": {"phase": phase, "containerStatuses": containers}}


def test_the_reports_of_forty_pods_are_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at a run decoded the reports of all its pods."""
    decoded: list[str] = []

    def counted(message: str, exit_code: int | None) -> Result | None:
        decoded.append(message)
        return decode(message, exit_code)

    monkeypatch.setattr(decoded_reports, "decode", counted)
    results = [Result(reason=Reason.SUCCEEDED, results={"a": [0] * 20_000, "n": n}) for n in range(40)]
    pods = [pod(encode(result, 4096), 0) for result in results]
    for _ in range(3):
        views = [read_pod(each) for each in pods]
    assert len(decoded) == 40
    assert [view.result and view.result.results["n"] for view in views] == list(range(40))


def test_what_is_remembered_is_bounded() -> None:
    reports = DecodedReports(max_bytes=10 * MAX_DECODED)
    for n in range(100):
        message = encode(Result(reason=Reason.SUCCEEDED, results={"a": [0] * 20_000, "n": n}), 4096)
        assert reports.decode(message, 0) == decode(message, 0)
    assert 10 <= len(reports) <= 20
    reports.decode("x" * 11 * MAX_DECODED, 0)
    assert len(reports) == 0


@pytest.mark.parametrize("shape", ["zeros", "dicts", "lists"])
def test_a_result_that_decodes_to_much_is_bounded(shape: str) -> None:
    """`return [0] * 700000` was 2 KB of message and 1.4 MB of report, at every look."""
    many: Any = {"zeros": [0] * 700_000, "dicts": [{}] * 700_000, "lists": [[]] * 700_000}[shape]
    message = encode(Result(reason=Reason.SUCCEEDED, results={"a": many, "b": 1}), 4096)
    decoded = decode(message, 0)
    assert decoded is not None
    assert (decoded.truncated, decoded.results) == (True, {"b": 1})
    assert len(decoded.model_dump_json()) <= MAX_DECODED


CODES = sorted({HANDLER_FAILED_FOR_GOOD, *(e.exit_code for e in EXPLANATIONS.values() if e.exit_code)})


@pytest.mark.parametrize(
    "reason", ["Succeeded", "Queued", "HandlerFailed", "InvalidRun", "Evicted", "StoreUnavailable"]
)
@pytest.mark.parametrize("exit_code", [0, *CODES])
def test_a_reason_that_contradicts_the_exit_code_is_not_told(reason: str, exit_code: int) -> None:
    """A forged report said `InvalidRun` or `Evicted` of a pod whose handler had failed, which its Job retries."""
    reported = encode(Result(reason=Reason(reason), message="m"), 4096)
    told = read_pod(pod(reported, exit_code)).attempt.reason
    own = {"HandlerFailed": (1, 2), "InvalidRun": (64,), "Evicted": (70,), "StoreUnavailable": (75,)}.get(reason, ())
    if exit_code == 0:
        assert told == "Succeeded"
    elif exit_code in own:
        assert told == reason
    elif exit_code in (137, 143):  # ended from outside, after its report
        assert told in (reason, "Terminated", "WrapperError")
    else:
        assert told == "WrapperError"
