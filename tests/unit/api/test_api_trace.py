"""Trace context: what is taken of a run's annotations, and that nothing malformed gets anywhere."""

import pytest

from mlrun_operator.api.contract.trace import TraceContext

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def context(parent: object, state: object = None) -> TraceContext | None:
    return TraceContext.of(
        {"annotations": {"mlrun-operator.dev/traceparent": parent, "mlrun-operator.dev/tracestate": state}}
    )


def test_a_parent_is_carried_on_as_it_is() -> None:
    found = context(PARENT, "vendor=a,other=b")
    assert found is not None
    assert (found.trace_id, found.span_id, found.sampled) == (PARENT[3:35], PARENT[36:52], True)
    assert found.environment == {"TRACEPARENT": PARENT, "TRACESTATE": "vendor=a,other=b"}


def test_a_parent_that_is_not_sampled_says_so() -> None:
    found = context(PARENT[:-1] + "0")
    assert found is not None
    assert not found.sampled


@pytest.mark.parametrize(
    "parent",
    [
        None,
        "",
        7,
        "x",
        PARENT.upper(),
        PARENT + "-more",
        f"ff{PARENT[2:]}",
        f"00-{'0' * 32}{PARENT[35:]}",
        PARENT + "\n",
    ],
)
def test_what_is_no_trace_context_is_none(parent: object) -> None:
    assert context(parent) is None


@pytest.mark.parametrize("state", ["", "a=ü", "a=1\nX=2", "a" * 513, 3])
def test_a_state_that_cannot_be_a_variable_is_left_out(state: object) -> None:
    found = context(PARENT, state)
    assert found is not None
    assert found.environment == {"TRACEPARENT": PARENT}


def test_an_object_without_annotations_has_none() -> None:
    assert TraceContext.of({}) is None
    assert TraceContext.of({"annotations": None}) is None
