"""The log: lines for people, or a JSON object a line. What kopf and other libraries log has the same form."""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from mlrun_operator.api import constants
from mlrun_operator.api.contract.trace import TraceContext
from mlrun_operator.api.v1alpha1.status import RunStatus
from mlrun_operator.api.visible import one_line, visible
from mlrun_operator.cluster.codec import encode

# The attribute in which kopf puts its reference to an object; ours is there, too.
_REFERENCE = "k8s_ref"
_FIELDS = "fields"
_REFERENCE_FIELDS = ("apiVersion", "kind", "namespace", "name", "uid")


def start_logging(level: str, log_format: Literal["text", "json"]) -> None:
    """Log to the standard error stream."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    # These are logged once, by the operator: a missing kubeconfig, what ends the watches, each failed request of one.
    logging.getLogger("kubernetes").setLevel(logging.ERROR)
    logging.getLogger("kopf._core.reactor").setLevel(logging.CRITICAL)
    logging.getLogger("kopf._cogs.clients.watching").setLevel(logging.CRITICAL)


def about(run: Mapping[str, Any], status: RunStatus | None = None) -> dict[str, Any]:
    """Return the `extra` of a line about a run; with the status that the line is about."""
    metadata = run["metadata"]
    fields: dict[str, Any] = {}
    if status is not None:
        execution = status.execution.number if status.execution else None
        fields = {"execution": execution, "phase": status.phase, "reason": status.reason, "job": status.job_name}
    if (trace := TraceContext.of(metadata)) is not None:
        fields["trace_id"] = trace.trace_id
    reference = {name: metadata.get(name) for name in ("namespace", "name", "uid")}
    kind = {"apiVersion": constants.API_VERSION, "kind": constants.RUN_KIND}
    return {_REFERENCE: {**kind, **reference}, _FIELDS: fields}


def about_key(kind: str, key: tuple[str, str]) -> dict[str, Any]:
    """Return the `extra` of a line about an object of which only the key is known."""
    return {_REFERENCE: {"apiVersion": constants.API_VERSION, "kind": kind, "namespace": key[0], "name": key[1]}}


class TextFormatter(logging.Formatter):
    """Formats a record as one line: time, level and message. A traceback follows, indented.

    Messages of runs are texts of their handlers, and so are those of exceptions: none may look like another line.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and those of its traceback, without their end."""
        lines = [one_line(f"{self.formatTime(record)} {record.levelname} {record.getMessage()}")]
        if record.exc_info:
            lines += _indented(self.formatException(record.exc_info))
        if record.stack_info:
            lines += _indented(record.stack_info)
        return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"    {one_line(line)}" for line in text.split("\n")]


class JsonFormatter(logging.Formatter):
    """Formats a record as `time` (RFC 3339), `level`, `logger` and `message`; with `object` where it is about one.

    A run's transition has `execution`, `phase` and so on; an exception is in `error`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        reference = getattr(record, _REFERENCE, None)
        if reference:
            entry["object"] = {name: reference[name] for name in _REFERENCE_FIELDS if reference.get(name)}
        entry |= {name: value for name, value in getattr(record, _FIELDS, {}).items() if value is not None}
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return visible(encode(entry).decode())


def _uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    logging.getLogger("mlrun_operator").critical("%s", error, exc_info=(kind, error, trace))
