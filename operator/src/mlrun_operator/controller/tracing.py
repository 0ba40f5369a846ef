"""Spans of runs for an OpenTelemetry collector, where the environment names one; nothing is imported otherwise.

A run's spans are made at its end from its status, so that neither a restart nor a change of leader loses one: the
execution, in it the wait for its Job, and each of its pods. The execution is a child of the span that its annotation
`traceparent` names, else the root of a trace of its own.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mlrun_operator.api import constants
from mlrun_operator.api.contract.trace import TraceContext
from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.status import Attempt, Phase, RunStatus
from mlrun_operator.assess.times import parse_time
from mlrun_operator.controller.observers import just_finished
from mlrun_operator.version import __version__

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
# How long sending the remaining spans may take when the process ends.
_FLUSH_MILLISECONDS: Final = 3000


class TracingError(Exception):
    """Spans cannot be made though the environment asks for them; the message says what to do."""


def is_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether OpenTelemetry's own variables name a collector and do not disable it."""
    is_disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    is_disabled = is_disabled or environment.get("OTEL_TRACES_EXPORTER", "").lower() == "none"
    return not is_disabled and any(environment.get(name) for name in _ENDPOINTS)


def start_tracing() -> "Tracing":
    """Return what sends spans by OTLP over HTTP, set up by OpenTelemetry's variables. Raises TracingError."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise TracingError(
            f"{' or '.join(_ENDPOINTS)} is set, and OpenTelemetry is not installed ({error}): "
            "pip install 'mlrun-operator[otel]', or unset the variable"
        ) from None
    provider = TracerProvider(resource=Resource.create(_service(os.environ)))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


class Tracing:
    """Makes spans of executions that have ended. A `ReconcileObserver`."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("mlrun_operator", __version__)

    def on_created(self, run: Object, child: Object, created_at: datetime) -> None:
        """Do nothing: the status records when the Job started."""

    def on_status_written(self, run: Object, previous: RunStatus, status: RunStatus, written_at: datetime) -> None:
        """Make the spans of an execution that has ended."""
        if not just_finished(previous, status):
            return
        end = parse_time(status.completion_time) or written_at
        started = parse_time(status.start_time) or end
        is_first = status.execution is None or status.execution.number == 1
        wanted = (parse_time(run["metadata"].get("creationTimestamp")) if is_first else None) or started
        failure = _failure(status.reason, status.message) if status.phase is Phase.FAILED else None
        run_span = self._span("run", (wanted, end), _parent(run), _run_attributes(run, status), failure)
        if wanted < started:
            self._span("start", (wanted, started), run_span, {"k8s.job.name": status.job_name})
        for attempt in status.attempts or ():
            self._add_attempt(attempt, (started, end), run_span)

    def close(self) -> None:
        """Send the remaining spans; blocks for some seconds at most."""
        self._provider.force_flush(_FLUSH_MILLISECONDS)
        self._provider.shutdown()

    def _add_attempt(self, attempt: Attempt, limits: tuple[datetime, datetime], parent: "Context") -> None:
        times = parse_time(attempt.start_time) or limits[0], parse_time(attempt.completion_time) or limits[1]
        attributes = {
            "k8s.pod.name": attempt.pod,
            "k8s.pod.uid": attempt.uid,
            "k8s.node.name": attempt.node,
            "process.exit.code": attempt.exit_code,
        }
        failure = _failure(attempt.reason, attempt.message) if attempt.exit_code else None
        self._span("pod", times, parent, attributes, failure)

    def _span(
        self,
        name: str,
        times: tuple[datetime, datetime],
        parent: "Context",
        attributes: Mapping[str, str | int | None],
        failure: str | None = None,
    ) -> "Context":
        """Make a span from its start to its end; return the context for those in it."""
        from opentelemetry.trace import Status, StatusCode, set_span_in_context  # noqa: PLC0415

        start, end = times
        known_attributes = {key: value for key, value in attributes.items() if value is not None}
        span = self._tracer.start_span(name, parent, attributes=known_attributes, start_time=_nanoseconds(start))
        if failure is not None:
            span.set_status(Status(StatusCode.ERROR, failure))
        span.end(_nanoseconds(max(start, end)))
        return set_span_in_context(span, parent)


def _service(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of the sender that the environment does not set."""
    is_named = "OTEL_SERVICE_NAME" in environment or "service.name=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return {"service.version": __version__, **({} if is_named else {"service.name": constants.MANAGER})}


def _parent(run: Object) -> "Context":
    """Return the context of the span that the run belongs to, or an empty one."""
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    trace = TraceContext.of(run["metadata"])
    carrier = {name.lower(): value for name, value in trace.environment.items()} if trace else {}
    return TraceContextTextMapPropagator().extract(carrier, Context())


def _run_attributes(run: Object, status: RunStatus) -> dict[str, str | int | None]:
    metadata = run["metadata"]
    return {
        "k8s.namespace.name": metadata["namespace"],
        "k8s.job.name": status.job_name,
        "mlrun.run.name": metadata["name"],
        "mlrun.run.uid": metadata["uid"],
        "mlrun.run.execution": status.execution.number if status.execution else None,
        "mlrun.run.phase": status.phase,
        "mlrun.run.reason": status.reason,
        "mlrun.function.name": status.function.name if status.function else None,
        "mlrun.run.attempts": status.attempt_count,
    }


def _failure(reason: str | None, message: str | None) -> str:
    return f"{reason}: {message or ''}"[:1024]


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000
