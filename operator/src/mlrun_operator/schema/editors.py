"""The CRDs' schemas as JSON Schema, draft 7, for the YAML support of editors.

Editors know no CEL: the rules of a CRD are left out, and unknown fields are refused, as the API server refuses them.
"""

import json
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.schema.crds import function_crd, run_crd
from mlrun_operator.schema.structural import FREE_FORM, INT_OR_STRING, JsonSchema

_DRAFT: Final = "http://json-schema.org/draft-07/schema#"
_BOTH: Final = "mlrun-operator.json"
# Formats of Kubernetes' own, which JSON Schema does not have.
_FORMATS: Final = ("int64", "int32")


def editor_schemas() -> dict[str, str]:
    """File name → text: a schema for each kind, and one for files that hold both."""
    kinds = {f"{crd['spec']['names']['singular']}.json": crd for crd in (function_crd(), run_crd())}
    both: JsonSchema = {
        "$schema": _DRAFT,
        "title": "Objects of mlrun-operator",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {"kind": {"enum": [crd["spec"]["names"]["kind"] for crd in kinds.values()]}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": crd["spec"]["names"]["kind"]}}}, "then": {"$ref": name}}
            for name, crd in kinds.items()
        ],
    }
    return {name: _text(schema) for name, schema in [*((n, _of_crd(c)) for n, c in kinds.items()), (_BOTH, both)]}


def _of_crd(crd: JsonSchema) -> JsonSchema:
    whole = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    kind = crd["spec"]["names"]["kind"]
    return {
        "$schema": _DRAFT,
        "title": kind,
        "description": whole["description"],
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": constants.API_VERSION},
            "kind": {"const": kind},
            "metadata": {"type": "object"},
            "spec": _plain(whole["properties"]["spec"]),
            "status": {"type": "object", "description": "Written by the operator."},
        },
    }


def _plain(node: JsonSchema) -> JsonSchema:
    """The schema without Kubernetes' own keywords."""
    if node.get(INT_OR_STRING):
        return _described(node, {"type": ["integer", "string"]})
    made = {key: value for key, value in node.items() if not key.startswith("x-kubernetes-")}
    if made.get("format") in _FORMATS:
        del made["format"]
    if "properties" in node:
        made["properties"] = {name: _plain(below) for name, below in node["properties"].items()}
        made |= {} if node.get(FREE_FORM) else {"additionalProperties": False}
    for below in ("items", "additionalProperties"):
        if isinstance(node.get(below), dict):
            made[below] = _plain(node[below])
    return made


def _described(node: JsonSchema, schema: JsonSchema) -> JsonSchema:
    return {**schema, **({"description": node["description"]} if "description" in node else {})}


def _text(schema: JsonSchema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
