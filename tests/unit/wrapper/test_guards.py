"""The rules themselves, on whatever anybody may write."""

import contextlib
import ipaddress
import socket
import time
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.bounds import MIB
from mlrun_operator.api.contract.fetching import FetchRules
from mlrun_operator.api.reasons import Reason
from mlrun_wrapper.alarm import within
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.guards.addresses import check_host, is_refused, resolved
from mlrun_wrapper.guards.archives import Member, checked_paths
from mlrun_wrapper.guards.paths import inside
from mlrun_wrapper.guards.urls import check_redirect, submodule_url
from mlrun_wrapper.processes import run

LINK_LOCAL = st.integers(0, 2**16 - 1).map(lambda n: ipaddress.IPv4Address((169 << 24) + (254 << 16) + n))
NAMES = st.text(st.sampled_from("ab./\\:~\x00é "), max_size=12)


@given(LINK_LOCAL)
def test_a_link_local_address_is_refused_however_it_is_carried(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    carried = [
        str(address),
        f"::ffff:{address}",
        str(ipaddress.IPv6Address((0x2002 << 112) + (number << 80))),
        str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + number)),
    ]
    assert all(is_refused(each) for each in carried)


@pytest.mark.parametrize(
    "address", ["fe80::1", "fe80::1%eth0", "febf::1", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200"]
)
def test_the_other_metadata_addresses_are_refused(address: str) -> None:
    assert is_refused(address)


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "127.0.0.1", "192.168.1.1", "8.8.8.8", "fd00::1", "2001:db8::1", "::1"]
)
def test_private_and_public_addresses_pass(address: str) -> None:
    assert not is_refused(address)
    check_host(address)


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "0xA9FEA9FE", "2852039166", "169.254.43518"])
def test_an_address_is_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(GuardError, match=r"'link-local'.*sources\.linkLocal"):
        resolved(host, 80, link_local=False)
    try:
        allowed = resolved(host, 80, link_local=True)
    except OSError:
        assert ":" in host, "only a machine without IPv6 cannot resolve it"
    else:
        assert allowed


