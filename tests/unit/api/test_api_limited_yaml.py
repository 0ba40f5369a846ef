"""YAML that repeats itself or nests without end ends at once; all other YAML is read as before."""

import contextlib
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.limited_yaml import MAX_DEPTH, MAX_REPEATED, LimitedLoader


def load(text: str) -> object:
    return yaml.load(text, LimitedLoader)


def bomb(levels: int = 9, width: int = 10) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels + 1)]
    return "\n".join(lines)


def merged(levels: int = 30) -> str:
    lines = ["a0: &a0 {x: 1}"]
    return "\n".join([*lines, *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], y{n}: 1}}" for n in range(1, levels))])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (bomb(), "aliases repeat more than 1 MiB"),
        (merged(), "aliases repeat more than 1 MiB"),
        (f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 1000)}]", "aliases repeat more than 1 MiB"),
        ("---\n".join([bomb(4)] * 20), "aliases repeat more than 1 MiB"),
        ("[" * 100_000, f"deeper than {MAX_DEPTH} levels"),
        ("- " * 3_000 + "x", f"deeper than {MAX_DEPTH} levels"),
        ("{a: " * 3_000 + "1" + "}" * 3_000, f"deeper than {MAX_DEPTH} levels"),
        (f"a: &a {'[' * 60}{']' * 60}\nb: {'[' * 60}*a{']' * 60}", f"deeper than {MAX_DEPTH} levels"),
        ("a: &a [*a]", "is inside of what it repeats"),
        ("a: &a {*a : 1}", "is inside of what it repeats"),
    ],
)
def test_a_bomb_ends_at_once(text: str, words: str) -> None:
    begun = time.monotonic()
    with pytest.raises(yaml.MarkedYAMLError, match=words):
        list(yaml.load_all(text, LimitedLoader))
    assert time.monotonic() - begun < 5  # seconds; without limits it takes minutes, or all memory


@pytest.mark.parametrize(
    "text", ["1" * 5000, "!!timestamp x", "!!int x", "!!bool x", "!!float x", "!!binary é", "!!timestamp 2026-99-99"]
)
def test_a_value_that_is_not_what_its_tag_says(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        load(f"a: [{text}]")


def test_what_people_write_is_within_the_limits() -> None:
    env = "env: &env\n" + "".join(f"- {{name: N{n}, value: some-value-{n}}}\n" for n in range(50))
    assert len(load(env + "runs: [" + ", ".join(["*env"] * 30) + "]")["runs"]) == 30  # type: ignore[index]
    assert load("a: &a {x: 1}\nb: {<<: *a, y: 2}") == {"a": {"x": 1}, "b": {"x": 1, "y": 2}}
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert str(load(deep)) == deep
    assert len(load("x" * 3 * MAX_REPEATED)) == 3 * MAX_REPEATED  # type: ignore[arg-type]


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(VALUES)
def test_it_reads_what_the_safe_loader_reads(value: object) -> None:
    text = yaml.safe_dump([value, value])
    assert load(text) == yaml.safe_load(text)


@given(st.text(st.sampled_from("[]{}&*a: ,-?|>'\"!<\n\t#%0.1\x00é")))
def test_any_text_is_yaml_or_a_yaml_error(text: str) -> None:
    with contextlib.suppress(yaml.YAMLError):
        list(yaml.load_all(text, LimitedLoader))
