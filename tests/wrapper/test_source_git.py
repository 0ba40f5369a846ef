"""Repositories from a real Git server: every kind of ref, credentials, old servers, redirects."""

import base64
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from support.gitserver import GitServer, Repository, git
from support.servers import Authority

from mlrun_operator.api.reasons import Reason
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.sources.base import FetchedSource, Request
from mlrun_wrapper.sources.git import GitSource

Build = Callable[..., Request]


@pytest.fixture
def repository(git_server: GitServer) -> Repository:
    """`main` has a commit, a tag, another commit; `feature/new` one more."""
    made = git_server.repository("one.git")
    made.commit({"pipeline.py": "first"}, tag="v1.0")
    made.commit({"pipeline.py": "second", "src/helpers.py": "x"})
    made.commit({"pipeline.py": "third"}, branch="feature/new")
    return made


def fetch(request: Request) -> FetchedSource:
    return GitSource().fetch(request)


def failure(request: Request) -> StepError:
    with pytest.raises(StepError) as failed:
        fetch(request)
    return failed.value


@pytest.mark.parametrize(
    ("ref", "content"),
    [
        (None, "second"),
        ("main", "second"),
        ("feature/new", "third"),
        ("v1.0", "first"),
        ("refs/tags/v1.0", "first"),
        ("refs/heads/feature/new", "third"),
    ],
)
def test_a_ref_is_resolved_to_its_commit(
    git_server: GitServer, repository: Repository, request_for: Build, ref: str | None, content: str
) -> None:
    request = request_for(git_server.source("one.git", ref))
    fetched = fetch(request)
    assert fetched.commit == git(repository.bare, "rev-parse", f"{ref or 'HEAD'}^{{commit}}")
    assert (request.folder / "pipeline.py").read_text() == content
    assert git(request.folder, "rev-list", "--count", "HEAD") == "1"
    assert git(request.folder, "status", "--porcelain") == ""


@pytest.mark.parametrize("length", [40, 12, 7])
@pytest.mark.parametrize("habit", ["new", "old", "dumb"])
def test_a_commit_that_no_branch_ends_in(
    git_server: GitServer, repository: Repository, request_for: Build, length: int, habit: str
) -> None:
    git_server.old, git_server.dumb = habit == "old", habit == "dumb"
    commit = git(repository.bare, "rev-parse", "v1.0^{commit}")
    repository.commit({"pipeline.py": "fourth"})
    request = request_for(git_server.source("one.git", commit[:length]))
    assert fetch(request).commit == commit
    assert (request.folder / "pipeline.py").read_text() == "first"


@pytest.mark.parametrize("ref", [None, "feature/new", "v1.0", "refs/heads/main"])
def test_a_server_that_only_hands_out_files(
    git_server: GitServer, repository: Repository, request_for: Build, ref: str | None
) -> None:
    git_server.dumb = True
    content = {"feature/new": "third", "v1.0": "first"}.get(ref or "", "second")
    request = request_for(git_server.source("one.git", ref))
    fetch(request)
    assert (request.folder / "pipeline.py").read_text() == content


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("feature/now", "did you mean 'feature/new'?"),
        ("v9", "it has feature/new, main, v1.0"),
        ("abcdef1", "no branch, tag or commit 'abcdef1'"),
        ("0" * 40, "no branch, tag or commit"),
    ],
)
def test_a_ref_that_is_not_there(
    git_server: GitServer, repository: Repository, request_for: Build, ref: str, words: str
) -> None:
    failed = failure(request_for(git_server.source("one.git", ref)))
    assert failed.reason is Reason.SOURCE_NOT_FOUND
    assert words in failed.message


def test_a_tag_that_leads_to_no_commit(git_server: GitServer, repository: Repository, request_for: Build) -> None:
    tree = git(repository.bare, "rev-parse", "main^{tree}")
    git(repository.bare, "tag", "tree", tree)
    failed = failure(request_for(git_server.source("one.git", "tree")))
    assert (failed.reason, "leads to no commit" in failed.message) == (Reason.INVALID_RUN, True)


def test_an_empty_repository(git_server: GitServer, request_for: Build) -> None:
    git_server.repository("empty.git")
    failed = failure(request_for(git_server.source("empty.git")))
    assert (failed.reason, "has no commit yet" in failed.message) == (Reason.SOURCE_NOT_FOUND, True)


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"GIT_TOKEN": "github_pat_geheim"}, ("oauth2", "github_pat_geheim")),
        ({"GIT_TOKEN": "glpat-geheim\n"}, ("oauth2", "glpat-geheim")),
        ({"GIT_TOKEN": "geheim"}, ("geheim", "x-oauth-basic")),
        ({"GIT_USERNAME": "ada", "GIT_PASSWORD": "geheim"}, ("ada", "geheim")),
        ({"GIT_USER": "ada", "GIT_PASSWORD": "geheim"}, ("ada", "geheim")),
        ({"GIT_TOKEN": "geheim", "GIT_USERNAME": "ada", "GIT_PASSWORD": "no"}, ("geheim", "x-oauth-basic")),
    ],
)
def test_credentials_come_from_the_environment(
    git_server: GitServer, repository: Repository, request_for: Build, env: dict[str, str], expected: tuple[str, str]
) -> None:
    git_server.credentials["one.git"] = expected
    request = request_for(git_server.source("one.git", "v1.0"))
    with mock.patch.dict(os.environ, env):
        fetch(request)


