"""Repositories that git itself refuses to write: InvalidRun, so that no retry fetches them again."""

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from support.gitserver import GitServer, Repository, git

from mlrun_operator.api.reasons import Reason
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.sources.base import Request
from mlrun_wrapper.sources.git import GitSource
from mlrun_wrapper.sources.git.command import Git, GitFailedError

Build = Callable[..., Request]
Entry = tuple[str, str, str]


def tree(repository: Repository, *entries: Entry) -> str:
    """A tree of these entries (mode, name, object), in this order, whatever git thinks of it."""
    body = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(made) for mode, name, made in entries)
    return stored(repository, "tree", body)


def stored(repository: Repository, kind: str, body: bytes) -> str:
    """The name of a loose object of these bytes."""
    data = f"{kind} {len(body)}\0".encode() + body
    made = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    file = repository.bare / "objects" / made[:2] / made[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(zlib.compress(data))
    return made


def published(repository: Repository, root: str) -> None:
    """Let `main` be a commit of that tree."""
    body = f"tree {root}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n"
    git(repository.bare, "update-ref", "refs/heads/main", stored(repository, "commit", body.encode()))
    git(repository.bare, "update-server-info")


@pytest.fixture
def repository(git_server: GitServer) -> Repository:
    return git_server.repository("evil.git")


def nested(repository: Repository, names: list[str]) -> str:
    made = stored(repository, "blob", b"x")
    for depth, name in enumerate(reversed(names)):
        made = tree(repository, ("40000" if depth else "100644", name, made))
    return made


def failure(request: Request) -> StepError:
    with pytest.raises((StepError, GuardError)) as failed:
        GitSource().fetch(request)
    return failed.value.failure("source") if isinstance(failed.value, GuardError) else failed.value


@pytest.mark.parametrize(
    "names",
    [
        *([".git", "config"], [".git"], [".GIT", "config"], ["a", ".Git", "hooks"], ["git~1", "config"]),
        *(["..", "x"], ["a", "..", "..", "x"], ["."], [".", "x"], ["a" * 300], ["a", "b" * 300], ["d" * 200] * 25),
        *(["/etc", "x"], ["a", "../../x"]),
    ],
    ids=lambda names: "+".join(names)[:20],
)
def test_an_entry_that_git_does_not_write_is_invalid(
    git_server: GitServer, repository: Repository, request_for: Build, tmp_path: Path, names: list[str]
) -> None:
    published(repository, nested(repository, names))
    request = request_for(git_server.source("evil.git"))
    before = {path.name for path in tmp_path.iterdir()}
    failed = failure(request)
    assert (failed.reason, failed.exit_code) == (Reason.INVALID_RUN, 64), failed.message
    assert {path.name for path in tmp_path.iterdir()} == before
    assert [path.name for path in request.folder.iterdir()] == [".git"]


@pytest.mark.parametrize("kinds", [("file", "file"), ("file", "folder"), ("link", "folder"), ("submodule", "file")])
def test_a_tree_with_one_name_twice_is_invalid(
    git_server: GitServer, repository: Repository, request_for: Build, kinds: tuple[str, str]
) -> None:
    one, target = stored(repository, "blob", b"1"), stored(repository, "blob", b".git")
    folder = tree(repository, ("100644", "b", one))
    entries = {
        "file": ("100644", "a", one),
        "folder": ("40000", "a", folder),
        "link": ("120000", "a", target),
        "submodule": ("160000", "a", "1" * 40),
    }
    published(repository, tree(repository, *(entries[kind] for kind in kinds)))
    failed = failure(request_for(git_server.source("evil.git")))
    assert (failed.reason, "'a' is in the repository twice" in failed.message) == (Reason.INVALID_RUN, True)


@pytest.mark.parametrize("body", [b"100644 a\0short", b"notamode a\0" + bytes(20), b"100644 \0" + bytes(20)])
def test_a_tree_that_is_none_is_invalid(
    git_server: GitServer, repository: Repository, request_for: Build, body: bytes
) -> None:
    published(repository, stored(repository, "tree", body))
    failed = failure(request_for(git_server.source("evil.git")))
    assert failed.reason in (Reason.INVALID_RUN, Reason.SOURCE_UNAVAILABLE), failed.message


def test_folders_without_a_file_count_too(git_server: GitServer, repository: Repository, request_for: Build) -> None:
    made = tree(repository)
    for _ in range(10):
        made = tree(repository, *(("40000", str(number), made) for number in range(10)))
    published(repository, made)
    failed = failure(request_for(git_server.source("evil.git")))
    assert "more than 50000 files and folders" in failed.message


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (128, "error: unable to write file a.py: No space left on device", Reason.WRAPPER_ERROR),
        (128, "fatal: unable to create file x: Read-only file system", Reason.WRAPPER_ERROR),
        (-9, "", Reason.WRAPPER_ERROR),
        (128, "error: invalid path '.git/No space left on device'", Reason.INVALID_RUN),
        (128, "error: unable to create file x: File name too long", Reason.INVALID_RUN),
    ],
)
def test_only_the_disk_s_faults_are_the_wrapper_s(  # noqa: PLR0917
    git_server: GitServer,
    repository: Repository,
    request_for: Build,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    said: str,
    reason: Reason,
) -> None:
    repository.commit({"a.py": "x"})

    def failing(self: Git, *_: object, **__: object) -> str:
        raise GitFailedError(["git", "checkout"], code, said)

    monkeypatch.setattr(Git, "checkout", failing, raising=False)
    assert failure(request_for(git_server.source("evil.git"))).reason is reason
