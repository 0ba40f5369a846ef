"""The fields of a structural schema, one row each."""

from collections.abc import Iterator, Sequence
from typing import Any

from docgen.markdown import code, table

Schema = dict[str, Any]
_FREE_FORM = "x-kubernetes-preserve-unknown-fields"


def field_table(schema: Schema, *, without: Sequence[str] = ()) -> str:
    """The table of all fields, nested ones by their path. Below the fields in `without` nothing is listed."""
    return table(("Field", "Type", "Meaning"), rows(schema, without=without))


def rows(schema: Schema, prefix: str = "", *, without: Sequence[str] = ()) -> Iterator[tuple[str, str, str]]:
    """Path, type and meaning of each field, depth first."""
    required = schema.get("required", [])
    for name, node in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield code(path) + (" (required)" if name in required else ""), kind(node), meaning(node)
        if path not in without:
            yield from _below(node, path, without)


def kind(node: Schema) -> str:
    """The type of a field, in words."""
    match node:
        case {"enum": values}:
            return " or ".join(code(value) for value in values)
        case {"items": items}:
            return f"list of {kind(items)}"
        case {"additionalProperties": values}:
            return f"map of {kind(values)}"
        case {"format": "date-time"}:
            return "time"
    if "type" not in node:
        return "whole number or text" if node.get("x-kubernetes-int-or-string") else "anything"
    return "map of anything" if node.get(_FREE_FORM) else str(node["type"])


def meaning(node: Schema) -> str:
    """The description, the limits and the messages of the rules of a field."""
    limits = [_limit(node)] if _limit(node) else []
    rules = [rule["message"] for rule in node.get("x-kubernetes-validations", ())]
    return " ".join(_sentence(part) for part in (node.get("description", ""), *limits, *rules) if part)


def _below(node: Schema, path: str, without: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    match node:
        case {"items": {"properties": _} as items}:
            yield from rows(items, f"{path}[].", without=without)
        case {"additionalProperties": {"properties": _} as values}:
            yield from rows(values, path + ".{name}.", without=without)
        case {"properties": _}:
            yield from rows(node, f"{path}.", without=without)


def _limit(node: Schema) -> str:
    if "minimum" in node and "maximum" in node:
        return f"{node['minimum']} to {node['maximum']}"
    if "pattern" in node:
        return f"Form: {code(node['pattern'])}"
    return ""


def _sentence(text: str) -> str:
    return text if text.endswith((".", "`")) else f"{text}."
