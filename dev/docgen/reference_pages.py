"""The reference of the two kinds, from the CRDs that are generated from the models."""

from typing import Any

from docgen.fields import field_table
from docgen.markdown import code, page, table
from mlrun_operator.schema.crds import function_crd, run_crd

_EXPLAIN = "`kubectl explain {name}.spec` says the same of the installed version."


def function_page() -> str:
    """The page of MlrunFunction."""
    spec = _part(function_crd(), "spec")
    return page(
        "MlrunFunction",
        "The code, and how it is called. Nothing happens when a function is applied: runs refer to it.",
        _EXPLAIN.format(name="mlf"),
        "## spec",
        field_table(spec),
    )


def run_page() -> str:
    """The page of MlrunRun."""
    crd = run_crd()
    spec = _part(crd, "spec")
    return page(
        "MlrunRun",
        "One run of a function, executed as a Job.",
        _EXPLAIN.format(name="mlr"),
        "## spec",
        "`function` takes the fields of [MlrunFunction's spec](reference-function.md).",
        field_table(spec, without=("function",)),
        "Which of its changes run again: [what starts a new execution](reference-executions.md).",
        "## status",
        "Written by the operator only.",
        field_table(_part(crd, "status")),
        "## Columns",
        "`kubectl get mlr` shows the first ones, `-o wide` all.",
        table(("Column", "Field", "Wide only"), _columns(crd)),
    )


def _part(crd: dict[str, Any], name: str) -> dict[str, Any]:
    schema: dict[str, Any] = _version(crd)["schema"]["openAPIV3Schema"]["properties"][name]
    return schema


def _version(crd: dict[str, Any]) -> dict[str, Any]:
    version: dict[str, Any] = crd["spec"]["versions"][0]
    return version


def _columns(crd: dict[str, Any]) -> list[tuple[str, str, str]]:
    columns = _version(crd)["additionalPrinterColumns"]
    return [(each["name"], code(each["jsonPath"]), "yes" if each.get("priority") else "") for each in columns]
