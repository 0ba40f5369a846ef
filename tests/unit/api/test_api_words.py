"""Texts that are put together read as sentences, whatever the parts end with."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlrun_operator.api.words import clauses, sentences
from mlrun_operator.sdk.errors import SdkError

ROOT = Path(__file__).parents[3]
# A full stop or semicolon right behind what ends or breaks a sentence.
WRONG = re.compile(r"[.!?…,;:]\s*[.;](\s|$)|\s[.;](\s|$)")
LETTERS = st.characters(categories=("L", "Nd"))
PARTS = st.builds(
    lambda words, end: words + end,
    st.text(LETTERS, min_size=1, max_size=10),
    st.text(st.sampled_from(".!?…,;: \n)'\"`"), max_size=4),
)


@given(PARTS, st.text(LETTERS, min_size=1, max_size=10))
@example("'rat' was given, is it meant?", "Change the field")
@example("the server says:", "Change the field")
@pytest.mark.parametrize("join", [sentences, clauses])
def test_no_joint_has_two_marks(join: object, head: str, tail: str) -> None:
    """The part after the joint is whole, and at the joint stands one mark that the head brings, or one of ours."""
    text = join(head, tail)  # type: ignore[operator]
    assert text.endswith(f" {tail}")
    joint = text.removesuffix(f" {tail}")
    own = joint.removesuffix(".").removesuffix(";")
    assert head.startswith(own)
    if joint != head.rstrip(" \n,;:"):
        assert not WRONG.search(joint[len(own) - 1 :] + " ")
    assert joint[-1] in ".!?…;"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("it failed", "Change it."), "it failed. Change it."),
        (("it failed.", "Change it."), "it failed. Change it."),
        (("is it meant?", "Change it."), "is it meant? Change it."),
        (("", "Change it."), "Change it."),
        (("it failed", ""), "it failed"),
        ((), ""),
    ],
)
def test_sentences(parts: tuple[str, ...], text: str) -> None:
    assert sentences(*parts) == text


def test_an_error_and_its_hint() -> None:
    assert str(SdkError("did you mean 'x'?", hint="Name it.")) == "did you mean 'x'? Name it."


# What a value is called that may be a whole sentence of somebody else's.
OF_OTHERS = {"message", "error", "words", "sentence", "answer", "happened", "summary", "cause"}


def test_no_message_is_put_together_by_hand() -> None:
    """A sentence of somebody else's ends as it likes, so what follows it is joined by `sentences` or `clauses`."""
    files = [
        *(ROOT / "operator/src").rglob("*.py"),
        *(f for f in (ROOT / "wrapper-image/src").rglob("*.py") if f.parent.name != "executor"),
    ]
    assert [place for file in files for place in _joints(file)] == []


def _joints(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            for left, right in zip(node.values, node.values[1:], strict=False):
                if isinstance(left, ast.FormattedValue) and _name(left.value) in OF_OTHERS and _is_joint(right):
                    yield f"{file.relative_to(ROOT)}:{node.lineno}"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_joint(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).startswith((". ", "; "))
