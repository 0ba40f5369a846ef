"""Whether the cluster's CRDs have the status fields that this operator writes.

An older CRD would refuse every status: runs would go on, and nothing of them would be recorded.
"""

from collections.abc import Iterator
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.status import FunctionStatus, RunStatus

_STATUSES: Final[dict[str, type[BaseModel]]] = {
    constants.RUN_KIND: RunStatus,
    constants.FUNCTION_KIND: FunctionStatus,
}
_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"


def missing_status_fields(openapi: Object) -> list[str]:
    """Return the status fields that a served OpenAPI v3 document lacks, as `MlrunRun lacks status.execution.number`.

    A kind that the document does not hold is left out: the API server publishes a new CRD some seconds late.
    """
    schemas = (openapi.get("components") or {}).get("schemas") or {}
    served = ((kind, _schema_of(kind, schemas)) for kind in _STATUSES)
    return [
        f"{kind} lacks {path}"
        for kind, schema in served
        if schema is not None
        for path in _missing("status", _STATUSES[kind], _property(schema, "status"))
    ]


def _schema_of(kind: str, schemas: Object) -> Object | None:
    return next((schema for schema in schemas.values() if _is_of(schema, kind)), None)


def _is_of(schema: Object, kind: str) -> bool:
    names = schema.get("x-kubernetes-group-version-kind") or ()
    return any(name.get("group") == constants.GROUP and name.get("kind") == kind for name in names)


def _property(schema: Object, name: str) -> Object:
    return (schema.get("properties") or {}).get(name) or {}


def _missing(path: str, model: type[BaseModel], schema: Object) -> Iterator[str]:
    """Yield the paths of the model's fields that the schema lacks; of a lacking field only its own."""
    properties = schema.get("properties") or {}
    if schema.get(_PRESERVE) and not properties:
        return
    for name, field in model.model_fields.items():
        alias = field.alias or name
        if alias not in properties:
            yield f"{path}.{alias}"
        else:
            yield from _missing_inside(f"{path}.{alias}", field.annotation, properties[alias])


def _missing_inside(path: str, annotation: Any, schema: Object) -> Iterator[str]:
    """Yield what lacks inside a field: of a model, or of the models in a list or a map."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and origin is None and issubclass(annotation, BaseModel):
        yield from _missing(path, annotation, schema)
    elif origin in (Union, UnionType):
        for argument in arguments:
            yield from _missing_inside(path, argument, schema)
    elif origin in (list, tuple):
        yield from _missing_inside(f"{path}[]", arguments[0], schema.get("items") or {})
    elif origin is dict:
        yield from _missing_inside(f"{path}.*", arguments[1], schema.get("additionalProperties") or {})
