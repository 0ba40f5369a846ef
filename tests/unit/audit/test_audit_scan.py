"""`make audit`, with the real pip-audit and a feed of this machine: what is found, what passes, what cannot be said."""

import socket
from datetime import date
from pathlib import Path

import pytest
from support.advisory_feed import AdvisoryFeed

from audit.__main__ import REQUIREMENTS, audit
from audit.locks import Pin, lock_files, pins
from audit.scan import NotScannedError, Scanner

TODAY = date(2026, 12, 1)
IGNORED = """
[[ignored]]
id = "{id}"
package = "{package}"
reason = "Only its server is affected. Nothing here starts one."
until = {until}
"""


def ignore(requirements: Path, name: str, package: str = "flask", until: str = "2027-01-31") -> None:
    (requirements / "advisories.toml").write_text(IGNORED.format(id=name, package=package, until=until))


def test_packages_without_an_advisory_pass(requirements: Path, scanner: Scanner, feed: AdvisoryFeed) -> None:
    assert audit(requirements, scanner, TODAY) == 0
    assert {("flask", "2.0.0"), ("pyjwt", "2.1.0")} <= set(feed.asked)


def test_an_advisory_with_a_fix_fails_and_names_it(
    requirements: Path, scanner: Scanner, feed: AdvisoryFeed, capsys: pytest.CaptureFixture[str]
) -> None:
    feed.add("flask", "2.0.0", "GHSA-1", "2.2.5", "CVE-1")
    (requirements / "two.txt").write_text(f"flask==2.0.0 --hash=sha256:{'a' * 64}\n")
    assert audit(requirements, scanner, TODAY) == 1
    (line, total) = capsys.readouterr().out.splitlines()
    for part in ("flask 2.0.0 of one.txt, two.txt", "GHSA-1", "CVE-1", "fixed in 2.2.5", "make locks UPGRADE=flask"):
        assert part in line
    assert total.startswith("2 packages of 2 lock files")


@pytest.mark.parametrize("fixed", [None, "1.9.1"], ids=["no fix", "only of an older line"])
def test_an_advisory_without_a_fix_is_told_and_passes(
    fixed: str | None, requirements: Path, scanner: Scanner, feed: AdvisoryFeed, capsys: pytest.CaptureFixture[str]
) -> None:
    feed.add("pyjwt", "2.1.0", "GHSA-2", fixed)
    assert audit(requirements, scanner, TODAY) == 0
    assert "pyjwt 2.1.0 of one.txt has GHSA-2, no fix yet" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["GHSA-1", "CVE-1"])
def test_an_ignored_advisory_passes(name: str, requirements: Path, scanner: Scanner, feed: AdvisoryFeed) -> None:
    feed.add("flask", "2.0.0", "GHSA-1", "2.2.5", "CVE-1")
    ignore(requirements, name)
    assert audit(requirements, scanner, TODAY) == 0


def test_another_packages_advisory_is_not_ignored(requirements: Path, scanner: Scanner, feed: AdvisoryFeed) -> None:
    feed.add("flask", "2.0.0", "GHSA-1", "2.2.5")
    ignore(requirements, "GHSA-1", package="pyjwt")
    assert audit(requirements, scanner, TODAY) == 1


def test_an_expired_entry_fails(
    requirements: Path, scanner: Scanner, feed: AdvisoryFeed, capsys: pytest.CaptureFixture[str]
) -> None:
    feed.add("flask", "2.0.0", "GHSA-1", "2.2.5")
    ignore(requirements, "GHSA-1", until="2026-11-30")
    assert audit(requirements, scanner, TODAY) == 1
    said = capsys.readouterr()
    assert "expired on 2026-11-30" in said.err
    assert "flask 2.0.0" in said.out


def test_a_feed_that_is_not_reached_scans_nothing(
    requirements: Path, pip_audit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        scanner = Scanner(f"http://127.0.0.1:{unused.getsockname()[1]}/v1/query", pip_audit)
        assert audit(requirements, scanner, TODAY) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "NOT SCANNED" in said.err
    assert "Connection refused" in said.err


def test_a_feed_that_knows_nothing_is_no_feed(
    requirements: Path, scanner: Scanner, feed: AdvisoryFeed, capsys: pytest.CaptureFixture[str]
) -> None:
    feed.advisories.clear()
    assert audit(requirements, scanner, TODAY) == 2
    assert "knows no advisory of pyyaml 5.3" in capsys.readouterr().err


def test_a_feed_that_breaks_off_scans_nothing(requirements: Path, scanner: Scanner, feed: AdvisoryFeed) -> None:
    feed.broken.add("pyjwt")
    assert audit(requirements, scanner, TODAY) == 2


def test_a_pin_that_pip_audit_leaves_out_is_told(requirements: Path, scanner: Scanner) -> None:
    """pip-audit leaves out, without a word, what is not for the Python that it runs on."""
    lock = requirements / "one.txt"
    lock.write_text(f"flask==2.0.0 ; python_version < '3' \\\n    --hash=sha256:{'a' * 64}\n")
    with pytest.raises(NotScannedError, match=r"left out flask 2\.0\.0"):
        scanner.scan(lock)


def test_every_pin_of_every_lock_file_is_asked(scanner: Scanner, feed: AdvisoryFeed) -> None:
    locks = lock_files(REQUIREMENTS)
    assert {lock.stem for lock in locks} >= {"operator", "wrapper", "mlrun", "ml", "dev", "bootstrap", "audit"}
    assert [scanner.scan(lock) for lock in locks] == [[]] * len(locks)
    assert {Pin(*asked) for asked in feed.asked} == set().union(*map(pins, locks))
    for lock in locks:
        text = lock.read_text()
        assert len(pins(lock)) == text.count("==") == sum(line[:1].isalnum() for line in text.splitlines())
