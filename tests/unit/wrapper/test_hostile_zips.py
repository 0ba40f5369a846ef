"""Archives that are malformed: unpacked or refused, nothing else, and nothing is left behind."""

import errno
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hostilezips import END, END64, LOCATOR, entry, local, mutated, one, with_directory, zipped

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.fetching import FetchRules
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.http import Downloaded
from mlrun_wrapper.inputs.naming import truthful
from mlrun_wrapper.sources import archive
from mlrun_wrapper.sources.archive import ArchiveSource
from mlrun_wrapper.sources.base import Request
from mlrun_wrapper.zip_directory import UNREADABLE, checked_directory

FILES = {"a.py": b"print(1)\n" * 40, "pkg/b.py": b"x = 2\n", "pkg/deep/c.bin": bytes(range(256)) * 3, "d/": b""}
VALID = [
    *(zipped(FILES, method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)),
    zipped({"one.py": b"x" * 500}, zipfile.ZIP_LZMA),
    with_directory(local(b"a.py"), [entry(b"a.py")], zip64=True),
    b"#!/bin/sh\nexit\n" + zipped(FILES),
]
RULES = FetchRules(max_files=20, max_unpacked_mib=1)
Unpack = Callable[[bytes], str]


@pytest.fixture(scope="module")
def unpack(tmp_path_factory: pytest.TempPathFactory) -> Unpack:
    """Unpack the data; how that ended: `unpacked`, or a refusal's words. Looks around afterwards."""
    root = tmp_path_factory.mktemp("zips")
    folder, scratch = root / "source", root / "scratch"
    for each in (folder, scratch):
        each.mkdir()
    request = Request(Source(source="zip+https://host/x.zip"), folder, scratch, RULES, StoreInfo(root="file:///s"), 1)

    def unpacker(data: bytes) -> str:
        archive._empty(folder)

        def fetched(request: Request, file: Path, **_: object) -> Downloaded:
            file.write_bytes(data)
            return Downloaded(len(data), "sha", "", "")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(archive, "fetch_file", fetched)
            try:
                ArchiveSource().fetch(request)
            except (GuardError, StepError) as error:
                failure = error.failure("source") if isinstance(error, GuardError) else error
                words, reason = failure.message, failure.reason
            else:
                words, reason = "unpacked", Reason.INVALID_RUN
        assert reason is Reason.INVALID_RUN
        assert sorted(path.name for path in root.iterdir()) == ["scratch", "source"]
        assert not list(scratch.iterdir())
        assert words == "unpacked" or not list(folder.iterdir())
        return words

    return unpacker


@pytest.mark.parametrize("data", VALID)
def test_a_plain_archive_is_unpacked(data: bytes, unpack: Unpack) -> None:
    assert unpack(data) == "unpacked"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(VALID), st.integers(0, 2**32))
def test_a_damaged_archive_is_unpacked_or_refused(unpack: Unpack, data: bytes, seed: int) -> None:
    unpack(mutated(data, seed))


DEEP = b"/".join([b"a"] * 1200)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (one(b""), "cannot be a file's name"),
        (one(b"a.py\0.txt"), "cannot be a file's name"),
        (one(b"a" * 256), "cannot be a file's name"),
        (one(b"/".join([b"a" * 200] * 25)), "cannot be a file's name"),
        (one(DEEP), "cannot be a file's name"),
        (one(b"."), "twice"),
        (one(b"a.py", flags=0x1), "pack it without a password"),
        (one(b"a.py", flags=0x41), "pack it without a password"),
        (one(b"a.py", flags=0x2000), "pack it without a password"),
        (one(b"a.py", method=93), "compressed by method 93; use deflate"),
        (one(b"a.py", method=1), "compressed by method 1; use deflate"),
        (one(b"a.py", flags=0x20), "Not a valid zip file"),
        (one(b"\xff\xfe.py", flags=0x800), "Not a valid zip file"),
        (one(b"a.py", offset=0xFFFFFF00), "Entries overlap"),
        (one(b"a.py", extra=b"\1\0\x08\0" + b"\xff" * 7), "Not a valid zip file"),
        (with_directory(b"", [entry(b"a.py")]), "Entries overlap"),
        (with_directory(local(b"a"), [entry(b"a"), entry(b"b")]), "Entries overlap"),
        (with_directory(local(b"a", size=9) + b"x" * 9, [entry(b"a", size=90)]), "Entries overlap"),
        (zipped({"a.py": b"x"})[:-1], "Not a valid zip file"),
        (zipped({"a.py": b"x"})[30:], "Not a valid zip file"),
        (zipped({"a/b": b"x", "a": b"y"}), "is a file and a folder"),
        (b"", "File is not a zip file"),
        (END.pack(b"PK\5\6", 0, 0, 1, 1, 99, 0, 0), "Bad offset"),
    ],
)
def test_a_malformed_archive_is_refused(data: bytes, words: str, unpack: Unpack) -> None:
    assert words in unpack(data)


