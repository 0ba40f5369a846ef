"""The page of the operator's settings: the environment variable, and the chart's value that sets it."""

import re
from typing import Any, get_args

from pydantic.fields import FieldInfo

from devcluster import paths
from docgen.markdown import code, page, table
from mlrun_operator.controller.settings import Settings

DEPLOYMENT = paths.REPOSITORY / "charts" / "mlrun-operator" / "templates" / "deployment.yaml"
_VARIABLE = re.compile(r"- name: (MLRUN_OPERATOR_\w+)\n\s+value: (.*)")


def settings_page() -> str:
    """The page."""
    return page(
        "Settings",
        "The operator reads environment variables; the Helm chart sets them from its values. A value that a variable "
        "cannot have ends the operator at its start, with a line that names the variable.",
        table(("Variable", "Chart value", "Default", "Meaning"), _rows()),
        "All values of the chart: [values of the charts](reference-chart.md).",
    )


def chart_values(template: str) -> dict[str, str]:
    """Variable → the values that the Deployment's template makes it of."""
    found = ((name, re.findall(r"\.Values\.([\w.]+)", text)) for name, text in _VARIABLE.findall(template))
    return {name: ", ".join(code(value) for value in values) for name, values in found}


def _rows() -> list[tuple[str, str, str, str]]:
    prefix, values = Settings.model_config["env_prefix"], chart_values(DEPLOYMENT.read_text())
    rows = []
    for name, field in Settings.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        rows.append((code(variable), values.get(variable, ""), code(_default(field)), _meaning(field)))
    return rows


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value in (None, ()):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meaning(field: FieldInfo) -> str:
    choices = ", ".join(code(choice) for choice in get_args(field.annotation) if isinstance(choice, str))
    return " ".join(filter(None, (field.description, f"One of {choices}." if choices else "")))
