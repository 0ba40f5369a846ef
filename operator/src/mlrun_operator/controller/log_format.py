"""The log: lines for people, or a JSON object a line. Whatever kopf and others log comes in the same form."""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from mlrun_operator.api import constants
from mlrun_operator.api.contract.trace import TraceContext
from mlrun_operator.api.v1alpha1.status import RunStatus
from mlrun_operator.cluster.codec import encode

# Where kopf puts its reference to an object, and where ours is.
_REFERENCE = "k8s_ref"
_FIELDS = "fields"
_REFERRED = ("apiVersion", "kind", "namespace", "name", "uid")


def start_logging(level: str, form: Literal["text", "json"]) -> None:
    """Log to the standard error stream."""
    handler = logging.StreamHandler()
    if form == "json":
        handler.setFormatter(JsonFormatter())
        logging.captureWarnings(capture=True)
        sys.excepthook = _uncaught
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger("kubernetes").setLevel(logging.ERROR)  # a missing kubeconfig is said once, by us
    logging.getLogger("kopf._core.reactor").setLevel(logging.CRITICAL)  # what ends the watches is said once, by us


def about(run: Mapping[str, Any], status: RunStatus | None = None) -> dict[str, Any]:
    """The `extra` of a line about a run; with the status that the line tells of."""
    meta = run["metadata"]
    fields: dict[str, Any] = {}
    if status is not None:
        execution = status.execution.number if status.execution else None
        fields = {"execution": execution, "phase": status.phase, "reason": status.reason, "job": status.job_name}
    if (trace := TraceContext.of(meta)) is not None:
        fields["trace_id"] = trace.trace_id
    reference = {name: meta.get(name) for name in ("namespace", "name", "uid")}
    kind = {"apiVersion": constants.API_VERSION, "kind": constants.RUN_KIND}
    return {_REFERENCE: {**kind, **reference}, _FIELDS: fields}


def about_key(kind: str, key: tuple[str, str]) -> dict[str, Any]:
    """The `extra` of a line about an object of which only its key is known."""
    return {_REFERENCE: {"apiVersion": constants.API_VERSION, "kind": kind, "namespace": key[0], "name": key[1]}}


class JsonFormatter(logging.Formatter):
    """`time` (RFC 3339), `level`, `logger`, `message`; `object`, and of a run's transitions `execution`, `phase` and so
    on; `error` with a traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        reference = getattr(record, _REFERENCE, None)
        if reference:
            line["object"] = {name: reference[name] for name in _REFERRED if reference.get(name)}
        line |= {name: value for name, value in getattr(record, _FIELDS, {}).items() if value is not None}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return encode(line).decode()


def _uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    logging.getLogger("mlrun_operator").critical("%s", error, exc_info=(kind, error, trace))