def test_credentials_are_in_no_argument_list_and_on_no_disk(
    git_server: GitServer, repository: Repository, request_for: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = "glpat-very-geheim"
    encoded = base64.b64encode(f"oauth2:{token}".encode()).decode()
    git_server.credentials["one.git"] = ("oauth2", token)
    monkeypatch.setenv("GIT_TOKEN", token)
    lines: list[str] = []

    def look() -> None:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                lines.append(process.read_text(errors="replace"))
            except OSError:
                continue

    git_server.watch = look
    fetch(request_for(git_server.source("one.git", git(repository.bare, "rev-parse", "v1.0^{commit}")[:9])))
    shutil.rmtree(repository.clone)
    assert any("remote-https" in line for line in lines), "the look was taken while git ran"
    assert not [line for line in lines if token in line or encoded in line]
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert token.encode() not in content, file
            assert encoded.encode() not in content, file


def test_a_private_repository_without_credentials(
    git_server: GitServer, repository: Repository, request_for: Build
) -> None:
    git_server.credentials["one.git"] = ("ada", "geheim")
    failed = failure(request_for(git_server.source("one.git")))
    assert failed.reason is Reason.PERMISSION_DENIED
    assert "answered 401" in failed.message
    assert "it wants credentials: set GIT_TOKEN, or GIT_USERNAME and GIT_PASSWORD" in failed.message


def test_wrong_credentials(
    git_server: GitServer, repository: Repository, request_for: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    git_server.credentials["one.git"] = ("ada", "geheim")
    monkeypatch.setenv("GIT_TOKEN", "falsch")
    failed = failure(request_for(git_server.source("one.git")))
    assert failed.reason is Reason.PERMISSION_DENIED
    assert "it refuses those of GIT_TOKEN" in failed.message
    assert "falsch" not in failed.message


def test_a_repository_that_is_not_there(git_server: GitServer, request_for: Build) -> None:
    failed = failure(request_for(git_server.source("nowhere.git")))
    assert failed.reason is Reason.SOURCE_NOT_FOUND
    assert f"{git_server.url}/nowhere.git answered 404" in failed.message
    assert "where it is not public, set GIT_TOKEN" in failed.message


def test_a_busy_server_is_asked_again(git_server: GitServer, repository: Repository, request_for: Build) -> None:
    git_server.statuses["one.git"] = [503]
    assert fetch(request_for(git_server.source("one.git"))).commit
    git_server.statuses["one.git"] = [503] * 2
    assert failure(request_for(git_server.source("one.git"))).reason is Reason.SOURCE_UNAVAILABLE


def test_a_server_that_fails_in_the_middle_is_asked_again(
    git_server: GitServer, repository: Repository, request_for: Build
) -> None:
    asked = []

    def fail_once() -> None:
        asked.append(1)
        if len(asked) == 3:  # the probe, git's advertisement, and then what it asks for
            git_server.statuses["one.git"] = [502]

    git_server.watch = fail_once
    assert fetch(request_for(git_server.source("one.git"))).commit


def test_a_certificate_that_nobody_trusts(
    git_server: GitServer, repository: Repository, request_for: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_for(git_server.source("one.git"))
    for name in ("SSL_CERT_FILE", "GIT_SSL_CAINFO"):
        monkeypatch.delenv(name)
    failed = failure(request)
    assert failed.reason is Reason.SOURCE_UNAVAILABLE
    assert "set the CA bundle in the settings" in failed.message


def test_a_page_that_is_no_git_server(
    git_server: GitServer, repository: Repository, request_for: Build, https: object
) -> None:
    page = https.serve("/team/one.git/info/refs", "<html>", content_type="text/html")  # type: ignore[attr-defined]
    failed = failure(request_for(f"git+{page.removesuffix('/info/refs')}"))
    assert "not as a Git server does" in failed.message


def test_a_repository_that_has_moved(
    git_server: GitServer, repository: Repository, request_for: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TOKEN", "glpat-geheim")
    git_server.credentials["one.git"] = ("oauth2", "glpat-geheim")
    git_server.redirects["/old/name"] = f"{git_server.url}/one.git"
    assert fetch(request_for(git_server.source("old/name"))).commit


def test_credentials_do_not_go_to_another_server(
    git_server: GitServer,
    repository: Repository,
    request_for: Build,
    monkeypatch: pytest.MonkeyPatch,
    authority: Authority,
) -> None:
    monkeypatch.setenv("GIT_TOKEN", "glpat-geheim")
    first = GitServer(git_server.root, authority.certificate)
    first.redirects["/one.git"] = f"{git_server.url}/one.git"
    try:
        assert fetch(request_for(first.source("one.git"))).commit
    finally:
        first.stop()
    assert all(authorization for _, authorization in first.seen)
    assert not any(authorization for _, authorization in git_server.seen)


def test_the_machine_s_own_git_configuration_counts_for_nothing(
    git_server: GitServer, repository: Repository, request_for: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request = request_for(git_server.source("one.git"))
    home = Path(os.environ["HOME"])
    home.mkdir()
    (home / ".gitconfig").write_text('[url "https://nowhere.invalid/"]\n\tinsteadOf = https://localhost\n')
    for name in ("GIT_DIR", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE", "GIT_EXEC_PATH"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.bare'='true'")
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    assert fetch(request).commit
    assert not (tmp_path / "elsewhere").exists()
    assert not (tmp_path / "trace").exists()


def test_an_image_without_git_says_so(
    git_server: GitServer, repository: Repository, request_for: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request = request_for(git_server.source("one.git"))
    monkeypatch.setenv("PATH", str(tmp_path))
    failed = failure(request)
    assert (failed.reason, "needs git, and the image has none" in failed.message) == (Reason.INVALID_RUN, True)
