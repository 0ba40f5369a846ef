"""Which files run as scripts, and which only define what somebody forgot to name."""

from pathlib import Path
from textwrap import dedent

import pytest

from mlrun_wrapper.executor.failure import InvalidRunError
from mlrun_wrapper.executor.script import script, unread


def written(folder: Path, code: str) -> Path:
    file = folder / "pipeline.py"
    file.write_text(dedent(code))
    return file


@pytest.mark.parametrize(
    "code",
    [
        "print('hello')",
        "import mlrun\nmlrun.get_or_create_ctx('x').log_result('a', 1)",
        "",
        "import that_does_the_work",
        "x = 5",
        "def train(): pass\ntrain()",
        "def train(): pass\nif __name__ == '__main__':\n    train()",
        "def train(): pass\nif '__main__' == __name__:\n    train()",
        "def train(): return 1\nresult = train()",
        "def train(context): return 1\ncontext = mlrun.get_or_create_ctx('x')\nvalue = train(context)",
        "class A: pass\nwith open('x') as file:\n    A()",
        "def a(): pass\nfor _ in range(3): a()",
        "def a(): pass\ntry:\n    a()\nexcept ValueError: pass",
    ],
)
def test_a_file_that_does_something_is_a_script(tmp_path: Path, code: str) -> None:
    assert script(written(tmp_path, code)).__name__ == "pipeline.py"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def train(): pass", "did you mean 'train'? It defines train"),
        ("async def train(): pass", "did you mean 'train'?"),
        ("def _inner(): pass\ndef load(): pass\ndef train(): pass", "did you mean 'train'? It defines load, train"),
        ("class Trainer:\n    def __init__(self): pass\n    def fit(self): pass", "did you mean 'Trainer::fit'?"),
        ("class Empty: pass", "only defines what could be called"),
        (
            """
            '''What it is.'''
            from __future__ import annotations
            import logging
            try:
                import fast
            except ImportError:
                fast = None
            if fast:
                import faster
            else:
                LIMIT: int = 5
            log = logging.getLogger(__name__)
            SIZES = [n * 2 for n in range(3)]
            def train(): pass
            """,
            "no handler given, and pipeline.py only defines what could be called; did you mean 'train'?",
        ),
    ],
)
def test_a_file_of_definitions_lacks_its_handler(tmp_path: Path, code: str, words: str) -> None:
    with pytest.raises(InvalidRunError) as refused:
        script(written(tmp_path, code))
    assert words in str(refused.value)


@pytest.mark.parametrize("code", ["print('a'", "def f(:", "\x00"])
def test_a_script_that_is_no_python_is_not_run(tmp_path: Path, code: str) -> None:
    with pytest.raises(InvalidRunError, match=r"syntax error|is not Python"):
        script(written(tmp_path, code))


def test_what_a_script_does_not_mention_is_told(tmp_path: Path) -> None:
    file = written(tmp_path, "context.get_param('rows')\ncontext.get_input('table')")
    assert unread(file, ["rows", "row_count"], ["table: str", "tables"]) == [
        "pipeline.py does not mention 'row_count', which the run gives it",
        "pipeline.py does not mention 'tables', which the run gives it",
    ]
