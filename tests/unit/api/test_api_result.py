import base64
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.contract.result import COMPRESSED_PREFIX, MAX_DECODED, MAX_DEPTH, Result, decode, encode
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import InputInfo, OutputInfo, SourceInfo, SweepBest, SweepStatus

NAMES = st.text("abcdefghij_", min_size=1, max_size=20)
TEXTS = st.text(max_size=300)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
PREVIEWS = st.none() | st.fixed_dictionaries({"cols": st.lists(JSON, max_size=5), "rows": st.integers(0, 10**9)})
OUTPUTS = st.builds(
    OutputInfo, key=TEXTS, kind=NAMES, path=TEXTS, size=st.none() | st.integers(0, 2**50), preview=PREVIEWS
)
RESULTS = st.builds(
    Result,
    reason=st.sampled_from(Reason),
    message=st.text(max_size=3000),
    traceback=st.none() | st.text(max_size=3000),
    source=st.none() | st.builds(SourceInfo, sha256=st.just("a" * 64)),
    inputs=st.lists(st.builds(InputInfo, name=NAMES, path=TEXTS), max_size=4),
    outputs=st.dictionaries(NAMES, OUTPUTS, max_size=8),
    results=st.dictionaries(NAMES, JSON, max_size=30),
    warnings=st.lists(TEXTS, max_size=4),
    run_path=st.none() | TEXTS,
)


@given(RESULTS, st.integers(200, 5000))
def test_a_result_never_exceeds_its_budget_and_keeps_its_reason(result: Result, budget: int) -> None:
    text = encode(result, budget)

    assert len(text.encode()) <= budget
    back = decode(text)
    assert back is not None
    assert back.reason == result.reason
    assert back == result or back.truncated


@given(RESULTS)
def test_what_fits_comes_back_as_it_was(result: Result) -> None:
    assert decode(encode(result, 10**7), limit=10**7) == result


@given(RESULTS, st.integers(200, 5000))
def test_whoever_has_more_room_is_told_no_less(result: Result, budget: int) -> None:
    tight, wide = decode(encode(result, budget)), decode(encode(result, budget * 2))

    assert tight is not None
    assert wide is not None
    assert set(tight.results) <= set(wide.results)
    assert set(tight.outputs) <= set(wide.outputs)
    assert len(tight.message) <= len(wide.message)


def output(preview: dict[str, Any] | None = None) -> OutputInfo:
    return OutputInfo(key="store://p/dataitem/table/d:1", kind="table", path="s3://b/d.parquet", preview=preview)


def incompressible(length: int, seed: int = 1) -> str:
    """Text that zlib cannot shorten much, and always the same."""
    import random

    chars = [chr(code) for code in range(0x4E00, 0x9FA5)]
    return "".join(random.Random(seed).choices(chars, k=length))


def test_previews_go_first_then_results_largest_first_then_outputs_and_the_message_last() -> None:
    result = Result(
        reason=Reason.HANDLER_FAILED,
        message="ValueError: boom",
        outputs={"a": output({"cols": [incompressible(2000)], "rows": 1}), "b": output()},
        results={"small": 1, "large": incompressible(900, 2), "larger": incompressible(1200, 3)},
    )

    def cut(budget: int) -> Result:
        found = decode(encode(result, budget))
        assert found is not None
        assert found.truncated
        return found

    without_preview = cut(7000)
    assert without_preview.outputs["a"].preview is None
    assert set(without_preview.results) == {"small", "large", "larger"}
    assert set(cut(4000).results) == {"small", "large"}
    assert set(cut(1000).results) == {"small"}
    assert set(cut(1000).outputs) == {"a", "b"}
    assert cut(200).outputs == {}
    assert cut(200).message == "ValueError: boom"


def test_of_a_sweep_the_counts_stay_and_large_parameters_go_before_any_result() -> None:
    best = SweepBest(iteration=3, parameters={"layers": [*range(3000)]})
    result = Result(
        reason=Reason.SUCCEEDED, results={"accuracy": 0.9}, sweep=SweepStatus(points=8, succeeded=8, best=best)
    )

    told = decode(encode(result, 600))

    assert told is not None
    assert told.truncated
    assert told.results == {"accuracy": 0.9}
    assert told.sweep == SweepStatus(points=8, succeeded=8, best=SweepBest(iteration=3))


def test_a_long_traceback_keeps_its_end() -> None:
    result = Result(reason=Reason.HANDLER_FAILED, message="m", traceback=incompressible(5000) + "the last line")

    found = decode(encode(result, 4096))

    assert found is not None
    assert found.traceback is not None
    assert found.traceback.endswith("the last line")
    assert len(found.traceback) == 1024