def test_what_was_written_before_the_damage_is_removed(unpack: Unpack) -> None:
    data = zipped({"first.py": b"x" * 100, "second.py": b"\0\1" * 50}, zipfile.ZIP_STORED)
    assert "Bad CRC-32" in unpack(data.replace(b"\0\1\0\1", b"\0\2\0\2", 1))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE])
def test_the_disk_s_own_faults_stay_the_disk_s(number: int, unpack: Unpack, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(number, "the disk")

    monkeypatch.setattr(archive, "_write", full)
    with pytest.raises(OSError, match="the disk"):
        unpack(VALID[0])


@pytest.mark.parametrize("number", [errno.ENAMETOOLONG, errno.EILSEQ, errno.EEXIST])
def test_a_name_that_the_disk_has_not_is_the_archive_s(
    number: int, unpack: Unpack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_such_name(*_: object) -> None:
        raise OSError(number, "the name")

    monkeypatch.setattr(archive, "_write", no_such_name)
    assert "the name" in unpack(VALID[0])


def test_folders_count_as_files(unpack: Unpack) -> None:
    names = [f"{n}/" + "/".join("abcdefgh"[:7]) + "/x" for n in range(3)]
    assert "more than 20 files and folders" in unpack(zipped(dict.fromkeys(names, b"")))


@pytest.mark.parametrize("says", [None, 1])
@pytest.mark.parametrize("zip64", [False, True])
def test_a_directory_is_counted_before_it_is_read(says: int | None, zip64: bool, tmp_path: Path) -> None:
    file = tmp_path / "bomb.zip"
    file.write_bytes(with_directory(local(b"a"), [entry(b"a")] * 120_000, says, zip64=zip64))
    tracemalloc.start()
    with pytest.raises(GuardError, match=r"more than 50000 files and folders.*'files'.*sources\.maxFiles"):
        checked_directory(file, FetchRules())
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_large_directory_of_few_entries_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "names.zip"
    file.write_bytes(with_directory(local(b"a"), [entry(b"a", extra=bytes(60_000))] * 20))
    with pytest.raises(GuardError, match=r"directory has 1 MiB, more than 1 MiB.*'files'"):
        checked_directory(file, FetchRules(max_files=20))


def test_two_ends_of_zip64_are_refused(tmp_path: Path) -> None:
    data = bytearray(with_directory(local(b"a"), [entry(b"a")], zip64=True))
    other = END64.pack(b"PK\6\6", 44, 45, 45, 0, 0, 0, 0, 0, 0)
    at = len(data) - END.size - LOCATOR.size
    data[at : at + LOCATOR.size] = LOCATOR.pack(b"PK\6\7", 0, 0, 1)
    file = tmp_path / "two.zip"
    file.write_bytes(other + bytes(data))
    with pytest.raises(zipfile.BadZipFile, match="ZIP64"):
        checked_directory(file, FetchRules())


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(VALID), st.integers(0, 2**32))
def test_the_directory_is_the_one_that_zipfile_reads(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, seed: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "either.zip"
    file.write_bytes(mutated(data, seed))
    try:
        with zipfile.ZipFile(file) as read:
            start, entries = read.start_dir, len(read.infolist())  # type: ignore[attr-defined]
    except UNREADABLE:
        return
    try:
        found = checked_directory(file, FetchRules(max_files=max(entries, 1)))
    except (zipfile.BadZipFile, GuardError):
        return  # stricter is safe
    assert found.start == start


def test_an_input_with_a_large_directory_is_no_workbook(tmp_path: Path) -> None:
    file = tmp_path / "book"
    names = [entry(b"xl/workbook.xml"), *[entry(b"a")] * 60_000]
    file.write_bytes(with_directory(local(b"xl/workbook.xml"), names, 1))
    assert truthful(file).suffix == ".zip"


@pytest.mark.parametrize("damage", [one(b"x", extra=b"\1\0\xff\xff"), one(b"\xff", flags=0x800), local(b"a")])
def test_an_input_that_is_a_damaged_zip_is_no_workbook(damage: bytes, tmp_path: Path) -> None:
    file = tmp_path / "book"
    file.write_bytes(damage)
    assert truthful(file).suffix == ".zip"
