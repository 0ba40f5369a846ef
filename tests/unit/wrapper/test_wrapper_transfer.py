"""HTTP downloads that break off, stall, or meet another page the second time."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.flaky import FlakyServer

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.reasons import Reason
from mlrun_operator.store import UnavailableError, open_store
from mlrun_wrapper.errors import StepError, input_purpose
from mlrun_wrapper.http import Downloaded, download
from mlrun_wrapper.opener import Manners

BODY = hashlib.shake_128(b"page").digest(1_000_000)
PURPOSE = input_purpose("x")


@pytest.fixture
def server() -> Iterator[FlakyServer]:
    server = FlakyServer()
    yield server
    server.stop()


def fetch(url: str, tmp_path: Path, attempts: int = 2) -> Downloaded:
    return download(url, tmp_path / "file", PURPOSE, attempts=attempts)


def test_a_broken_download_goes_on_where_it_broke(server: FlakyServer, tmp_path: Path) -> None:
    # More breaks than attempts: each brought something.
    got = fetch(server.serve("/a", BODY, breaks=[300_000, 200_000, 400_000]), tmp_path)

    assert (tmp_path / "file").read_bytes() == BODY
    assert (got.size, got.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert server.asked == [None, "bytes=300000-", "bytes=500000-", "bytes=900000-"]


@pytest.mark.parametrize("page", [{"etag": None}, {"ranges": False}])
def test_without_ranges_or_validator_it_begins_anew(
    page: dict[str, object], server: FlakyServer, tmp_path: Path
) -> None:
    got = fetch(server.serve("/a", BODY, breaks=[300_000], **page), tmp_path)

    assert (tmp_path / "file").read_bytes() == BODY
    assert got.sha256 == hashlib.sha256(BODY).hexdigest()


def test_a_page_that_changed_meanwhile_is_not_mixed(server: FlakyServer, tmp_path: Path) -> None:
    url = server.serve("/a", BODY, breaks=[300_000])

    def change(size: int) -> None:
        server.pages["/a"].body, server.pages["/a"].etag = BODY[::-1], '"two"'

    got = download(url, tmp_path / "file", PURPOSE, attempts=3, watch=change)

    assert (tmp_path / "file").read_bytes() == BODY[::-1]
    assert got.sha256 == hashlib.sha256(BODY[::-1]).hexdigest()


def test_a_server_that_breaks_at_the_same_byte_again_is_unavailable(server: FlakyServer, tmp_path: Path) -> None:
    url = server.serve("/a", BODY, breaks=[300_000, 0, 0, 0, 0])
    with pytest.raises(StepError, match=r"'x': .*/a: the connection broke after 300000 of 1000000 bytes \(2 tries"):
        fetch(url, tmp_path)


def test_a_server_that_drips_is_asked_again_and_then_unavailable(
    server: FlakyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlrun_operator.store.pace.SECONDS", 0.3)
    url = server.serve("/a", BODY, piece=1, pause=0.01)
    with pytest.raises(
        StepError, match=r"'x': .*/a: 0 s brought \d+ bytes, less than 1000 a second \(2 tries"
    ) as failed:
        fetch(url, tmp_path)
    assert failed.value.reason is Reason.INPUT_UNAVAILABLE
    assert len(server.asked) == 2


def test_an_object_that_drips_is_unavailable(
    server: FlakyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlrun_operator.store.pace.SECONDS", 0.3)
    server.serve("/b/x", BODY, piece=1, pause=0.01)
    store = open_store(StoreInfo(root="s3://b", endpoint=server.url, anonymous=True), attempts=2)
    with pytest.raises(UnavailableError, match=r"s3://b/x: .*less than 1000 a second"):
        store.download("x", tmp_path / "file")
    assert len(server.asked) == 2


def test_breaks_that_bring_next_to_nothing_do_not_go_on_for_ever(
    server: FlakyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlrun_operator.store.pace.SECONDS", 0.3)
    monkeypatch.setattr("mlrun_wrapper.retries.random.uniform", lambda low, high: 0.0)
    url = server.serve("/a", BODY, piece=1, pause=0.01, breaks=[10] * 1000)
    with pytest.raises(StepError, match="less than 1000 a second"):
        fetch(url, tmp_path)


@pytest.mark.parametrize("url", ["http://a..b/x", "http://localhost:abc/x"])
def test_a_host_or_port_that_cannot_be_is_the_run_s_mistake(url: str, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="is not a URL") as failed:
        fetch(url, tmp_path)
    assert failed.value.reason is Reason.INVALID_RUN


def test_more_than_the_limit_is_refused_before_it_is_taken(server: FlakyServer, tmp_path: Path) -> None:
    url = server.serve("/a", BODY)
    with pytest.raises(StepError, match="is larger than 1000 bytes"):
        download(url, tmp_path / "file", PURPOSE, attempts=2, manners=Manners(limit=1000))
