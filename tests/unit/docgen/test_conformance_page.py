"""The page of the conformance suite, and how programs are read for it."""

from pathlib import Path

import pytest

from docgen import programs as reader
from docgen.conformance_page import conformance_page

MODULE = '''"""Things that greet."""

RUN = {"greets_twice": [{"handler": "greets"}, {"handler": "reads", "inputs": {"a": "output:b"}}]}
FILES = {"a.txt": "a"}
DIFFERS = {"loud": {"verdict": "better", "why": "It is louder.", "differs": {"state": ["error", "completed"]}}}


def greets():
    """Says hello."""


def reads(a):
    return a


def loud():
    """Shouts."""


def _hidden():
    """Is no program."""
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "scripts").mkdir()
    monkeypatch.setattr(reader, "FOLDER", tmp_path)
    return tmp_path


def test_functions_and_declared_runs_are_programs(folder: Path) -> None:
    (folder / "greeting.py").write_text(MODULE)

    found = {program.id: program for program in reader.programs()}
    assert sorted(found) == ["greeting/greets_twice", "greeting/loud"]
    assert [step["handler"] for step in found["greeting/greets_twice"].steps] == ["greets", "reads"]
    assert (found["greeting/loud"].verdict, found["greeting/loud"].why) == ("better", "It is louder.")
    assert found["greeting/loud"].steps == [{"handler": "loud"}]
    assert found["greeting/loud"].files == {"a.txt": "a"}


def test_a_script_is_a_program_without_a_handler(folder: Path) -> None:
    (folder / "scripts" / "works.py").write_text('"""Works."""\n\nRUN = {"params": {"p": 1}}\n')

    [program] = reader.programs()
    assert (program.id, program.summary, program.verdict) == ("scripts/works", "Works.", "same")
    assert program.steps == [{"handler": None, "params": {"p": 1}}]


def test_a_declaration_needs_its_program(folder: Path) -> None:
    (folder / "greeting.py").write_text(MODULE.replace('"loud":', '"quiet":'))

    with pytest.raises(ValueError, match="'quiet'"):
        reader.programs()


def test_the_page_counts_and_says_why(folder: Path) -> None:
    (folder / "greeting.py").write_text(MODULE)

    page = conformance_page()
    assert "| [Greeting](#greeting) | 1 | 1 |  |" in page
    assert "| `loud` | Shouts. | *better*: It is louder. |" in page
