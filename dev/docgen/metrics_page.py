"""The page of the operator's metrics, from their catalogue."""

from docgen.markdown import code, page, table
from mlrun_operator.controller.metrics.catalogue import CATALOGUE, Metric

_SECONDS = ((86400, "d"), (3600, "h"), (60, "min"))


def metrics_page() -> str:
    """The page."""
    buckets = [(code(metric.name), ", ".join(map(_length, metric.buckets))) for metric in CATALOGUE if metric.buckets]
    return page(
        "Metrics",
        "What the operator tells Prometheus at `/metrics`, port 8081. How to scrape it: "
        "[observability](observability.md). Nothing is labelled by a run's name.",
        table(("Metric", "Kind", "Labels", "Meaning"), map(_row, CATALOGUE)),
        "`kind` is MlrunRun or MlrunFunction, `resource` a plural as in `kubectl api-resources`. `run_namespace` is "
        "set only with `MLRUN_OPERATOR_METRICS_BY_NAMESPACE`. Besides these there are the usual `process_*` and "
        "`python_gc_*`.",
        "## Buckets",
        table(("Histogram", "Upper bounds"), buckets),
    )


def _row(metric: Metric) -> tuple[str, str, str, str]:
    return code(metric.name), metric.kind, ", ".join(map(code, metric.labels)), metric.meaning


def _length(seconds: float) -> str:
    """A bound in its largest whole unit."""
    for unit, name in _SECONDS:
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds // unit:g} {name}"
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"
