"""A run that is submitted inside a span belongs to its trace."""

from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import format_span_id, format_trace_id

from mlrun_operator.api.contract.trace import TraceContext
from mlrun_operator.sdk.tracing import traced

RUN: dict[str, Any] = {"metadata": {"name": "r", "labels": {"a": "b"}}, "spec": {}}
PARENT = "mlrun-operator.dev/traceparent"


def test_the_active_span_is_the_run_s_parent() -> None:
    with TracerProvider().get_tracer("t").start_as_current_span("submit") as span:
        run = traced(RUN)
    context = span.get_span_context()
    assert run["metadata"]["annotations"].keys() == {PARENT}
    parent = TraceContext.of(run["metadata"])
    assert parent is not None
    assert (parent.trace_id, parent.span_id) == (format_trace_id(context.trace_id), format_span_id(context.span_id))
    assert parent.sampled
    assert run["metadata"]["labels"] == {"a": "b"}


def test_a_parent_that_was_written_down_stays() -> None:
    given = {**RUN, "metadata": {"name": "r", "annotations": {PARENT: "mine"}}}
    with TracerProvider().get_tracer("t").start_as_current_span("submit"):
        assert traced(given) == given


def test_outside_of_a_span_nothing_is_added() -> None:
    assert traced(RUN) is RUN
