"""What is said of a function."""

import base64
from datetime import UTC, datetime
from typing import Any

from mlrun_operator.plan.function import FunctionReview

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def judged(function: Any, syntax_error: str = "", **spec: Any) -> tuple[str, str]:
    function["spec"] = {**function["spec"], **spec}
    status = FunctionReview.of(function).status(syntax_error, NOW)
    assert status is not None
    assert status.conditions is not None
    ready, *stalled = status.conditions
    assert [c.type for c in stalled] == ([] if ready.status == "True" else ["Stalled"])
    return ready.status, ready.message


def test_a_function_whose_runs_can_start_is_ready(function: Any) -> None:
    assert judged(function) == ("True", "runs of it can start")


def test_what_is_wrong_is_said(function: Any) -> None:
    assert judged(function, "line 1: invalid syntax")[1] == "source: line 1: invalid syntax"
    assert "exactly one of" in judged(function, "line 1: invalid syntax", source={})[1]
    assert "exactly one of" in judged(function, source={})[1]
    assert judged(function, source={"source": "https://example.org/file.py"})[0] == "True"


def code_of(function: Any, source: Any) -> bytes:
    return FunctionReview.of({**function, "spec": {**function["spec"], "source": source}}).code


def test_the_code_of_a_function_is_what_is_inline(function: Any) -> None:
    assert code_of(function, {"code": "é"}) == "é".encode()
    assert code_of(function, {"base64": base64.b64encode(b"\x00 \xff").decode()}) == b"\x00 \xff"
    assert code_of(function, {"source": "https://example.org/file.py"}) == b""
    assert code_of(function, 3) == b""


def test_a_status_that_says_it_all_is_not_written_again(function: Any) -> None:
    status = FunctionReview.of(function).status("", NOW)
    assert status is not None
    function["status"] = status.wire()
    assert FunctionReview.of(function).status("", NOW) is None
    function["metadata"]["generation"] += 1
    assert FunctionReview.of(function).status("", NOW) is not None


def test_what_was_judged_to_be_valid_is_not_parsed_again(function: Any) -> None:
    """After a restart the operator would parse the code of every function."""
    assert FunctionReview.of(function).code_to_parse
    status = FunctionReview.of(function).status("", NOW)
    assert status is not None
    function["status"] = status.wire()
    assert not FunctionReview.of(function).code_to_parse
    function["spec"] = {**function["spec"], "source": {"code": "def f(:"}}
    assert FunctionReview.of(function).code_to_parse
    wrong = FunctionReview.of(function).status("line 1: invalid syntax", NOW)
    assert wrong is not None
    function["status"] = wrong.wire()
    assert FunctionReview.of(function).code_to_parse
