"""Notebooks as the source of a function."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlrun_operator.sdk.errors import InvalidArgument
from mlrun_operator.sdk.translate.source import source


def written(folder: Path, *cells: str, tags: dict[int, str] | None = None) -> Path:
    made: list[dict[str, Any]] = [{"cell_type": "markdown", "metadata": {}, "source": ["# Title"]}]
    for index, cell in enumerate(cells):
        metadata = {"tags": [tags[index]]} if tags and index in tags else {}
        made.append({"cell_type": "code", "metadata": metadata, "source": cell.splitlines(keepends=True)})
    file = folder / "train.ipynb"
    file.write_text(json.dumps({"cells": made, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}))
    return file


def test_code_cells_are_the_code_in_their_order(tmp_path: Path) -> None:
    assert source(written(tmp_path, "a = 1", "b = 2")) == {"code": "a = 1\n\nb = 2\n", "fileName": "train.py"}


@pytest.mark.parametrize("prefix", ["mlrun", "nuclio"])
def test_marks_say_which_cells_are_the_code(tmp_path: Path, prefix: str) -> None:
    cells = (
        "x = 0",
        f"# {prefix}: start-code",
        "a = 1",
        f"# {prefix}: ignore\nb = 2",
        f"# {prefix}: end-code",
        "c = 3",
    )
    made = source(written(tmp_path, *cells))
    assert isinstance(made, dict)
    assert made["code"].split() == ["a", "=", "1"]


def test_tagged_cells_are_left_out(tmp_path: Path) -> None:
    made = source(written(tmp_path, "a = 1", "b = 2", tags={1: "mlrun-ignore"}))
    assert isinstance(made, dict)
    assert made["code"] == "a = 1\n"


def test_magics_are_taken_out_and_told(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"%matplotlib inline; !pip install x; %%bash; ls"):
        made = source(written(tmp_path, "%matplotlib inline\n!pip install x\na = 1", "%%bash\nls"))
    assert isinstance(made, dict)
    assert made["code"] == "a = 1\n"


def test_the_encoding_that_a_cell_declares_is_not_the_notebooks(tmp_path: Path) -> None:
    """Notebooks are UTF-8, also where a file with a cookie was pasted into one."""
    made = source(written(tmp_path, "# -*- coding: latin-1 -*-\nname = 'é'"))
    assert made == {"code": "# -*- coding: utf-8 -*-\nname = 'é'\n", "fileName": "train.py"}


@pytest.mark.parametrize("cell", ["a = (7\n     % 4)", 'text = """\n%d of !x\n"""'])
def test_a_line_of_python_that_looks_like_a_magic_stays(tmp_path: Path, cell: str) -> None:
    assert source(written(tmp_path, cell)) == {"code": f"{cell}\n", "fileName": "train.py"}


@pytest.mark.parametrize(
    ("text", "words"), [("{}", "is no notebook"), ("x", "is no notebook"), ('{"cells": []}', "no code")]
)
def test_what_is_no_notebook_is_refused_by_its_name(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "n.ipynb"
    file.write_text(text)
    with pytest.raises(InvalidArgument, match=words):
        source(file)
