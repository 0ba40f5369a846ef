"""How large an image is, unpacked and packed, and what of it is ours."""

import gzip
import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from devcluster.images.layout import Layout

MB = 1_000_000
# Folders that say more by what is in them.
OPENED = ("opt", "usr")
SITE_PACKAGES = "site-packages"


@dataclass(frozen=True)
class Size:
    """An image's sizes in bytes, and the bytes of its parts."""

    unpacked: int
    packed: int
    parts: Counter[str]


def size_of(layout: Layout, *, pack: bool = False) -> Size:
    """Measure the image of a layout. Packing takes as long as gzip does, so only where it is asked for."""
    parts: Counter[str] = Counter()
    packed = 0
    for digest in layers(layout):
        blob = layout.blob(digest)
        with tarfile.open(blob) as archive:
            for member in archive:
                parts[part(member.name)] += member.size
        packed += len(gzip.compress(blob.read_bytes(), 6)) if pack else 0
    return Size(parts.total(), packed, parts)


def table(name: str, size: Size, *, rows: int = 12) -> Iterator[str]:
    """The lines of what an image consists of, the largest parts first."""
    packed = f", {size.packed / MB:.0f} MB packed with gzip" if size.packed else ""
    yield f"{name}: {size.unpacked / MB:.0f} MB unpacked{packed}"
    for part_name, amount in size.parts.most_common(rows):
        yield f"  {amount / MB:7.1f} MB  {part_name}"


def layers(layout: Layout) -> list[str]:
    """Return the digests of an image's layers."""
    manifest = json.loads(layout.blob(layout.descriptor["digest"]).read_text())
    return [layer["digest"] for layer in manifest["layers"]]


def part(path: str) -> str:
    """Return the name of the part that a file belongs to: a package of an environment, or a folder."""
    folders = path.removeprefix("./").split("/")
    if SITE_PACKAGES in folders:
        place = folders.index(SITE_PACKAGES)
        return f"/{'/'.join(folders[:2])}: {'/'.join(folders[place + 1 : place + 2])}"
    return "/" + "/".join(folders[: 3 if folders[0] in OPENED else 1])
