"""The page of the charts' values: what values.yaml says of them, and their types from values.schema.json."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from devcluster import paths
from docgen.markdown import code, page, table

CHARTS: Final = paths.REPOSITORY / "charts"
Row = tuple[str, str, str, str]


def chart_page() -> str:
    """The page."""
    head = ("Value", "Type", "Default", "Meaning")
    return page(
        "Values of the charts",
        "How they are installed: [Install](install.md). A value that is not listed, or not of its type, is refused by "
        "`helm` before anything is changed.",
        "## mlrun-operator",
        table(head, map(_cells, rows(CHARTS / "mlrun-operator"))),
        "`charts/mlrun-operator/values-openshift.yaml` holds what is different on OpenShift.",
        "## mlrun-operator-crds",
        table(head, map(_cells, rows(CHARTS / "mlrun-operator-crds"))),
    )


def rows(chart: Path) -> Iterator[Row]:
    """Path, type, default and meaning of each value, in the order of values.yaml, after those of the map it is in."""
    text = (chart / "values.yaml").read_text()
    schema = json.loads((chart / "values.schema.json").read_text())
    values: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    yield from _rows("", values, schema, schema["$defs"], text.splitlines())


def _rows(path: str, node: yaml.MappingNode, schema: Any, definitions: Any, lines: list[str]) -> Iterator[Row]:
    for key, value in node.value:
        named = f"{path}.{key.value}" if path else key.value
        said = schema["properties"].get(key.value, {})
        meaning = _comment(lines, key.start_mark.line)
        if section(said):
            yield named, "", "", meaning
            yield from _rows(named, value, said, definitions, lines)
        else:
            kind = _type(said, definitions)
            yield named, kind, json.dumps(yaml.safe_load(yaml.serialize(value))), meaning


def section(schema: Any) -> bool:
    """Whether the values in this map are known one by one."""
    return schema.get("additionalProperties") is False and True not in schema["properties"].values()


def _comment(lines: list[str], line: int) -> str:
    """The comment right above a line."""
    start = line
    while start > 0 and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return " ".join(text.lstrip().removeprefix("#").strip() for text in lines[start:line])


def _type(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _type(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    if "enum" in schema:
        return "one of " + ", ".join(map(code, schema["enum"]))
    kinds: list[str] = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    names: dict[str, str] = {"object": "map", "array": "list"}
    return " or ".join(names.get(kind, kind) for kind in kinds)


def _cells(row: Row) -> Row:
    path, kind, default, meaning = row
    return code(path), kind, code(default.strip('"') if kind else ""), meaning
