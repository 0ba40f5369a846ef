"""Write the table of pod types, or fail when it differs from Kubernetes' schema.

The schema is that of the newest Kubernetes version that the locked `kubernetes-validate` holds.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import kubernetes_validate

from devcluster import paths

TABLE: Final = paths.REPOSITORY / "operator/src/mlrun_operator/api/v1alpha1/pod_types.json"
_ROOTS: Final = ("PodTemplateSpec", "Affinity", "TopologySpreadConstraint")
# Types that JSON schema writes as alternatives, or as any object.
_NAMED: Final = {"Quantity": "quantity", "IntOrString": "intOrString", "FieldsV1": "any"}

Definitions = dict[str, dict[str, Any]]


def table() -> str:
    """Return the table as JSON: each object's fields with their types; `!` marks a required field."""
    definitions = _definitions()
    types: dict[str, dict[str, str]] = {}
    remaining = list(_ROOTS)
    while remaining:
        name = remaining.pop()
        if name not in types and name in definitions:
            types[name] = _fields(definitions[name])
            remaining += _references(types[name])
    lines = (f"{json.dumps(name)}: {json.dumps(types[name], sort_keys=True)}" for name in sorted(types))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _definitions() -> Definitions:
    """Return the definitions of the newest version by their short names."""
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    versions = [path for path in folder.iterdir() if path.name.endswith("-local")]
    newest = max(versions, key=lambda path: int(path.name.split(".")[1]))
    definitions: Definitions = json.loads((newest / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    chosen = ("io.k8s.api.core.v1.", "io.k8s.apimachinery.pkg.")
    return {name.rpartition(".")[2]: definitions[name] for name in definitions if name.startswith(chosen)}


def _fields(definition: dict[str, Any]) -> dict[str, str]:
    required = definition.get("required", ())
    return {
        f"{name}!" if name in required else name: _type(schema)
        for name, schema in definition.get("properties", {}).items()
    }


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition(".")[2]
        return _NAMED.get(name, "string" if name in ("Time", "MicroTime") else name)
    kinds = schema.get("type", "any")
    kind = next((k for k in kinds if k != "null"), "any") if isinstance(kinds, list) else str(kinds)
    if kind == "array":
        return f"[{_type(schema['items'])}]"
    if kind == "object":
        return f"{{{_type(schema.get('additionalProperties', {}))}}}"
    return kind


def _references(fields: dict[str, str]) -> Iterator[str]:
    for kind in fields.values():
        yield kind.strip("[]{}")


def main(argv: list[str] | None = None) -> int:
    """Write the table; with --check compare it and return 1 where it differs."""
    parser = argparse.ArgumentParser(prog="python -m podtypes", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    is_check = parser.parse_args(argv).check
    is_stale = not TABLE.exists() or TABLE.read_text(encoding="utf-8") != table()
    if is_stale and not is_check:
        TABLE.write_text(table(), encoding="utf-8")
        print(f"wrote {TABLE}")
    if is_stale and is_check:
        print(f"{TABLE} differs from Kubernetes' schema: run `make generate`", file=sys.stderr)
    return 1 if is_stale and is_check else 0


if __name__ == "__main__":
    sys.exit(main())
