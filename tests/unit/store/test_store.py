"""What every store does, on a folder and on a real S3 server alike."""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.servers import ACCESS_KEY, CLOSED_BUCKET, SECRET_KEY, S3Server

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.store import (
    CredentialsMissingError,
    DeniedError,
    NotFoundError,
    Store,
    StoreError,
    UnavailableError,
    below,
    open_store,
)


def test_what_is_written_is_read(store: Store, folder: str) -> None:
    store.write(f"{folder}/a.json", b"{}")
    store.write(f"{folder}/a.json", "new ü".encode())

    assert store.read(f"{folder}/a.json") == "new ü".encode()
    assert store.uri("x/y").startswith(store.root + "/x")


def test_what_is_not_there_is_named(store: Store, folder: str, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=f"{folder}/none does not exist"):
        store.read(f"{folder}/none")
    with pytest.raises(NotFoundError, match="none does not exist"):
        store.download(f"{folder}/none", tmp_path / "file")


@pytest.mark.parametrize("size", [0, 1, 20 << 20])
def test_files_go_there_and_back(size: int, store: Store, folder: str, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(hashlib.shake_128(b"seed").digest(size))

    store.upload(f"{folder}/deep/file ü.bin", there)
    store.download(f"{folder}/deep/file ü.bin", back)

    assert back.read_bytes() == there.read_bytes()


def test_a_listing_has_everything_below_the_prefix(store: Store, folder: str) -> None:
    for name in ("d/a", "d/e/b", "d/e/c", "dx"):
        store.write(f"{folder}/{name}", b"12")

    found = sorted(store.list(f"{folder}/d/"), key=lambda s: s.path)
    assert [(stat.path, stat.size) for stat in found] == [
        (f"{folder}/d/a", 2),
        (f"{folder}/d/e/b", 2),
        (f"{folder}/d/e/c", 2),
    ]
    assert all(abs(stat.modified - time.time()) < 600 for stat in found)
    assert list(store.list(f"{folder}/none/")) == []


@pytest.mark.parametrize(
    ("mode", "denied"),
    [(0o000, {"p/", "p/a/"}), (0o111, {"p/"}), (0o444, {"p/", "p/a/"})],
    ids=["nothing", "no names", "names only"],
)
def test_a_folder_that_may_not_be_read_is_denied(private: Path, mode: int, denied: set[str]) -> None:
    store = open_store(StoreInfo(root=f"file://{private}/store"))
    store.write("p/a/b", b"12")
    with without_rights(private / "store/p", mode):
        for ask in (store.folders, store.list):
            assert {prefix for prefix in ("p/", "p/a/") if is_denied(ask, prefix)} == denied


def is_denied(ask: Callable[[str], Iterator[object]], prefix: str) -> bool:
    try:
        list(ask(prefix))
    except DeniedError as error:
        return f"/store/{prefix}: Permission denied" in str(error)
    return False


@pytest.fixture
def private() -> Iterator[Path]:
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.contextmanager
def without_rights(folder: Path, mode: int) -> Iterator[None]:
    """Give the folder the mode, and root's rights up, which no mode takes away."""
    user = os.geteuid()
    folder.chmod(mode)
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


def test_what_is_deleted_is_gone_and_deleting_it_again_is_no_fault(store: Store, folder: str) -> None:
    for name in ("a", "b"):
        store.write(f"{folder}/{name}", b"12")
    for _ in range(2):
        store.delete(f"{folder}/a")
    assert [stat.path for stat in store.list(f"{folder}/")] == [f"{folder}/b"]


def test_replace_writes_only_over_what_was_read(store: Store, folder: str) -> None:
    path = f"{folder}/pointer"

    assert store.replace(path, b"1", None)
    assert not store.replace(path, b"2", None)
    data, version = store.read_version(path)
    assert data == b"1"
    assert store.replace(path, b"3", version)
    assert not store.replace(path, b"4", version)
    assert store.read(path) == b"3"


def test_of_many_who_replace_at_once_one_wins(store: Store, folder: str) -> None:
    path = f"{folder}/contended"
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: store.replace(path, str(n).encode(), None), range(16)))

    assert won.count(True) == 1
    assert store.read(path) == str(won.index(True)).encode()


def test_a_folder_is_never_left(tmp_path: Path) -> None:
    store = open_store(StoreInfo(root=f"file://{tmp_path}/store"))

    with pytest.raises(StoreError, match="leaves its folder"):
        store.write("../outside", b"")


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a/..", "x\0"])
def test_an_object_whose_name_leads_elsewhere_is_no_file_of_the_folder(tmp_path: Path, name: str) -> None:
    assert below(tmp_path, "a/b..c").is_relative_to(tmp_path)
    with pytest.raises(StoreError, match="leaves its folder"):
        below(tmp_path, name)


def test_no_reader_of_a_folder_sees_a_temporary_file(tmp_path: Path) -> None:
    store = open_store(StoreInfo(root=f"file://{tmp_path}"))
    store.write("d/a", b"1")
    store.replace("d/b", b"1", None)

    assert [stat.path for stat in store.list("d/")] == ["d/a", "d/b"]


def test_a_folder_is_listed_without_its_neighbours(tmp_path: Path) -> None:
    for name in ("one", "two"):
        open_store(StoreInfo(root=f"file://{tmp_path}/{name}")).write(f"p/{name}", b"1")
    store = open_store(StoreInfo(root=f"file://{tmp_path}/one"))

    assert all([stat.path for stat in store.list(prefix)] == ["p/one"] for prefix in ("", "p", "p/", "p/o"))
    assert list(store.list("q")) == []


@pytest.mark.parametrize("root", ["", "/folder", "s3://", "gs://bucket", "file://host/folder", "https://host/x"])
def test_other_roots_are_refused_with_the_two_that_work(root: str) -> None:
    with pytest.raises(ValueError, match="s3://bucket/prefix or file:///folder"):
        open_store(StoreInfo(root=root))


def test_credentials_come_by_the_environment(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    info = StoreInfo(root=f"s3://{CLOSED_BUCKET}/x", endpoint=s3.endpoint)

    with pytest.raises(CredentialsMissingError, match=s3.endpoint):
        open_store(info).write("a", b"")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(DeniedError, match=r"SignatureDoesNotMatch|AccessDenied"):
        open_store(info).write("a", b"")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    open_store(info).write("a", b"1")
    assert open_store(info).read("a") == b"1"


def test_unsigned_requests_do_not_reach_a_closed_bucket(s3: S3Server, tmp_path: Path) -> None:
    store = open_store(StoreInfo(root=f"s3://{CLOSED_BUCKET}/x", endpoint=s3.endpoint, anonymous=True))
    (tmp_path / "f").write_text("x")

    for attempt in (lambda: store.read("a"), lambda: store.upload("a", tmp_path / "f"), lambda: list(store.list("a"))):
        with pytest.raises(DeniedError):
            attempt()


def test_a_server_that_is_down_is_unavailable(tmp_path: Path) -> None:
    info = StoreInfo(root="s3://b/p", endpoint="http://127.0.0.1:9", anonymous=True)
    store = open_store(info, attempts=1)
    (tmp_path / "f").write_text("x")

    with pytest.raises(UnavailableError, match="s3://b/p/a"):
        store.read("a")
    with pytest.raises(UnavailableError, match="s3://b/p/a"):
        store.upload("a", tmp_path / "f")
    with pytest.raises(UnavailableError, match="s3://b/p/a"):
        store.replace("a", b"", None)
