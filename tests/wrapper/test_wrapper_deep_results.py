"""Values that a status or JSON cannot hold: the run succeeds, once, and says so (BEHAVIOUR J1).

By the way that they take into the report: returned, logged, with an artifact, as a parameter.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sweep_runs import sweep
from wrapper_runs import Ended, envelope

from mlrun_operator.api import bounds
from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_wrapper.earlier_attempts import WARNING

# What makes the value, by what is wrong with it, and what stands for it in run.json.
VALUES = {
    "deep": ("value = 1\n    for _ in range(900):\n        value = [value]", "nested too deeply"),
    "a map of maps": ("value = 1\n    for _ in range(900):\n        value = {'in': value}", "nested too deeply"),
    "of 5,000 digits": ("value = [10**4999]", hex(10**4999)),
    "cyclic": ("value = {'a': 1}\n    value['self'] = [value]", "contains itself"),
}
WAYS = {
    "returned": "return value",
    "returned by a hint": "return value",
    "logged": """
    context.log_result('x', value)
    context.log_results({'y': value, 'z': 1})
    context.log_result('c', value, commit=True)
    context.commit()
""",
}
NAMES = {"returned": ["return"], "returned by a hint": ["x"], "logged": ["c", "x", "y"]}
# What mlrun keeps with an artifact; its body is bytes, a text or a figure.
OF_ARTIFACTS = """
    context.log_artifact('labels', body='b', labels={'l': value})
    context.log_model('metrics', body=b'b', model_file='m.bin', metrics={'m': value})
    context.log_model(key='parameters', body=b'b', model_file='m.bin', parameters={'p': value})
"""


def stored(folder: Path) -> dict[str, Any]:
    """The one run.json of the store."""
    (file,) = (folder / "store").rglob("run.json")
    return dict(json.loads(file.read_text()))


def depth(value: Any) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, items), default=0)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("way", WAYS)
def test_a_result_that_json_cannot_hold_ends_in_success(
    run: Callable[..., Ended], file_store: StoreInfo, tmp_path: Path, way: str, value: str
) -> None:
    """A logged one failed with a RecursionError, and was tried again."""
    code = f"def handler(context):\n    {VALUES[value][0]}\n    {WAYS[way]}\n"
    ended = run(envelope(code, store=file_store, returns=["x"] if "hint" in way else None))
    assert (ended.code, ended.reason, ended.result.truncated) == (0, "Succeeded", True), ended.log
    document = stored(tmp_path)
    results = [document["results"][name] for name in NAMES[way]]
    assert all(VALUES[value][1] in json.dumps(result, ensure_ascii=False) for result in results)
    assert max(map(depth, results)) <= bounds.RESULT_LEVELS.limit + 1
    assert (document["state"], document["truncated"]) == ("completed", True)
    assert [warning.partition(" ")[0] for warning in document["warnings"]] == [repr(name) for name in NAMES[way]]


@pytest.mark.parametrize("value", VALUES)
def test_what_is_kept_with_an_artifact_may_be_too_deep(
    run: Callable[..., Ended], file_store: StoreInfo, value: str
) -> None:
    """A cyclic one ended as WrapperError, which is tried again."""
    ended = run(envelope(f"def handler(context):\n    {VALUES[value][0]}\n{OF_ARTIFACTS}", store=file_store))
    assert (ended.code, ended.reason, ended.result.truncated) == (0, "Succeeded", True), ended.log
    assert sorted(ended.result.outputs) == ["labels", "metrics", "parameters"]


@pytest.mark.parametrize("body", ["[1]", "value"], ids=["small", "deep"])
def test_a_body_of_lists_is_the_handlers_failure(run: Callable[..., Ended], file_store: StoreInfo, body: str) -> None:
    """The same for a small one as for a deep one: mlrun writes no lists."""
    code = f"def handler(context):\n    {VALUES['deep'][0]}\n    context.log_artifact('x', body={body})\n"
    ended = run(envelope(code, store=file_store))
    assert (ended.reason, "TypeError" in ended.result.message) == ("HandlerFailed", True), ended.log


@pytest.mark.parametrize("levels", [50, 150])
def test_a_parameter_comes_back_as_far_as_it_fits(
    run: Callable[..., Ended], file_store: StoreInfo, tmp_path: Path, levels: int
) -> None:
    parameter: Any = 1
    for _ in range(levels):
        parameter = [parameter]
    ended = run(envelope("def handler(p):\n    return p\n", store=file_store, parameters={"p": parameter}))
    assert (ended.code, ended.reason, ended.result.truncated) == (0, "Succeeded", True), ended.log
    document = stored(tmp_path)
    assert document["parameters"] == {"p": parameter}
    assert depth(document["results"]["return"]) == min(levels, bounds.RESULT_LEVELS.limit) + 1


def test_a_parameter_that_is_far_too_deep_makes_the_run_invalid(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    """Once: it is not tried again."""
    content = envelope("def handler(p):\n    return p\n", store=file_store).wire()
    text = json.dumps({**content, "parameters": {"p": 0}}).replace('"p": 0', f'"p": {"[" * 900}1{"]" * 900}')
    ended = run(text)
    assert (ended.code, ended.reason) == (64, "InvalidRun"), ended.log


def test_a_result_that_contains_itself_is_told_where(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = "def handler():\n    value = [1]\n    value.append(value)\n    return value\n"
    ended = run(envelope(code, store=file_store))
    assert (ended.code, ended.result.results) == (0, {"return": [1, "… (contains itself)"]}), ended.log
    assert ended.result.truncated


def test_what_is_there_twice_does_not_contain_itself(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = "def handler(context):\n    value = [1]\n    context.log_result('x', {'a': value, 'b': [value, value]})\n"
    ended = run(envelope(code, store=file_store))
    assert ended.result.results == {"x": {"a": [1], "b": [[1], [1]]}}
    assert (ended.result.truncated, ended.result.warnings) == (False, [])


OF_A_POINT = """
    def handler(context, depth):
        value = [depth]
        value.append(value)
        context.log_result("score", depth)
        context.log_result("x", value)
"""
SWEEP: dict[str, Any] = {"params": {"depth": [1]}, "selector": "max.score"}


def test_a_retry_reports_that_results_were_cut(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    """It does not call the handler again."""
    content = envelope(OF_A_POINT, store=file_store, parameters={"depth": 1})
    first, retry = (run(content, {"MLRUN_POD_UID": uid}) for uid in ("first", "second"))
    assert (first.code, first.result.truncated) == (0, True), first.log
    assert (retry.code, retry.result.truncated, retry.result.warnings[-1]) == (0, True, WARNING), retry.log


@pytest.mark.parametrize("part", [None, "point"], ids=["one process", "pods"])
def test_a_sweep_reports_that_results_were_cut(run: Callable[..., Ended], file_store: StoreInfo, part: Any) -> None:
    environment = {"MLRUN_SWEEP_INDEX": "0"} if part else {}
    ended = run(sweep(file_store, OF_A_POINT, **SWEEP, info={"part": part}), environment)
    assert (ended.code, ended.result.truncated) == (0, True), ended.log
    if part:
        info = {"part": "collect", "job": "my-run"}
        ended = run(sweep(file_store, OF_A_POINT, **SWEEP, info=info), {"MLRUN_JOB_NAME": "my-run-c"})
    assert (ended.code, ended.reason, ended.result.truncated) == (0, "Succeeded", True), ended.log
