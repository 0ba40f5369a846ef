"""Archives as nobody packs them: damaged at random, and by hand."""

import io
import random
import struct
import zipfile
from collections.abc import Mapping, Sequence

END = struct.Struct("<4s4H2LH")
LOCATOR = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
ENTRY = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A plain archive, of the same bytes at any time: each process that collects tests must name them alike."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return data.getvalue()


def local(name: bytes, method: int = 0, size: int = 0) -> bytes:
    """The header before an entry's data."""
    return LOCAL.pack(b"PK\3\4", 20, 0, method, 0, 33, 0, size, size, len(name), 0) + name


def entry(name: bytes, offset: int = 0, size: int = 0, *, flags: int = 0, method: int = 0, extra: bytes = b"") -> bytes:
    """The directory's record of an entry."""
    lengths = (len(name), len(extra), 0)
    return ENTRY.pack(b"PK\1\2", 20, 20, flags, method, 0, 33, 0, size, size, *lengths, 0, 0, 0, offset) + name + extra


def with_directory(body: bytes, entries: Sequence[bytes], says: int | None = None, *, zip64: bool = False) -> bytes:
    """An archive of these bytes and this directory, whose end says how many entries there are."""
    directory = b"".join(entries)
    count = len(entries) if says is None else says
    if not zip64:
        return (
            body + directory + END.pack(b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, len(directory), len(body), 0)
        )
    end = END64.pack(b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), len(body))
    locator = LOCATOR.pack(b"PK\6\7", 0, len(body) + len(directory), 1)
    tail = END.pack(b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return body + directory + end + locator + tail


def one(name: bytes, **more: object) -> bytes:
    """An archive of one empty file of that name."""
    return with_directory(local(name), [entry(name, **more)])  # type: ignore[arg-type]


def mutated(data: bytes, seed: int) -> bytes:
    """The data with a few bytes changed, cut, doubled, or in another place: most often near a signature."""
    chance = random.Random(seed)
    made = bytearray(data)
    places = [at for at in range(len(data)) if data.startswith(b"PK", at)] or [0]
    for _ in range(chance.randint(1, 4)):
        at = (
            min(chance.choice(places) + chance.randint(0, 60), len(made))
            if chance.random() < 0.8
            else chance.randint(0, len(made))
        )
        length = chance.randint(0, 12)
        match chance.randint(0, 5):
            case 0:
                made[at : at + 1] = chance.randbytes(1)
            case 1:
                made[at : at + 4] = chance.choice([b"\xff" * 4, bytes(4), b"\x00\x00\x00\x80", chance.randbytes(4)])
            case 2:
                del made[at : at + length]
            case 3:
                made[at:at] = made[at : at + length]
            case 4:
                made[at : at + 8] = chance.choice(
                    [b"\xff" * 8, b"PK\1\2PK\3\4", b"../../..", b"\xff\xff\xff\xff\xff\xff\xff\x7f"]
                )
            case _:
                del made[len(made) - chance.randint(0, 30) :]
    return bytes(made)
