"""A pydantic model as a structural schema: no $ref, no null, no default, a maximum on everything CEL may look at."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from mlrun_operator.api import bounds

JsonSchema = dict[str, Any]

_DROPPED: Final = {"title", "default", "$defs", "const", "additionalProperties", "propertyNames"}
_MAX_PROPERTIES: Final = bounds.MAP_ENTRIES.limit
FREE_FORM: Final = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING: Final = "x-kubernetes-int-or-string"
# Our own mark for a value of any type; it does not reach the CRD.
ANY_TYPE: Final = "x-any-type"


def structural(model: type[BaseModel]) -> JsonSchema:
    """The OpenAPI v3 schema of the model as a CRD takes it."""
    schema = model.model_json_schema(by_alias=True)
    return _convert(schema, schema.get("$defs", {}))


def _convert(node: JsonSchema, definitions: Mapping[str, JsonSchema]) -> JsonSchema:
    node = _resolve(node, definitions)
    if node.get(FREE_FORM) and "properties" not in node:
        return _free_form(node)
    if node.get(INT_OR_STRING):
        return _described(node, {INT_OR_STRING: True, "maxLength": 64})
    result = {key: value for key, value in node.items() if key not in _DROPPED}
    if "properties" in node:
        result["properties"] = {name: _convert(sub, definitions) for name, sub in node["properties"].items()}
    if "items" in node:
        result["items"] = _convert(node["items"], definitions)
    values = node.get("additionalProperties")
    if isinstance(values, dict):
        result["additionalProperties"] = _convert(values, definitions)
        result.setdefault("maxProperties", _MAX_PROPERTIES)
    if result.get("type") == "integer":
        result["format"] = "int64"
    return result


def _resolve(node: JsonSchema, definitions: Mapping[str, JsonSchema]) -> JsonSchema:
    """The node with its reference and its `X | None` folded into it; what stands beside them wins."""
    beside = {key: value for key, value in node.items() if key not in ("$ref", "anyOf")}
    if "$ref" in node:
        target = _resolve(definitions[node["$ref"].rsplit("/", 1)[1]], definitions)
        return _merged(target, beside)
    if "anyOf" in node and not node.get(FREE_FORM) and not node.get(INT_OR_STRING):
        (only,) = (option for option in node["anyOf"] if option.get("type") != "null")
        return _merged(_resolve(only, definitions), beside)
    return node


def _merged(target: JsonSchema, beside: JsonSchema) -> JsonSchema:
    rules = "x-kubernetes-validations"
    merged = {**target, **beside}
    if rules in target and rules in beside:
        merged[rules] = [*target[rules], *beside[rules]]
    return merged


def _free_form(node: JsonSchema) -> JsonSchema:
    if node.get(ANY_TYPE):
        return _described(node, {FREE_FORM: True})
    return _described(node, {"type": "object", FREE_FORM: True, "maxProperties": _MAX_PROPERTIES})


def _described(node: JsonSchema, schema: JsonSchema) -> JsonSchema:
    return {**schema, **({"description": node["description"]} if "description" in node else {})}
