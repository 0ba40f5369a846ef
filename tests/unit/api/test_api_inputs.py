"""Inputs as users write them: texts, references, lists and maps of those."""

import pytest
from pydantic import TypeAdapter, ValidationError

from mlrun_operator.api.contract.envelope import Envelope
from mlrun_operator.api.v1alpha1.inputs import MAX_INPUTS, Input, InputRef, members, resolve
from mlrun_operator.api.v1alpha1.run import RunSpec

KEY = "store://demo/dataitems/table/x:1"
WRITTEN: TypeAdapter[Input] = TypeAdapter(Input)


def spec(inputs: object) -> RunSpec:
    return RunSpec.model_validate({"functionRef": {"name": "f"}, "inputs": inputs})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://x/a.csv", {"p": InputRef(path="https://x/a.csv")}),
        (KEY, {"p": InputRef(key=KEY)}),
        (
            {"path": "/data", "kind": "table", "format": "csv"},
            {"p": InputRef(path="/data", kind="table", format="csv")},
        ),
        (["/a", {"key": KEY}], {"p[0]": InputRef(path="/a"), "p[1]": InputRef(key=KEY)}),
        ({"train": "/a", "test": {"path": "/b"}}, {"p[train]": InputRef(path="/a"), "p[test]": InputRef(path="/b")}),
    ],
)
def test_every_form_is_a_set_of_references(written: object, meant: dict[str, InputRef]) -> None:
    assert members("p: pandas.DataFrame", resolve(WRITTEN.validate_python(written))) == meant


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"p": []}, "at least 1 item"),
        ({"p": {}}, "at least 1 item"),
        ({"p": ""}, "at least 1 character"),
        ({"p": 5}, "valid string"),
        ({"p": [["/a"]]}, "does not match any of the expected tags"),
        ({"p": {"path": "/a", "sep": ";"}}, "Extra inputs are not permitted"),
        ({"p": {"kind": "table"}}, "exactly one of key"),
        *(({"p": {"path": "/a", "format": bad}}, "should match pattern") for bad in ("a/b", "..", "csv ", ".", "a..b")),
        ({"p": "store://nothing"}, "is not a key"),
        ({"p": ["store://nothing"]}, "is not a key"),
        ({"p": "/a", "p: str": "/b"}, "'p' is given twice"),
        ({"p": ["/a"] * 200, "q": ["/a"] * 100}, f"more than {MAX_INPUTS}"),
    ],
)
def test_what_cannot_be_an_input_is_refused_with_words(inputs: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        spec(inputs)


@pytest.mark.parametrize("suffix", ["csv", ".CSV", "tar.gz", "7z"])
def test_a_format_is_a_suffix(suffix: str) -> None:
    assert InputRef(path="/a", format=suffix).format == suffix


def test_lists_and_maps_survive_the_envelope() -> None:
    inputs = {"one": "/a", "many": ["/a", KEY], "named": {"train": {"path": "/b", "format": "csv"}}}
    long = {name: resolve(value) for name, value in (spec(inputs).inputs or {}).items()}
    fields = Envelope.model_fields["inputs"].annotation
    adapter: TypeAdapter[object] = TypeAdapter(fields)

    assert adapter.validate_json(adapter.dump_json(long)) == long
