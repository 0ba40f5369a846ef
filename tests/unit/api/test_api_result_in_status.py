"""Whatever a report decodes to can be told in a status (BEHAVIOUR J2)."""

import base64
import json
import zlib
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.contract.result import COMPRESSED_PREFIX, MAX_DECODED, decode
from mlrun_operator.api.v1alpha1.status import RunStatus
from mlrun_operator.assess.pods import read_pod
from mlrun_operator.assess.status import reported, to_wire
from mlrun_operator.assess.status_budget import within_budget

Object = dict[str, Any]
_TEXTS: Final = st.text(st.characters(), max_size=20) | st.just("\ud800") | st.just("x" * 3000)
_NUMBERS: Final = (
    st.integers() | st.just(10**4000) | st.just(-(10**30)) | st.floats(allow_nan=True, allow_infinity=True)
)
_VALUES: Final = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=8,
)
_OUTPUT: Final = st.fixed_dictionaries(
    {"key": _TEXTS, "kind": st.just("table"), "path": st.just("p")}, optional={"preview": _VALUES, "size": _VALUES}
)
_SWEEP: Final = st.fixed_dictionaries(
    {"points": _NUMBERS}, optional={"best": _VALUES, "failed": _NUMBERS, "seed": _NUMBERS}
)
_REPORTS: Final = st.fixed_dictionaries(
    {"version": st.just(1), "reason": st.sampled_from(["Succeeded", "HandlerFailed"]) | _VALUES},
    optional={
        "message": _TEXTS | _VALUES,
        "traceback": _TEXTS,
        "results": st.dictionaries(_TEXTS, _VALUES, max_size=4) | _VALUES,
        "outputs": st.dictionaries(_TEXTS, _OUTPUT | _VALUES, max_size=4) | _VALUES,
        "inputs": st.lists(st.fixed_dictionaries({"name": _TEXTS}), max_size=4) | _VALUES,
        "warnings": st.lists(_TEXTS, max_size=3) | _VALUES,
        "sweep": _SWEEP | _VALUES,
        "unknown": _VALUES,
    },
)


def status_of(message: str) -> Object:
    """Return the status that a message leads to, as the operator writes and reads it."""
    report = decode(message, 1)
    terminated = {"exitCode": 1, "message": message, "finishedAt": "2026-11-23T12:00:20Z"}
    container = {"name": "mlrun", "state": {"terminated": terminated}}
    pod = {"metadata": {"name": "p", "uid": "u"}, "status": {"phase": "Failed", "containerStatuses": [container]}}
    status = RunStatus(attempts=[read_pod(pod).attempt], **reported(report))
    wire = to_wire(within_budget(status), {"metadata": {}})
    body = json.dumps(wire, ensure_ascii=False, allow_nan=False).encode()
    assert len(body) <= 2 * MAX_DECODED
    RunStatus.model_validate(wire)
    return wire


@given(report=_REPORTS)
def test_what_is_decoded_can_be_told(report: Object) -> None:
    try:
        message = json.dumps(report)
    except ValueError:  # a number with more digits than Python writes
        return
    status_of(message)


@pytest.mark.parametrize(
    "fields",
    [
        '"results":{"a":"\\ud800"}',
        '"message":"\\ud800x"',
        '"results":{"a":NaN,"b":1e999,"c":' + "9" * 5000 + "}",
        '"results":{"a":' + "[" * 900 + "]" * 900 + "}",
        '"inputs":[' + ",".join(['{"name":"n"}'] * 300) + "]",
        '"sweep":{"points":' + "9" * 4000 + "}",
        '"outputs":{"\\udfff":{"key":"k","kind":"table","path":"p"}}',
    ],
    ids=lambda fields: fields[:24],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_a_forged_report_is_told(fields: str, compressed: bool) -> None:
    """Each of these made the plan throw, so that the run never ended."""
    message = '{"version":1,"reason":"HandlerFailed",' + fields + "}"
    if compressed:
        message = COMPRESSED_PREFIX + base64.b64encode(zlib.compress(message.encode())).decode()
    assert status_of(message)["attempts"][0]["reason"] == "HandlerFailed"