def test_a_result_with_thousands_of_values_is_cut_at_once() -> None:
    result = Result(reason=Reason.SUCCEEDED, results={f"metric_{n}": n * 0.123456789 for n in range(20_000)})

    found = decode(encode(result, 4096))

    assert found is not None
    assert found.truncated
    assert found.results


def test_small_results_stay_plain_json() -> None:
    text = encode(Result(reason=Reason.SUCCEEDED, results={"rows": 5}), 4096)

    assert json.loads(text)["results"] == {"rows": 5}


def test_larger_ones_are_compressed_before_anything_is_cut() -> None:
    result = Result(reason=Reason.SUCCEEDED, results={f"n{i}": i for i in range(500)})

    text = encode(result, 4096)

    assert text.startswith(COMPRESSED_PREFIX)
    assert decode(text) == result


def test_a_budget_that_holds_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="budget of 10 bytes"):
        encode(Result(reason=Reason.SUCCEEDED), 10)


WHOLE: dict[str, Any] = {
    "version": 1,
    "reason": "Succeeded",
    "message": "done",
    "source": {"commit": "c"},
    "inputs": [{"name": "a", "size": 1}, {"name": "b"}],
    "outputs": {"x": {"key": "store://p/model/model/x:1", "kind": "model", "path": "s3://b/x/"}},
    "results": {"n": 1},
    "sweep": {"points": 2, "best": {"iteration": 1, "results": {"loss": 0.5}}},
    "runPath": "s3://b/run/",
}


@pytest.mark.parametrize(
    "place", [(), ("source",), ("inputs", 0), ("inputs", 1), ("outputs", "x"), ("sweep",), ("sweep", "best")]
)
@pytest.mark.parametrize("added", [{"new": 1}, {"new": {"er": [1]}, "newest": None}])
def test_fields_of_a_newer_wrapper_are_left_out_and_the_rest_is_read(
    place: tuple[str | int, ...], added: dict[str, Any]
) -> None:
    report: Any = json.loads(json.dumps(WHOLE))
    holder = report
    for part in place:
        holder = holder[part]
    holder.update(added)

    assert decode(json.dumps(report)) == decode(json.dumps(WHOLE))


@pytest.mark.parametrize(
    ("exit_code", "reason"),
    [
        *((0, Reason.SUCCEEDED), (1, Reason.HANDLER_FAILED), (64, Reason.INVALID_RUN), (65, Reason.OUTPUT_MISSING)),
        *((77, Reason.PERMISSION_DENIED), (143, Reason.TERMINATED)),
        *((None, Reason.WRAPPER_ERROR), (99, Reason.WRAPPER_ERROR)),
    ],
)
def test_an_unknown_reason_is_read_by_the_exit_code_and_the_message_is_kept(
    exit_code: int | None, reason: Reason
) -> None:
    told = decode(json.dumps({**WHOLE, "reason": "MoonTooBright", "message": "at noon"}), exit_code)
    known = decode(json.dumps(WHOLE))

    assert told is not None
    assert known is not None
    assert (told.reason, told.message) == (reason, "at noon")
    assert (told.outputs, told.results, told.sweep) == (known.outputs, known.results, known.sweep)
    assert told.warnings == ["the wrapper reported the reason 'MoonTooBright', which this operator is too old to know"]


def test_what_a_newer_wrapper_tells_in_another_form_is_left_out_with_what_needs_it() -> None:
    changed = {
        **WHOLE,
        "version": 2,
        "inputs": [{"name": {"text": "a"}}, {"name": "b"}, {"called": "c"}, {"size": "much", "name": "d"}],
        "outputs": {**WHOLE["outputs"], "y": {"key": "k", "where": "s3://b/y"}},
    }

    told = decode(json.dumps(changed))

    assert told is not None
    assert [each.name for each in told.inputs] == ["b", "d"]
    assert set(told.outputs) == {"x"}
    assert told.results == {"n": 1}


@given(JSON, JSON)
def test_no_report_is_too_odd_to_be_looked_at(one: Any, other: Any) -> None:
    odd = {"inputs": one, "outputs": other}, {"sweep": one, "new": other}, {"reason": one, "warnings": other}
    for report in (one, *({**WHOLE, **each} for each in odd)):
        decode(json.dumps(report), 1)
    report = {**WHOLE, "inputs": [one, WHOLE["inputs"][0], other], "source": other}
    told = decode(json.dumps(report), 1)
    assert told is not None
    assert told.results == {"n": 1}


@pytest.mark.parametrize(
    "text",
    [
        *("", "Killed", "{}", "{", "[1]", '"text"', "[" * 100_000, "zlib+base64:AAAA", "zlib+base64:%"),
        '{"version": 1, "reason": "Succeeded", "inputs": [' + "0," * 20_000 + "0]}",
        '{"version": 1, "reason": "Succeeded"}\n{"version": 1, "reason": "x"}',
        *('{"reason": "NoSuchReason"}', '{"version": 1}', '{"version": "1.2", "level": "info", "reason": "x"}'),
    ],
)
def test_a_container_that_ended_without_a_result_has_none(text: str) -> None:
    assert decode(text) is None


