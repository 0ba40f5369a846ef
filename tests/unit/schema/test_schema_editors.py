"""The schemas for editors: they take what the API server takes, and mark what it refuses."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from devcluster.paths import REPOSITORY
from mlrun_operator.api.limited_yaml import ManifestLoader
from mlrun_operator.schema.editors import editor_schemas

MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")
EXAMPLES = sorted((REPOSITORY / "examples").glob("[0-9]*/*.yaml"))
RUN = {
    "apiVersion": "mlrun-operator.dev/v1alpha1",
    "kind": "MlrunRun",
    "metadata": {"name": "r"},
    "spec": {"functionRef": {"name": "f"}},
}
FUNCTION = {**RUN, "kind": "MlrunFunction", "spec": {"source": {"code": "def h(): pass"}, "handler": "h"}}


def wrong(value: Any, name: str) -> list[str]:
    """What an editor marks, with a `$ref` to another file resolved as it does."""
    schemas = {file: json.loads(text) for file, text in editor_schemas().items()}
    text = json.dumps(schemas[name])
    for file, schema in schemas.items():
        text = text.replace(json.dumps({"$ref": file}), json.dumps(schema))
    jsonschema.Draft7Validator.check_schema(json.loads(text))
    return [error.message for error in jsonschema.Draft7Validator(json.loads(text)).iter_errors(value)]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_each_example_names_a_schema_that_it_fits(file: Path) -> None:
    text = file.read_text()
    match = MODELINE.match(text)
    assert match, "the first line names the schema"
    named = (file.parent / match[1]).resolve()
    assert named.parent == REPOSITORY / "schema"
    for value in yaml.load_all(text, ManifestLoader):
        assert wrong(value, named.name) == []


@pytest.mark.parametrize("name", ["mlrunrun.json", "mlrun-operator.json"])
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"paramters": {}}, "'paramters' was unexpected"),
        ({"backoffLimit": "2"}, "'2' is not of type 'integer'"),
        ({"imagePullPolicy": "Sometimes"}, "is not one of"),
        ({"resources": {"limits": {"cpu": 0.5}}}, "0.5 is not of type 'integer', 'string'"),
        ({"volumes": [{"name": "v", "emptyDir": {}}]}, "'mountPath' is a required property"),
    ],
)
def test_an_editor_marks_what_the_api_server_refuses(name: str, spec: dict[str, Any], words: str) -> None:
    (said,) = wrong({**RUN, "spec": {**RUN["spec"], **spec}}, name)  # type: ignore[dict-item]
    assert words in said


def test_free_parts_take_anything() -> None:
    spec = {"parameters": {"a": [1, None, {"b": 0.5}]}, "affinity": {"any": {"thing": 1}}, "inputs": {"x": ["a", {}]}}
    assert wrong({**RUN, "spec": {**RUN["spec"], **spec}}, "mlrunrun.json") == []  # type: ignore[dict-item]


def test_a_file_of_both_kinds_has_one_schema() -> None:
    assert [wrong(value, "mlrun-operator.json") for value in (RUN, FUNCTION)] == [[], []]
    assert wrong({**FUNCTION, "kind": "MlrunJob"}, "mlrun-operator.json")
    assert wrong(FUNCTION, "mlrunrun.json")


def test_no_word_of_kubernetes_own_is_left() -> None:
    assert not [name for name, text in editor_schemas().items() if "x-kubernetes" in text or "int64" in text]
