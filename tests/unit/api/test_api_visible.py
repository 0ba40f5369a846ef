"""What a terminal acts on is shown, for any text; JSON and YAML keep their value."""

import json
import re

import pytest
import yaml
from hypothesis import given
from support.hostile import ANY_TEXT, as_utf16, is_shown

from mlrun_operator.api.visible import one_line, visible


@given(ANY_TEXT)
def test_no_control_but_newline_and_tab_is_left(text: str) -> None:
    shown = visible(text)
    assert is_shown(shown)
    assert (shown.count("\n"), shown.count("\t")) == (text.count("\n"), text.count("\t"))
    assert visible(shown) == shown


@given(ANY_TEXT)
def test_a_line_is_one_for_every_reader(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert is_shown(one_line(text))
    assert "\t" not in one_line(text)


@given(ANY_TEXT)
def test_json_and_quoted_yaml_keep_their_value(text: str) -> None:
    written = visible(json.dumps(text, ensure_ascii=False))
    assert as_utf16(json.loads(written)) == as_utf16(text)
    if not re.search("[\ud800-\udfff]", text):
        assert yaml.safe_load(visible(yaml.dump(text, allow_unicode=True, default_style='"'))) == text


@pytest.mark.parametrize("text", ["Zürich, 東京 🚀", "مرحبا", "שלום", "a\tb\nc", "C:\\u001b"])
def test_texts_of_people_are_left_alone(text: str) -> None:
    assert visible(text) == text


def test_escapes_and_overrides_are_shown() -> None:
    assert visible("\x1b]0;x\x07\x9b2J") == r"\u001b]0;x\u0007\u009b2J"
    assert visible("user\u202egnp.exe") == r"user\u202egnp.exe"
    assert one_line("a\r\nb\u2028c") == r"a\r\nb\u2028c"