FAILED = Result(
    reason=Reason.HANDLER_FAILED,
    message='ValueError: "büro" is\nno number',
    traceback="Traceback (most recent call last):\n" + '  File "a.py", line 1\n' * 40,
    outputs={"a": output(), "b": output()},
    results={"small": 1, "large": "x" * 200},
)
PLAIN = json.dumps(FAILED.wire(), ensure_ascii=False, separators=(",", ":"))


def cut_by_kubelet(text: str, length: int) -> str:
    """As Go does it: by bytes, and what is left of a character becomes U+FFFD."""
    return text.encode()[:length].decode(errors="replace")


def test_reason_and_message_come_first() -> None:
    assert PLAIN.startswith('{"version":1,"reason":"HandlerFailed","message":"ValueError: ')


@pytest.mark.parametrize("length", range(90, len(PLAIN.encode()) - 1, 61))
def test_a_cut_report_keeps_reason_and_message(length: int) -> None:
    """Containers that were injected after rendering leave less room than the wrapper was told."""
    found = decode(cut_by_kubelet(PLAIN, length), 1)

    assert found is not None
    assert (found.reason, found.message, found.truncated) == (FAILED.reason, FAILED.message, True)
    assert FAILED.traceback is not None
    assert FAILED.traceback.startswith(found.traceback or "")
    assert found.outputs.items() <= FAILED.outputs.items()
    assert found.results.items() <= FAILED.results.items()


@pytest.mark.parametrize("length", range(48, 85, 3))
def test_a_report_cut_in_its_message_keeps_what_is_there(length: int) -> None:
    found = decode(cut_by_kubelet(PLAIN, length))

    assert found is not None
    assert FAILED.message.startswith(found.message)
    assert len(found.message) >= length - 60


def test_a_report_cut_before_its_reason_is_none() -> None:
    assert [length for length in range(40) if decode(cut_by_kubelet(PLAIN, length))] == [37, 38, 39]


def test_a_cut_number_is_not_taken_for_a_smaller_one() -> None:
    found = decode('{"version":1,"reason":"Succeeded","results":{"rows":5,"loss":1234')

    assert found is not None
    assert found.results == {"rows": 5}


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_cut_compressed_report_keeps_its_head(kept: float) -> None:
    names = {f"n{number}": number * 7919 % 1000 for number in range(900)}
    text = encode(Result(reason=Reason.HANDLER_FAILED, message="boom", results=names), 4096)
    assert text.startswith(COMPRESSED_PREFIX)

    found = decode(text[: int(len(text) * kept)])

    assert found is not None
    assert (found.reason, found.message, found.truncated) == (Reason.HANDLER_FAILED, "boom", True)
    assert 0 < len(found.results) < 900


def test_a_bomb_is_unpacked_up_to_the_bound_only() -> None:
    report = {**WHOLE, "reason": "Succeeded", "results": {"a": 1, "bomb": "x" * 10**7}}
    packed = COMPRESSED_PREFIX + base64.b64encode(zlib.compress(json.dumps(report).encode(), 9)).decode()

    found = decode(packed)

    assert found is not None
    assert found.truncated
    assert len(json.dumps(found.wire())) <= MAX_DECODED


def test_no_report_is_written_that_would_not_be_read_whole() -> None:
    result = Result(reason=Reason.SUCCEEDED, results={"long": "x" * 1_700_000, "short": 1})

    found = decode(encode(result, 4096))

    assert found is not None
    assert found.truncated
    assert found.results == {"short": 1}


@pytest.mark.parametrize(("levels", "kept"), [(MAX_DEPTH - 1, True), (MAX_DEPTH + 1, False), (900, False)])
def test_values_nested_too_deeply_are_left_out(levels: int, kept: bool) -> None:
    deep = "[" * levels + "]" * levels
    outputs = f'{{"t":{{"key":"k","kind":"table","path":"p","preview":{{"cols":{deep[1:-1]}}}}}}}'
    text = f'{{"version":1,"reason":"Succeeded","results":{{"deep":{deep},"n":1}},"outputs":{outputs}}}'

    found = decode(text)

    assert found is not None
    assert set(found.results) == ({"deep", "n"} if kept else {"n"})
    assert (found.outputs["t"].preview is not None) == kept
    assert found.truncated is not kept
    found.wire()


@given(st.text(max_size=200), st.integers(0, 400), RESULTS)
def test_no_message_is_too_odd_to_be_decoded(noise: str, length: int, result: Result) -> None:
    for text in (noise, encode(result, 4096)[:length] + noise, COMPRESSED_PREFIX + noise, '{"version":1,' + noise):
        decode(text, 1)
