"""Downloads from S3 over a wire that breaks, of objects that change, from servers that know no HEAD."""

import errno
import hashlib
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path, PosixPath
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.flaky import CutWire
from support.servers import OPEN_BUCKET, S3Server

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.store import Store, UnavailableError, open_store
from mlrun_operator.store.s3_download import PART

MIB = 1 << 20
BODY = hashlib.shake_128(b"large").digest(2 * PART + 5 * MIB)


@pytest.fixture(scope="module")
def direct(s3: S3Server) -> Store:
    store = open_store(StoreInfo(root=f"s3://{OPEN_BUCKET}/cut", endpoint=s3.endpoint, anonymous=True))
    store.write("large", BODY)
    return store


@pytest.fixture
def cuts(s3: S3Server) -> list[int]:
    return []


@pytest.fixture
def wire(s3: S3Server, cuts: list[int]) -> Iterator[CutWire]:
    url = urlsplit(s3.endpoint)
    wire = CutWire((str(url.hostname), int(url.port or 0)), cuts)
    yield wire
    wire.close()


def through(wire: CutWire, attempts: int = 3) -> Store:
    info = StoreInfo(root=f"s3://{OPEN_BUCKET}/cut", endpoint=wire.address, anonymous=True)
    return open_store(info, attempts=attempts)


def test_a_large_object_comes_in_parts_without_a_head(direct: Store, wire: CutWire, tmp_path: Path) -> None:
    seen: list[int] = []
    got = through(wire).download("large", tmp_path / "file", seen.append)

    assert (tmp_path / "file").read_bytes() == BODY
    assert (got.size, got.sha256, sum(seen)) == (len(BODY), hashlib.sha256(BODY).hexdigest(), len(BODY))
    assert b"HEAD " not in wire.requests
    assert wire.requests.lower().count(b"range: bytes=") == 3


def test_what_broke_goes_on_where_it_broke(direct: Store, wire: CutWire, cuts: list[int], tmp_path: Path) -> None:
    cuts += [6 * MIB, 9 * MIB, 2 * MIB, 3 * MIB]
    got = through(wire).download("large", tmp_path / "file")

    assert got.sha256 == hashlib.sha256(BODY).hexdigest()
    assert (tmp_path / "file").read_bytes() == BODY
    assert cuts == []
    assert 6 <= wire.requests.lower().count(b"range: bytes=") <= 8


def test_a_wire_that_breaks_for_ever_is_unavailable(
    direct: Store, wire: CutWire, cuts: list[int], tmp_path: Path
) -> None:
    cuts += [100] * 50
    with pytest.raises(UnavailableError, match="large"):
        through(wire, attempts=2).download("large", tmp_path / "file")
    assert len(cuts) >= 40


def test_an_object_that_changes_while_it_is_read_is_not_mixed(
    direct: Store, wire: CutWire, cuts: list[int], tmp_path: Path
) -> None:
    direct.write("changing", BODY)
    cuts += [6 * MIB] * 4

    def change(size: int) -> None:
        if changed == []:
            changed.append(size)
            direct.write("changing", BODY[::-1])

    changed: list[int] = []
    with pytest.raises(UnavailableError, match="changed it while it was read"):
        through(wire).download("changing", tmp_path / "file", change)


def test_who_watches_can_end_it(direct: Store, tmp_path: Path) -> None:
    class EnoughError(Exception):
        pass

    def watch(size: int) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        direct.download("large", tmp_path / "file", watch)


class SmallBites(FileIO):
    """A file of a disk that is filling up: `room` bytes fit, and a write takes what it can."""

    room = 1 << 30

    def write(self, data: Any, /) -> int:
        if SmallBites.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = super().write(memoryview(data)[: min(100_000, SmallBites.room)])
        SmallBites.room -= taken
        return taken


class FillingPath(PosixPath):
    def open(self, mode: str = "r", buffering: int = -1, *more: Any, **named: Any) -> Any:
        return SmallBites(self, mode) if mode == "r+b" else super().open(mode, buffering, *more, **named)


def test_what_a_write_does_not_take_is_written_again(direct: Store, tmp_path: Path) -> None:
    got = direct.download("large", FillingPath(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == BODY
    assert got.sha256 == hashlib.sha256(BODY).hexdigest()


def test_a_disk_that_is_full_is_told(direct: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SmallBites, "room", len(BODY) // 2)
    with pytest.raises(OSError, match="No space left"):
        direct.download("large", FillingPath(tmp_path / "file"))
