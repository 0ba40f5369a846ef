"""Rules for archives: `path`, `link`, `files`, `unpacked-size` and `ratio`. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

from mlrun_operator.api.contract.fetching import MIB, FetchRules
from mlrun_wrapper.guards import GuardError, setting

# Small archives may unpack to this much whatever their ratio: empty tables and logs compress well.
_RATIO_FLOOR: Final = 16 * MIB
_LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class Member:
    """An entry of an archive as its directory describes it; `size` is in bytes, unpacked."""

    name: str
    size: int
    kind: Literal["file", "folder", "link", "other"]


def checked_paths(members: Iterable[Member], packed: int, rules: FetchRules) -> dict[PurePosixPath, Member]:
    """Where each file goes, relative to the folder of the archive, which none can leave. `packed` is its size.

    Raises GuardError for the first rule that is broken.
    """
    members = list(members)
    _check_size(members, packed, rules)
    paths: dict[PurePosixPath, Member] = {}
    for member in members:
        path = _path(member)
        if member.kind == "folder":
            continue
        if member.kind != "file":
            what = "a link" if member.kind == "link" else "neither a file nor a folder"
            raise GuardError("link", f"{member.name!r} is {what}", "put the file itself into the archive")
        if path in paths or not path.parts:
            raise GuardError("path", f"{member.name!r} is in the archive twice", "leave one of them out")
        paths[path] = member
    for path in paths:
        for parent in path.parents:
            if parent in paths:
                text = f"{parent.as_posix()!r} is a file and a folder"
                raise GuardError("path", text, "rename one of them")
    return paths


def _check_size(members: list[Member], packed: int, rules: FetchRules) -> None:
    size = sum(member.size for member in members)
    if len(members) > rules.max_files:
        text = f"the archive has {len(members)} entries, more than {rules.max_files}"
        raise GuardError("files", text, setting("maxFiles"))
    if size > rules.max_unpacked_mib * MIB:
        text = f"the archive unpacks to {size // MIB} MiB, more than {rules.max_unpacked_mib} MiB"
        raise GuardError("unpacked-size", text, setting("maxUnpackedMiB"))
    if size > _RATIO_FLOOR and size > packed * rules.max_ratio:
        text = f"the archive unpacks to {size // max(packed, 1)} times its size, more than {rules.max_ratio} times"
        raise GuardError("ratio", text, setting("maxRatio"))


def _path(member: Member) -> PurePosixPath:
    name = member.name
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or name[1:2] == ":":
        text = f"{name!r} would be written outside of the archive's folder"
        raise GuardError("path", text, "pack the archive with relative paths")
    if any(not char.isprintable() for char in name) or any(len(part.encode()) > _LONGEST_NAME for part in path.parts):
        text = f"{name!r} cannot be a file's name"
        raise GuardError("path", text, "rename it in the archive")
    return path
