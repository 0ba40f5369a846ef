"""Rules for archives: `path`, `link`, `files`, `unpacked-size` and `ratio`. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

from mlrun_operator.api.contract.fetching import FetchRules
from mlrun_wrapper.guards import GuardError, setting
from mlrun_wrapper.guards.sizes import DEEPEST_PATH, LONGEST_NAME_BYTES, LONGEST_PATH_BYTES, source_limits

_SHOWN: Final = 200  # characters of a name in a message


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
            raise GuardError("link", f"{_shortened(member.name)!r} is {what}", "put the file itself into the archive")
        if path in paths or not path.parts:
            text = f"{_shortened(member.name)!r} is in the archive twice"
            raise GuardError("path", text, "leave one of them out")
        paths[path] = member
    _check_folders(paths, rules)
    return paths


def too_many(rules: FetchRules) -> GuardError:
    """Return the refusal of an archive for the number of its entries, or of the folders that they need."""
    text = f"the archive has more than {rules.max_files} files and folders"
    return GuardError("files", text, setting("maxFiles"))


def _check_size(members: list[Member], packed: int, rules: FetchRules) -> None:
    if len(members) > rules.max_files:
        raise too_many(rules)
    source_limits(rules).check("the archive", sum(member.size for member in members), packed)


def _check_folders(paths: Collection[PurePosixPath], rules: FetchRules) -> None:
    """A few names of many folders each can stand for more folders than a disk has room for."""
    folders: set[PurePosixPath] = set()
    for path in paths:
        folders.update(path.parents)
        if len(paths) + len(folders) > rules.max_files + 1:  # the archive's own folder is none of it
            raise too_many(rules)
    for folder in folders:
        if folder in paths:
            text = f"{_shortened(folder.as_posix())!r} is a file and a folder"
            raise GuardError("path", text, "rename one of them")


def _path(member: Member) -> PurePosixPath:
    name = member.name
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or name[1:2] == ":":
        text = f"{_shortened(name)!r} would be written outside of the archive's folder"
        raise GuardError("path", text, "pack the archive with relative paths")
    if not _can_be_written(name, path):
        text = f"{_shortened(name)!r} cannot be a file's name"
        raise GuardError("path", text, "rename it in the archive")
    return path


def _can_be_written(name: str, path: PurePosixPath) -> bool:
    """Return whether Linux takes the path, and a person can read it."""
    if not name or not name.isprintable() or len(name.encode()) > LONGEST_PATH_BYTES:
        return False
    return len(path.parts) <= DEEPEST_PATH and all(len(part.encode()) <= LONGEST_NAME_BYTES for part in path.parts)


def _shortened(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
