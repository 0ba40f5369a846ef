"""A run belongs to the trace in which it was submitted, where the program is traced by OpenTelemetry."""

import sys

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, annotations_of

_NAMES = {
    "traceparent": constants.ANNOTATION_TRACE_PARENT,
    "tracestate": constants.ANNOTATION_TRACE_STATE,
}


def traced(run: Object) -> Object:
    """The run with the span that is active now as its parent; unchanged where none is. Imports nothing that is not
    there already: a program that is traced has OpenTelemetry loaded.
    """
    if "opentelemetry.trace" not in sys.modules:
        return run
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    notes = {_NAMES[name]: value for name, value in carrier.items() if name in _NAMES}
    if not notes:
        return run
    meta = run["metadata"]
    return {**run, "metadata": {**meta, "annotations": {**notes, **annotations_of(run)}}}
