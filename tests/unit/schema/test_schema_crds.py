"""The generated CRDs keep what Kubernetes and GitOps need of them."""

from collections.abc import Iterator
from typing import Any

import pytest

from mlrun_operator.api.constants import GROUP
from mlrun_operator.schema.__main__ import main, rendered
from mlrun_operator.schema.crds import function_crd, run_crd

# What a CRD's schema may be made of; anything else is refused by the API server.
KEYWORDS = {
    *("type", "format", "description", "properties", "required", "items", "additionalProperties", "enum", "pattern"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties"),
    *("x-kubernetes-validations", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"),
}
CRDS = [function_crd(), run_crd()]


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, sub in schema.get("properties", {}).items():
        yield from nodes(sub, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from nodes(schema[word], f"{path}[]")


def schema_of(crd: dict[str, Any]) -> dict[str, Any]:
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def everything() -> list[tuple[str, dict[str, Any]]]:
    return [node for crd in CRDS for node in nodes(schema_of(crd), crd["spec"]["names"]["kind"])]


def test_every_node_is_structural() -> None:
    for path, node in everything():
        untyped = {"x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"} & set(node)
        assert untyped or node.get("type") in ("object", "array", "string", "integer", "boolean", "number"), path
        assert set(node) - {"default"} <= KEYWORDS, path


def test_only_the_status_has_a_default_so_that_nothing_new_passes_for_done() -> None:
    defaults = {path: node["default"] for path, node in everything() if "default" in node}
    unseen = {"observedGeneration": -1}
    assert defaults == {"MlrunFunction.status": unseen, "MlrunRun.status": unseen}


def test_every_spec_field_is_explained_and_bounded() -> None:
    for path, node in everything():
        if ".spec" not in path or "[]" in path:
            continue
        assert node.get("description"), path
        match node.get("type"):
            case "string":
                assert "maxLength" in node or "enum" in node, path
            case "array":
                assert "maxItems" in node, path
            case "object" if "properties" not in node:
                assert "maxProperties" in node, path


def test_a_plain_kubectl_apply_takes_each_crd() -> None:
    assert all(len(text.encode()) < 100_000 for text in rendered().values())


def test_rules_have_messages_of_ours() -> None:
    rules = [rule for _, node in everything() for rule in node.get("x-kubernetes-validations", ())]
    assert len(rules) >= 6
    assert all(len(rule["message"]) > 10 for rule in rules)


def test_a_run_has_columns_short_name_category_and_selectable_fields() -> None:
    spec = run_crd()["spec"]
    assert spec["names"]["shortNames"] == ["mlr"]
    assert spec["names"]["categories"] == ["mlrun"]
    columns = spec["versions"][0]["additionalPrinterColumns"]
    plain = [column["name"] for column in columns if not column.get("priority")]
    wide = [column["name"] for column in columns if column.get("priority")]
    assert plain == ["Phase", "Function", "Attempts", "Duration", "Schedule", "Last", "Next", "Age"]
    assert wide == ["Job", "Active", "Points", "Reason", "Message"]
    assert {f["jsonPath"] for f in spec["versions"][0]["selectableFields"]} == {
        ".spec.functionRef.name",
        ".status.phase",
    }


def test_check_tells_a_file_that_differs(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folders = ["--to", str(tmp_path), "--editors", str(tmp_path / "schema")]
    assert main(folders) == 0
    for name, word in ((f"mlrunruns.{GROUP}.yaml", "Phase"), ("schema/mlrunrun.json", "parameters")):
        assert main(["--check", *folders]) == 0
        file = tmp_path / name
        text = file.read_text()
        file.write_text(text.replace(word, "Fase"))
        assert main(["--check", *folders]) == 1
        assert f"{file} differs from the models: run `make generate`" in capsys.readouterr().err
        file.write_text(text)
