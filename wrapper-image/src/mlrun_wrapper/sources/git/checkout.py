"""One repository at one commit: fetched as shallow as the server allows, looked at, then written."""

import difflib
import errno
import os
import re
import signal
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mlrun_operator.api.bounds import MIB
from mlrun_operator.api.reasons import Reason
from mlrun_wrapper.errors import SOURCE, StepError
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.guards.sizes import LONGEST_NAME_BYTES, LONGEST_PATH_BYTES
from mlrun_wrapper.retries import wait_after
from mlrun_wrapper.sources.base import invalid
from mlrun_wrapper.sources.git.budget import Budget
from mlrun_wrapper.sources.git.command import Git, GitFailedError
from mlrun_wrapper.sources.git.remote import Remote

_HEX: Final = re.compile(r"[0-9a-f]{4,64}")
_EVERYTHING: Final = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
_NO_SUCH_REF: Final = "couldn't find remote ref"
# A server that gives out no single commit, or nothing shallow.
_NOT_SO: Final = ("not our ref", "unadvertised object", "does not support shallow", "dumb http")
_DENIED: Final = ("Permission denied (", "Authentication failed", "could not read Username", "error: 403")
_MISSING: Final = ("not found", "does not appear to be a git repository", "does not exist")
_DISK: Final = tuple(
    f": {os.strerror(number)}"
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENOMEM, errno.EACCES)
)
_SUBMODULE: Final = "160000"  # a mode
_SHOWN: Final = 200  # characters of a path in a message
_UNKNOWN_HOST: Final = ("Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED")


@dataclass(frozen=True, slots=True)
class Checkout:
    """What is on disk now; `links` are the commits of submodules by their paths."""

    git: Git
    commit: str
    links: dict[str, str] = field(default_factory=dict)


