"""The CustomResourceDefinitions: names, columns and selectable fields around the generated schemas."""

from typing import Any

from pydantic import BaseModel

from mlrun_operator.api import constants
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import FunctionStatus, RunStatus
from mlrun_operator.schema.structural import JsonSchema, structural

_WIDE = 1
# What a new object's status is until the operator writes one: kstatus takes an object without any status for done.
_UNSEEN = {"observedGeneration": -1}


def function_crd() -> JsonSchema:
    """The CRD of MlrunFunction."""
    return _crd(
        constants.FUNCTION_KIND,
        constants.FUNCTION_PLURAL,
        "mlf",
        description="A function of kind mlrun: Python code and how it is called.",
        spec=FunctionSpec,
        status=FunctionStatus,
        columns=[
            _column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
            _column("Handler", ".spec.handler"),
            _column("Image", ".spec.image"),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Source", ".spec.source.source", priority=_WIDE),
            _column("Message", ".status.conditions[?(@.type=='Ready')].message", priority=_WIDE),
            _column("Project", ".spec.project", priority=_WIDE),
            _column("Name", ".spec.name", priority=_WIDE),
        ],
        selectable=[],
    )


def run_crd() -> JsonSchema:
    """The CRD of MlrunRun."""
    return _crd(
        constants.RUN_KIND,
        constants.RUN_PLURAL,
        "mlr",
        description="One run of an mlrun function, executed as a Job, or a schedule of runs.",
        spec=RunSpec,
        status=RunStatus,
        columns=[
            _column("Phase", ".status.phase"),
            _column("Function", ".status.function.name"),
            _column("Attempts", ".status.attemptCount", "integer"),
            _column("Duration", ".status.duration"),
            _column("Schedule", ".spec.schedule"),
            _column("Last", ".status.schedule.lastScheduleTime", "date"),
            _column("Next", ".status.schedule.nextScheduleTime"),  # a date in the future has no age
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Job", ".status.jobName", priority=_WIDE),
            _column("Active", ".status.schedule.active", "integer", priority=_WIDE),
            _column("Points", ".status.sweep.progress", priority=_WIDE),
            _column("Reason", ".status.reason", priority=_WIDE),
            _column("Message", ".status.message", priority=_WIDE),
        ],
        selectable=[".spec.functionRef.name", ".status.phase"],
    )


def _column(name: str, path: str, type_: str = "string", *, priority: int = 0) -> dict[str, Any]:
    return {"name": name, "type": type_, "jsonPath": path, **({"priority": priority} if priority else {})}


def _crd(  # noqa: PLR0913 - the parts of a CRD
    kind: str,
    plural: str,
    short_name: str,
    *,
    description: str,
    spec: type[BaseModel],
    status: type[BaseModel],
    columns: list[dict[str, Any]],
    selectable: list[str],
) -> JsonSchema:
    properties: JsonSchema = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": structural(spec),
        "status": {**structural(status), "default": _UNSEEN},
    }
    version: JsonSchema = {
        "name": constants.VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "description": description,
                "required": ["spec"],
                "properties": properties,
            }
        },
    }
    if selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{constants.GROUP}",
            "labels": {"app.kubernetes.io/name": constants.MANAGER},
        },
        "spec": {
            "group": constants.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short_name],
                "categories": ["mlrun"],
            },
            "versions": [version],
        },
    }
