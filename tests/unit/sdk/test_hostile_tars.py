"""Archives of a fetch run's log, damaged at random: unpacked or refused, and nothing is written elsewhere."""

import gzip
import io
import random
import shutil
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlrun_operator.sdk.errors import DataUnreachable
from mlrun_operator.sdk.stores import fetch

LIMIT = 1 << 20


def tarred(kind: int, *members: tuple[str, bytes | None]) -> bytes:
    """A tar archive of files, and of folders where there is no content."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:", format=kind) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            info.size = len(content or b"")
            archive.addfile(info, io.BytesIO(content or b""))
    return data.getvalue()


MEMBERS = [("m", None), ("m/a.bin", b"x" * 700), ("m/" + "d/" * 60 + "b", b"y"), ("m/é.txt", b"z" * 40)]
VALID = [tarred(kind, *MEMBERS) for kind in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)]


# Places of a header: name, mode, size, checksum, type, link, prefix, and the whole.
FIELDS = [(0, 100), (100, 108), (124, 136), (148, 156), (156, 157), (157, 257), (345, 500), (0, 512)]
FILLS = [
    *(b"../../evil\0", b"/tmp/evil\0", b"\x80" + b"\xff" * 11, b"777777777777", b"2", b"S", b"x", b""),
]


def mutated(data: bytes, seed: int) -> bytes:
    """The data with some fields of headers changed, whose checksums are made right again more often than not."""
    chance = random.Random(seed)
    made = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        block = chance.randrange(len(made) // 512) * 512
        start, end = chance.choice(FIELDS)
        fill = chance.choice([*FILLS, chance.randbytes(12)])
        made[block + start : block + end] = (fill + bytes(made[block + start : block + end]))[: end - start]
        if chance.random() < 0.7:
            header = made[block : block + 148] + b" " * 8 + made[block + 156 : block + 512]
            made[block + 148 : block + 156] = b"%06o\0 " % sum(header)
    if chance.random() < 0.2:
        del made[chance.randrange(len(made)) :]
    packed = bytearray(gzip.compress(bytes(made), mtime=0))
    if chance.random() < 0.15:
        packed[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
    return bytes(packed)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tars")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1), st.integers(0, 2**32))
@example(0, 46)
@example(0, 124)
@example(0, 731786)
def test_a_damaged_archive_is_unpacked_or_refused(root: Path, kind: int, seed: int) -> None:
    shutil.rmtree(root)
    root.mkdir()
    with suppress(DataUnreachable):
        fetch.unpack(mutated(VALID[kind], seed), root / "target", LIMIT)
    assert {path.name for path in root.iterdir()} <= {"target"}
    assert not any(path.is_symlink() for path in root.rglob("*"))
    assert sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) <= LIMIT
