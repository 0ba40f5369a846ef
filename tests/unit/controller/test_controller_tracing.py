"""Spans of runs, as a collector receives them: OTLP over HTTP, to a server that only takes them apart."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from mlrun_operator.api.v1alpha1.status import Attempt, Execution, FunctionPin, Phase, RunStatus
from mlrun_operator.controller.tracing import is_configured, start_tracing

NOW = datetime(2026, 11, 23, 12, 5, tzinfo=UTC)
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
RUNNING = RunStatus(phase=Phase.RUNNING, reason="Running", execution=Execution(number=1, hash="h"))
FAILED = RunStatus(
    phase=Phase.FAILED,
    reason="HandlerFailed",
    message="ValueError: no",
    execution=Execution(number=1, hash="h"),
    job_name="train-x-1",
    start_time="2026-11-23T12:00:05Z",
    completion_time="2026-11-23T12:01:00Z",
    function=FunctionPin(name="train", digest="d"),
    attempt_count=1,
    attempts=[
        Attempt(
            pod="train-x-1-p",
            node="node-1",
            exit_code=1,
            reason="HandlerFailed",
            message="ValueError: no",
            start_time="2026-11-23T12:00:09Z",
            completion_time="2026-11-23T12:00:58Z",
        )
    ],
)


def run(flags: str = "01", **notes: str) -> dict[str, Any]:
    parent = {"mlrun-operator.dev/traceparent": f"00-{TRACE}-{SPAN}-{flags}"} if flags else {}
    return {
        "metadata": {
            "name": "train",
            "namespace": "team",
            "uid": "u",
            "creationTimestamp": "2026-11-23T12:00:00Z",
            "annotations": {**parent, **notes},
        }
    }


class Collector:
    """What arrived at /v1/traces."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []

    async def take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        self.requests.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )

    @property
    def resource(self) -> dict[str, str]:
        return {a.key: a.value.string_value for a in self.requests[0].resource_spans[0].resource.attributes}

    @property
    def spans(self) -> dict[str, Any]:
        scopes = (scope for r in self.requests for each in r.resource_spans for scope in each.scope_spans)
        return {span.name: span for scope in scopes for span in scope.spans}


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.add_routes([web.post("/v1/traces", collector.take)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield collector
    await runner.cleanup()


async def traced(run: dict[str, Any], *statuses: RunStatus) -> None:
    tracing = start_tracing()
    before = RunStatus()
    for status in statuses:
        tracing.on_status_written(run, before, status, NOW)
        before = status
    await asyncio.to_thread(tracing.close)


def about(span: Any) -> dict[str, Any]:
    return {a.key: a.value.string_value or a.value.int_value for a in span.attributes}


def seconds(span: Any) -> tuple[float, float]:
    return tuple((ns / 1e9) - datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp() for ns in times(span))  # type: ignore[return-value]


def times(span: Any) -> tuple[int, int]:
    return span.start_time_unix_nano, span.end_time_unix_nano


async def test_a_run_s_life_is_a_child_of_the_span_that_asked_for_it(collector: Collector) -> None:
    await traced(run(), RUNNING, FAILED)
    spans = collector.spans
    assert spans.keys() == {"run", "start", "pod"}
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    assert spans["run"].parent_span_id.hex() == SPAN
    assert {spans[name].parent_span_id for name in ("start", "pod")} == {spans["run"].span_id}
    assert {name: seconds(span) for name, span in spans.items()} == {"run": (0, 60), "start": (0, 5), "pod": (9, 58)}


async def test_its_spans_say_what_ran_and_why_it_failed(collector: Collector) -> None:
    await traced(run(), FAILED)
    spans = collector.spans
    assert about(spans["run"]) == {
        "k8s.namespace.name": "team",
        "k8s.job.name": "train-x-1",
        "mlrun.run.name": "train",
        "mlrun.run.uid": "u",
        "mlrun.run.execution": 1,
        "mlrun.run.phase": "Failed",
        "mlrun.run.reason": "HandlerFailed",
        "mlrun.function.name": "train",
        "mlrun.run.attempts": 1,
    }
    assert about(spans["pod"]) == {
        "k8s.pod.name": "train-x-1-p",
        "k8s.node.name": "node-1",
        "process.exit.code": 1,
    }
    assert spans["run"].status.code == spans["pod"].status.code == 2
    assert spans["run"].status.message == "HandlerFailed: ValueError: no"
    assert collector.resource["service.name"] == "mlrun-operator"


async def test_a_run_without_a_parent_has_a_trace_of_its_own(collector: Collector) -> None:
    await traced(run(flags=""), FAILED)
    assert collector.spans["run"].parent_span_id == b""
    assert collector.spans["run"].trace_id.hex() != TRACE


async def test_a_parent_that_is_not_sampled_is_heeded(collector: Collector) -> None:
    await traced(run(flags="00"), FAILED)
    assert collector.requests == []


async def test_an_end_is_told_once(collector: Collector) -> None:
    await traced(run(), FAILED, FAILED.model_copy(update={"message": "in more words"}))
    assert len([s for r in collector.requests for e in r.resource_spans for c in e.scope_spans for s in c.spans]) == 3


async def test_the_service_s_name_is_the_environment_s_where_it_has_one(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "batch")
    await traced(run(), FAILED)
    assert collector.resource["service.name"] == "batch"


def test_spans_are_made_only_where_a_collector_is_named_and_not_forbidden() -> None:
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    assert is_configured(named)
    assert is_configured({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"})
    assert not is_configured({})
    assert not is_configured({**named, "OTEL_SDK_DISABLED": "true"})
    assert not is_configured({**named, "OTEL_TRACES_EXPORTER": "none"})
