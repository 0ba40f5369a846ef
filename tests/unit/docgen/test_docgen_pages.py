"""The generated pages are whole, and current."""

import os
import subprocess
import sys

import pytest

from devcluster.paths import REPOSITORY
from docgen.__main__ import main, pages
from docgen.fields import rows
from docgen.settings_page import DEPLOYMENT, chart_values
from mlrun_operator.api.reasons import Reason
from mlrun_operator.controller.settings import Settings


def test_the_pages_in_docs_are_current() -> None:
    assert main(["--check"]) == 0


@pytest.mark.parametrize("first", ["submit", "steer", "convert"])
def test_the_order_of_verbs_is_the_same_whatever_was_imported_first(first: str) -> None:
    code = f"import mlrun_operator.cli.{first}; from docgen.cli_page import cli_page; print(cli_page(), end='')"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "dev")}
    page = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert page.stdout == (REPOSITORY / "docs/reference-cli.md").read_text()


def test_a_page_that_differs_is_told(tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    assert main(["--to", str(tmp_path)]) == 0
    (tmp_path / "reasons.md").write_text("old")
    assert main(["--check", "--to", str(tmp_path)]) == 1
    assert "reasons.md" in capsys.readouterr().err


def test_every_reason_is_there() -> None:
    assert all(f"`{reason}`" in pages()["reasons.md"] for reason in Reason)


def test_the_chart_sets_settings_that_exist() -> None:
    known = {f"MLRUN_OPERATOR_{name.upper()}" for name in Settings.model_fields}
    assert chart_values(DEPLOYMENT.read_text()).keys() <= known


def test_nested_fields_are_listed_by_their_path() -> None:
    schema = {
        "type": "object",
        "required": ["pods"],
        "properties": {
            "pods": {
                "type": "array",
                "items": {"type": "object", "properties": {"code": {"type": "integer", "minimum": 0, "maximum": 9}}},
            },
            "files": {
                "type": "object",
                "additionalProperties": {"type": "object", "properties": {"path": {"type": "string"}}},
            },
        },
    }
    assert list(rows(schema)) == [
        ("`pods` (required)", "list of object", ""),
        ("`pods[].code`", "integer", "0 to 9."),
        ("`files`", "map of object", ""),
        ("`files.{name}.path`", "string", ""),
    ]
