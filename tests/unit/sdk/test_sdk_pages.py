"""The code on the SDK's pages runs, and their tables are complete."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from support.pages import blocks_of, check_prints

import mlrun_operator as dh
from devcluster.paths import REPOSITORY
from mlrun_operator import sdk
from mlrun_operator.sdk import errors


def run_page(page: str, home: Path) -> dict[str, Any]:
    """Run the code blocks of a page from top to end; what they have named."""
    blocks = blocks_of(page)
    for name, text in blocks:
        if name:
            (home / name).write_text(text)
    names: dict[str, Any] = {}
    for name, text in blocks:
        if not name:
            exec(compile(text, page, "exec"), names)
    return names


def test_the_code_of_the_sdks_page_runs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "employees.csv").write_text("name,salary\nAda,100\nGrace,300\n")
    run_page("sdk.md", home)
    printed = capsys.readouterr().out
    assert "mlrun-wrapper: succeeded: 1 outputs, 1 results" in printed
    assert "HandlerFailed | careless-" in printed
    salaries = dh.get_dataitem("salaries", project="demo")
    assert salaries.as_df()["salary"].sum() == pytest.approx(440)


def test_every_statement_of_digitalhubs_documentation_runs(home: Path) -> None:
    frame = pd.DataFrame({"name": ["Ada", "Grace"], "salary": [1.5, 2.5]})
    frame.to_csv(home / "employees.csv", index=False)
    for placeholder in ("path-to-some-code.py", "path-to-some-data", "value"):
        (home / placeholder).write_text("a = 1\n")
    run = run_page("coming-from-digitalhub.md", home)["downloader_run"]
    assert run.state == "COMPLETED"
    output = run.output("dataset")
    assert_frame_equal(output.as_df(), frame)
    assert output.preview().rows == frame.to_dict("records")
    assert_frame_equal(pd.read_parquet(output.download(home / "here")), frame)
    with pytest.raises(errors.InvalidArgument, match="overwrite=True"):
        output.download(home / "here")
    assert "<td>Grace</td>" in output._repr_html_()
    assert "COMPLETED" in run._repr_html_()
    assert dh.get_dataitem("dataset").key == output.key
    assert run.inputs() == {"url": {"path": str(home / "employees.csv"), "kind": "table"}}
    with pytest.raises(errors.NotFound, match="its outputs: dataset"):
        run.output("other")
    assert run.run_json()["outputs"]["dataset"]["key"] == output.key


def test_every_error_and_every_variable_is_on_the_page() -> None:
    text = (REPOSITORY / "docs" / "sdk.md").read_text()
    assert {name for name in errors.__all__ if f"`{name}`" not in text and name != "SdkError"} == set()
    source = "".join(file.read_text() for file in (REPOSITORY / "operator/src/mlrun_operator/sdk").rglob("*.py"))
    variables = set(re.findall(r'"(MLRUN_OPERATOR_[A-Z_]+)"', source))
    assert {name for name in variables if f"`{name}`" not in text} == set()


def test_every_public_name_is_in_the_reference_and_prints_what_it_says(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "report.txt").write_text("all is well\n")
    blocks = blocks_of("reference-sdk.md")
    local = "".join(text for name, text in blocks if not name)
    exec(compile(local, "reference-sdk.md", "exec"), {"__name__": "reference"})
    check_prints(local, capsys.readouterr().out.splitlines())
    words = set(re.findall(r"\w+", "".join(text for _, text in blocks)))
    assert set(sdk.__all__) - words == set()


def test_the_reference_speaks_of_every_method() -> None:
    words = set(re.findall(r"\w+", (REPOSITORY / "docs" / "reference-sdk.md").read_text()))
    for handle in (dh.Project, dh.Function, dh.Run, dh.DataItem, dh.Log):
        assert {name for name in dir(handle) if not name.startswith("_")} - words == set(), handle
