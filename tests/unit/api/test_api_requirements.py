"""`requirements`: whatever passes the rule is one requirement to pip, and no option but a hash."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pip._internal.req.req_file import RequirementsFileParser, get_line_parser
from pydantic import TypeAdapter, ValidationError

from mlrun_operator.api.rules import Rule
from mlrun_operator.api.values.requirements import REQUIREMENT_RULES, Requirement

ENTRY = TypeAdapter(Requirement)
LINE_ENDS = [chr(code) for code in range(0x110000) if len(f"a{chr(code)}b".splitlines()) == 2]
EVIL = "--index-url=http://evil.example/simple"
FRAGMENTS = [
    *LINE_ENDS,
    *("six", "a==1", "[x]", "; python_version<'3.12'", "tool @ https://host/tool.whl", "ssh://git@host/x", "${NAME}"),
    *(EVIL, "--hash=sha256:ab", "--hash sha512:cd", "-e .", "-r x.txt", "--trusted-host h", "--pre", "-", "--"),
    *(" ", "\t", "\\", "#", " # ", "'", '"', "=", "\ufeff", "\xa0", "\xc5", "\x00", "\x7f", "\x9f", "\ud800"),
]
ENTRIES = st.lists(st.sampled_from(FRAGMENTS), max_size=6).map("".join) | st.text(max_size=30)


def passes(entry: str) -> bool:
    try:
        ENTRY.validate_python(entry)
    except ValidationError:
        return False
    return True


def options_of(opts: object) -> dict[str, object]:
    """Every option that pip found, but for hashes."""
    return {name: value for name, value in vars(opts).items() if value and name not in ("hashes", "format_control")}


def test_the_line_ends_that_python_knows_are_many() -> None:
    assert {"\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"} == set(LINE_ENDS)


@given(ENTRIES)
@example("six\u2028--index-url=http://evil.example/simple")
@example("six --index-url=http://evil.example/simple")
@example("six --global-option=x")
@example("a\xc5--pre")
def test_what_passes_is_one_requirement_to_pip_and_no_option(entry: str) -> None:
    if not passes(entry) or entry.startswith("-r "):
        return
    with TemporaryDirectory() as folder:
        file = Path(folder, "requirements.txt")
        file.write_text(f"first\n{entry}\nlast\n", encoding="utf-8")
        lines = list(RequirementsFileParser(None, get_line_parser(None)).parse(str(file), False))
    assert [line.is_requirement and not line.is_editable for line in lines] == [True] * 3
    assert [line.requirement for line in lines if line.lineno != 2] == ["first", "last"]
    assert [options_of(line.opts) for line in lines] == [{}] * 3


@given(ENTRIES)
def test_a_requirement_has_one_line_in_every_locale(entry: str) -> None:
    if not passes(entry) or entry.startswith("-r "):
        return
    for locale in ("latin-1", "cp1252", "cp850", "shift_jis"):
        assert len(entry.encode().decode(locale, errors="replace").splitlines()) == 1


@given(ENTRIES.map(lambda name: f"-r {name}"))
def test_a_file_of_the_source_is_one_plain_name(entry: str) -> None:
    if not passes(entry):
        return
    name = entry.removeprefix("-r ")
    assert len(name.splitlines()) == 1
    assert not name.startswith(("-", "/"))
    assert ".." not in name.split("/")
    assert not set(name) & set(" \\$\t")


@pytest.mark.parametrize("end", LINE_ENDS, ids=ascii)
@pytest.mark.parametrize("start", ["six", "-r base.txt"])
def test_an_option_behind_a_line_end_is_refused(start: str, end: str) -> None:
    assert passes(start)
    assert not passes(f"{start}{end}{EVIL}")


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0)], ids=hex)
def test_a_control_character_is_refused(code: int) -> None:
    assert not passes(f"six{chr(code)}")
    assert not passes(f"-r base{chr(code)}.txt")


@pytest.mark.parametrize(
    "entry",
    [
        "tool @ git+ssh://git@host/tool.git@main",
        "tool @ git+ssh://git@host:2222/tool.git#egg=tool",
        "tool @ https://${TOKEN}@host/tool.whl",
        "tool @ https://${USER}:${PASSWORD}@host/tool.whl --hash=sha256:ab",
        "tool @ https://oauth2:${TOKEN}@host/tool.whl",
        "tool @ git+https://${TOKEN}:x-oauth-basic@host/tool.git@v1",
        "tool @ https://host/tool.whl?user=me@example.org",
        "tool @ https://host/@scope/tool.whl",
        "tool>=1,<2; python_version < '3.12'  --hash=sha256:ab --hash=sha512:CD ",
        "-r anforderungen/für-alle.txt",
        "-r a-b/--c.txt",
    ],
)
def test_a_requirement_that_passes(entry: str) -> None:
    assert ENTRY.validate_python(entry) == entry


@pytest.mark.parametrize(
    "url",
    [
        "ssh://user:pw@host/x",
        "git+ssh://git:pw@host/x",
        "ssh://git@me:pw@host/x",
        "ftp://me:pw@host/x",
        "svn+https://me@host/x",
        "https://ghp_secret@host/x",
        "https://me:pw$@host/x",
        "https://${USER}:hunter2@host/x",
        "https://hunter2${USER}@host/x",
        "https://me:${NAME}x@host/x",
        "https://me:p#w@host/x",
        "https://host/x?from=https://me:pw@other",
        "HTTPS://me:pw@host/x",
    ],
)
def test_a_url_with_credentials_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="no credentials in a URL"):
        ENTRY.validate_python(f"tool @ {url}")


@pytest.mark.parametrize(
    "entry",
    [f"six {EVIL}", "six --pre", "six -e .", "six --global-option=x", "six --config-settings=a=b", "six --hash=md5:ab"],
)
def test_an_option_of_pip_on_a_requirement_is_refused(entry: str) -> None:
    with pytest.raises(ValidationError, match="set other options of pip"):
        ENTRY.validate_python(entry)


def test_a_rule_for_the_api_server_has_re2_s_code_points() -> None:
    rule = Rule("no such character", never=r"[\x85\u2028]")
    assert rule.cel == r"!self.matches(r'[\x85\x{2028}]')"
    assert not any(r"\u" in each.cel for each in REQUIREMENT_RULES)
    with pytest.raises(ValueError, match="no such character"):
        rule.check("a\u2028b")