def test_a_name_that_stands_for_such_an_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    answers = [(*kind, ("10.0.0.1", 443)), (*kind, ("169.254.169.254", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(GuardError, match=r"git\.example\.org is at 169\.254\.169\.254"):
        resolved("git.example.org", 443, link_local=False)


@given(st.lists(st.tuples(NAMES, st.sampled_from(["file", "folder", "link", "other"])), max_size=8))
def test_whatever_an_archive_holds_stays_in_its_folder(entries: list[tuple[str, str]]) -> None:
    members = [Member(name, 1, kind) for name, kind in entries]  # type: ignore[arg-type]
    try:
        paths = checked_paths(members, 100, FetchRules())
    except GuardError:
        return
    root = Path("/work/source")
    targets = [Path(root / path) for path in paths]
    assert len({str(target) for target in targets}) == sum(member.kind == "file" for member in members)
    for target in targets:
        assert ".." not in target.parts
        assert target.is_relative_to(root)
        assert target != root
        assert not any(parent in targets for parent in target.parents)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("../a.py", "file", "outside of the archive's folder"),
        ("a/../../b.py", "file", "outside of the archive's folder"),
        ("/etc/passwd", "file", "outside of the archive's folder"),
        ("C:\\a.py", "file", "outside of the archive's folder"),
        ("a\\..\\b.py", "file", "outside of the archive's folder"),
        ("../", "folder", "outside of the archive's folder"),
        ("a\n.py", "file", "cannot be a file's name"),
        ("é" * 128, "file", "cannot be a file's name"),
        ("", "file", "cannot be a file's name"),
        ("link", "link", "is a link, which the rule 'link' refuses; put the file itself"),
        ("pipe", "other", "neither a file nor a folder"),
    ],
)
def test_an_entry_that_is_refused(name: str, kind: str, words: str) -> None:
    with pytest.raises(GuardError) as refused:
        checked_paths([Member(name, 1, kind)], 100, FetchRules())  # type: ignore[arg-type]
    assert words in str(refused.value)


def test_entries_that_exclude_each_other_are_refused() -> None:
    for names in (("a.py", "./a.py"), ("a", "a/b.py"), ("x//y", "x/y")):
        with pytest.raises(GuardError, match="'path'"):
            checked_paths([Member(name, 1, "file") for name in names], 100, FetchRules())


def test_ordinary_entries_pass() -> None:
    members = [Member("src/", 0, "folder"), Member("src/a.py", 5, "file"), Member("./b..c.py", 5, "file")]
    assert list(checked_paths(members, 10, FetchRules())) == [PurePosixPath("src/a.py"), PurePosixPath("b..c.py")]


@pytest.mark.parametrize(
    ("rules", "sizes", "packed", "words"),
    [
        (FetchRules(max_files=2), [1, 1, 1], 10, r"more than 2 files and folders.*'files'.*sources\.maxFiles"),
        (FetchRules(max_unpacked_mib=3), [2 * MIB] * 2, 4 * MIB, r"4 MiB, more than 3 MiB.*'unpacked-size'"),
        (FetchRules(max_ratio=10), [33 * MIB], 3 * MIB, r"11 times its size, more than 10.*'ratio'.*sources\.maxRatio"),
    ],
)
def test_a_bomb_is_refused_by_what_it_says_of_itself(
    rules: FetchRules, sizes: list[int], packed: int, words: str
) -> None:
    with pytest.raises(GuardError, match=words):
        checked_paths([Member(str(n), size, "file") for n, size in enumerate(sizes)], packed, rules)


def test_a_small_archive_may_have_any_ratio() -> None:
    assert checked_paths([Member("zeros", 15 * MIB, "file")], 1000, FetchRules(max_ratio=2))


@pytest.mark.parametrize(
    ("old", "new"), [("https://a/x", "https://b/y"), ("http://a/x", "https://a/x"), ("http://a/x", "http://b/x")]
)
def test_redirects_that_are_followed(old: str, new: str) -> None:
    check_redirect(old, new, downgrade=False)


@pytest.mark.parametrize("new", ["ftp://a/x", "file:///etc/passwd", "gopher://a", "data:,x", "javascript:1"])
def test_redirects_to_other_schemes_are_refused(new: str) -> None:
    with pytest.raises(GuardError, match=r"'redirect'.*name that URL yourself"):
        check_redirect("https://a/x", new, downgrade=True)


def test_a_redirect_from_https_to_http_is_refused_for_code() -> None:
    check_redirect("https://a/x", "http://a/x", downgrade=True)
    with pytest.raises(GuardError, match="from https to http"):
        check_redirect("https://a/x", "http://a/x", downgrade=False)


@pytest.mark.parametrize(
    ("parent", "url", "absolute"),
    [
        ("https://h:1/team/p.git", "../q.git", "https://h:1/team/q.git"),
        ("https://h/team/p.git/", "../../other/q.git", "https://h/other/q.git"),
        ("ssh://git@h:2/team/p.git", "../q.git", "ssh://git@h:2/team/q.git"),
        ("https://h/p.git", "../../../../q.git", "https://h/q.git"),
        ("https://h/p.git", "https://other/q", "https://other/q"),
        ("ssh://git@h/p.git", "git@other:team/q.git", "ssh://git@other/team/q.git"),
        ("ssh://git@h/p.git", "ssh://git@other/q.git", "ssh://git@other/q.git"),
    ],
)
def test_a_submodule_s_address(parent: str, url: str, absolute: str) -> None:
    assert submodule_url(parent, url) == absolute


@given(st.text(st.sampled_from("ab:/@-.x\\ "), max_size=20).map(lambda tail: f"ext::{tail}") | st.text(max_size=20))
def test_a_submodule_is_fetched_by_https_or_not_at_all(url: str) -> None:
    with contextlib.suppress(GuardError):
        assert submodule_url("https://host/p.git", url).startswith("https://")


def test_a_path_stays_inside_also_by_links(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/etc")
    (tmp_path / "in").symlink_to(tmp_path)
    assert inside(tmp_path, "in/a.py").name == "a.py"
    for name in ("out/passwd", "../x", "/etc/passwd"):
        with pytest.raises(GuardError, match="'outside'"):
            inside(tmp_path, name)


def test_what_takes_too_long_ends_and_takes_its_processes_with_it(tmp_path: Path) -> None:
    failure, start = StepError(Reason.SOURCE_UNAVAILABLE, "too slow"), time.monotonic()
    script = f"sleep 300 & echo $! > {tmp_path}/pid; wait"
    with pytest.raises(StepError, match="too slow"), within(0.5, failure):
        run(["sh", "-c", script], folder=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert time.monotonic() - start < 60
    pid = (tmp_path / "pid").read_text().strip()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_is_quick_hears_no_alarm() -> None:
    with within(0.2, StepError(Reason.SOURCE_UNAVAILABLE, "too slow")):
        pass
    time.sleep(0.4)


def test_a_program_s_output_is_bounded_and_shown_as_it_comes(tmp_path: Path) -> None:
    shown: list[bytes] = []
    command = ["sh", "-c", "head -c 3000000 /dev/zero; echo end >&2; exit 3"]
    done = run(command, folder=tmp_path, env={"PATH": "/usr/bin:/bin"}, merged=True, show=shown.append)
    assert (done.code, len(done.output), done.output[-4:]) == (3, 1 << 20, "end\n")
    assert sum(map(len, shown)) == 3_000_004