def checkout(remote: Remote, ref: str | None, folder: Path, budget: Budget, attempts: int) -> Checkout:
    """Bring the branch, tag or commit (default: the server's default branch) into the folder.

    A tag goes before a branch of the same name, as everywhere in Git. Raises StepError and GuardError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    git = remote.git(folder, budget.rules.max_unpacked_mib * MIB)
    git.init(quiet=True)
    try:
        commit = _fetch(git, remote.url, ref, attempts)
    except GitFailedError as error:
        raise (budget.spent() if _cut_off(git) else told(error, remote.url)) from error
    try:
        links = _looked_at(git, commit, budget)
        git.checkout(commit, "--", quiet=True, detach=True, force=True)
    except GitFailedError as error:
        raise (budget.spent() if error.code == -signal.SIGXFSZ else _unusable(error, remote.url)) from error
    return Checkout(git, commit, links)


def _unusable(error: GitFailedError, url: str) -> StepError:
    """Return what it means that git cannot write what it has fetched: the disk's fault, or the repository's."""
    if error.code < 0 or any(line.endswith(_DISK) for line in error.said.splitlines()):
        return StepError(Reason.WRAPPER_ERROR, f"{SOURCE.what}: {url}: {error}")
    return invalid(f"{url}: git does not take what is in it: {error}")


def _fetch(git: Git, url: str, ref: str | None, attempts: int) -> str:
    """The commit, with what is needed to check it out."""
    try:
        _fetch_some(git, url, [ref or "HEAD"], attempts, depth=1)
    except GitFailedError as error:
        short = ref is not None and _HEX.fullmatch(ref) is not None
        if _NO_SUCH_REF in error.said and not short:
            raise _no_such_ref(git, url, ref) from error
        if _NO_SUCH_REF not in error.said and not any(words in error.said for words in _NOT_SO):
            raise
        return _fetch_all(git, url, ref, attempts)
    commit = _commit(git, "FETCH_HEAD")
    if commit is None:
        raise invalid(f"{ref!r} of {url} leads to no commit")
    return commit


def _fetch_all(git: Git, url: str, ref: str | None, attempts: int) -> str:
    """The whole history: the server gives no less, or the commit is known by its first digits only."""
    _fetch_some(git, url, ["HEAD"] if ref is None else _EVERYTHING, attempts)
    names = ["FETCH_HEAD"] if ref is None else [ref, f"refs/remotes/origin/{ref.removeprefix('refs/heads/')}"]
    commit = next(filter(None, (_commit(git, name) for name in names)), None)
    if commit is None:
        raise _no_such_ref(git, url, ref)
    return commit


def _fetch_some(git: Git, url: str, refs: Sequence[str], attempts: int, depth: int | None = None) -> None:
    for attempt in range(1, max(attempts, 1) + 1):
        try:
            git.fetch("--", url, *refs, quiet=True, no_tags=True, no_recurse_submodules=True, depth=depth)
        except GitFailedError as error:
            final = (*_NOT_SO, *_DENIED, *_MISSING, *_UNKNOWN_HOST, _NO_SUCH_REF)
            if attempt >= attempts or any(words in error.said for words in final) or _cut_off(git):
                raise
            wait_after(attempt)
        else:
            return


def _cut_off(git: Git) -> bool:
    """Whether the pack was growing larger than it may."""
    packs = (git.folder / ".git" / "objects" / "pack").glob("tmp_pack_*")
    return git.largest is not None and any(pack.stat().st_size >= git.largest for pack in packs)


def _commit(git: Git, name: str) -> str | None:
    """The commit that the name leads to, None where it leads to none or to several."""
    try:
        commit: str = git.rev_parse(f"{name}^{{commit}}", quiet=True, verify=True)
    except GitFailedError:
        return None
    return commit


def _looked_at(git: Git, commit: str, budget: Budget) -> dict[str, str]:
    """Count the commit's files and folders before any is written. The commits of its submodules by their paths.

    A few kilobytes of trees that name each other can stand for more files than there is memory for their names.
    """
    links = {}
    paths: set[int] = set()
    with closing(git.entries("ls-tree", "-r", "-t", "-l", "-z", "--full-tree", commit)) as entries:
        for entry in entries:
            about, _, path = entry.partition("\t")
            mode, _, name, length = about.split()
            budget.take(1, int(length) if length.isdigit() else 0)  # a folder and a submodule have none
            _check_path(path, paths)
            paths.add(hash(path))
            if mode == _SUBMODULE:
                links[path] = name
    return links


def _check_path(path: str, hashes: set[int]) -> None:
    """Raise GuardError for a path that is too long, or that the tree has twice, as only a forged one does."""
    if len(path) > LONGEST_PATH_BYTES or any(len(name) > LONGEST_NAME_BYTES for name in path.split("/")):
        raise GuardError("path", f"{path[:_SHOWN]!r} is longer than a disk takes", "rename it in the repository")
    if hash(path) in hashes:
        raise GuardError("path", f"{path[:_SHOWN]!r} is in the repository twice", "leave one of them out")


def _no_such_ref(git: Git, url: str, ref: str | None) -> StepError:
    try:
        lines = str(git.ls_remote("--", url, heads=True, tags=True, refs=True)).splitlines()
    except GitFailedError:
        lines = []
    known = [line.partition("\t")[2].removeprefix("refs/heads/").removeprefix("refs/tags/") for line in lines]
    if ref is None or not known:
        return SOURCE.missing(f"{url} has no commit yet")
    near = difflib.get_close_matches(ref, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known[:10])}"
    return SOURCE.missing(f"{url} has no branch, tag or commit {ref!r}; {hint}")


def told(error: GitFailedError, url: str) -> StepError:
    """What git's failure means for the run."""
    if any(words in error.said for words in _UNKNOWN_HOST):
        return SOURCE.down(f"{url}: the server's host key is not the one in the known hosts; nothing was sent to it")
    if any(words in error.said for words in _DENIED):
        return SOURCE.denied(f"{url}: {error}")
    if any(words in error.said for words in _MISSING):
        return SOURCE.missing(f"{url}: {error}")
    if "cannot run ssh" in error.said:
        return StepError(Reason.INVALID_RUN, f"{SOURCE.what}: git+ssh needs ssh, and the image has none")
    return SOURCE.down(f"{url}: {error}")
