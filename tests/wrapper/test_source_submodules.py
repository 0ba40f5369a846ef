"""Submodules of real repositories, and what a repository may not do."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.gitserver import GitServer, git
from support.servers import Authority

from mlrun_operator.api.values.handlers import Handler
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.sources.base import FetchedSource, Request
from mlrun_wrapper.sources.entry import find_code
from mlrun_wrapper.sources.git import GitSource

Build = Callable[..., Request]


def fetch(request: Request) -> FetchedSource:
    return GitSource().fetch(request)


@pytest.fixture
def other_server(git_server: GitServer, authority: Authority, tmp_path: Path) -> Iterator[GitServer]:
    (tmp_path / "others").mkdir()
    server = GitServer(tmp_path / "others", authority.certificate)
    yield server
    server.stop()


def with_submodule(server: GitServer, url: str, commit: str = "1" * 40) -> str:
    """The source of a repository with a submodule at `libs/sub`."""
    repository = server.repository("parent.git")
    repository.commit({"pipeline.py": "x"})
    repository.submodule(url, "libs/sub", commit)
    repository.push()
    return server.source("parent.git")


def test_submodules_come_with_their_submodules(git_server: GitServer, request_for: Build) -> None:
    leaf = git_server.repository("leaf.git")
    leaf_commit = leaf.commit({"leaf.py": "leaf"})
    leaf.commit({"leaf.py": "newer"})
    branch = git_server.repository("branch.git")
    branch.commit({"branch.py": "branch"})
    branch.submodule("../leaf.git", "deep/leaf", leaf_commit)
    source = with_submodule(git_server, f"{git_server.url}/branch.git", branch.push())
    request = request_for(source)
    fetch(request)
    assert (request.folder / "libs/sub/branch.py").read_text() == "branch"
    assert (request.folder / "libs/sub/deep/leaf/leaf.py").read_text() == "leaf"


def test_the_path_of_a_submodule_is_taken_as_it_is(
    git_server: GitServer, request_for: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ELSEWHERE", str(tmp_path / "elsewhere"))
    repository = git_server.repository("parent.git")
    commit = git_server.repository("sub.git").commit({"sub.py": "x"})
    for path in ("~", "$ELSEWHERE", "with space"):
        repository.submodule("../sub.git", path, commit)
    repository.push()
    request = request_for(git_server.source("parent.git"))
    fetch(request)
    for path in ("~", "$ELSEWHERE", "with space"):
        assert (request.folder / path / "sub.py").is_file()
    assert not (tmp_path / "elsewhere").exists()


def test_a_submodule_at_another_server_gets_no_credentials(
    git_server: GitServer, other_server: GitServer, request_for: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TOKEN", "glpat-geheim")
    git_server.credentials["parent.git"] = git_server.credentials["near.git"] = ("oauth2", "glpat-geheim")
    commit = other_server.repository("sub.git").commit({"sub.py": "sub"})
    repository = git_server.repository("near.git")
    near = repository.commit({"near.py": "near"})
    parent = git_server.repository("parent.git")
    parent.commit({"pipeline.py": "x"})
    parent.submodule(f"{other_server.url}/sub.git", "far", commit)
    parent.submodule("../near.git", "near", near)
    parent.push()
    request = request_for(git_server.source("parent.git"))
    fetch(request)
    assert (request.folder / "far/sub.py").is_file()
    assert (request.folder / "near/near.py").is_file()
    assert not any(authorization for _, authorization in other_server.seen)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/owned",
        "file:///etc",
        "/srv/repository",
        "http://localhost/x.git",
        "ssh://git@localhost/x.git",
        "git@localhost:x.git",
        "https://me:pw@localhost/x.git",
        "https://-oProxyCommand=id/x",
        "fd::17",
    ],
)
def test_a_submodule_by_another_transport_is_refused(git_server: GitServer, request_for: Build, url: str) -> None:
    request = request_for(with_submodule(git_server, url))
    with pytest.raises(GuardError, match="the rule 'transport'") as refused:
        fetch(request)
    assert "me:pw" not in str(refused.value)


def test_a_submodule_at_a_metadata_address_is_refused(git_server: GitServer, request_for: Build) -> None:
    request = request_for(with_submodule(git_server, "https://169.254.169.254/x.git"))
    with pytest.raises(GuardError, match=r"the rule 'link-local'.*sources\.linkLocal"):
        fetch(request)


def test_a_submodule_that_is_not_in_gitmodules_stays_empty(git_server: GitServer, request_for: Build) -> None:
    repository = git_server.repository("parent.git")
    repository.commit({"pipeline.py": "x"})
    git(repository.clone, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},libs/sub")
    git(repository.clone, "commit", "--quiet", "--message=link")
    git(repository.clone, "push", "--quiet", "origin", "main")
    request = request_for(git_server.source("parent.git"))
    fetch(request)
    assert list((request.folder / "libs/sub").iterdir()) == []


def test_submodules_without_end_are_refused(git_server: GitServer, request_for: Build) -> None:
    commit = git_server.repository("0.git").commit({"a.py": "x"})
    for number in range(1, 11):
        repository = git_server.repository(f"{number}.git")
        repository.submodule(f"../{number - 1}.git", "next", commit)
        commit = repository.push()
    with pytest.raises(GuardError, match="nested more than 8 deep"):
        fetch(request_for(git_server.source("10.git")))


def test_hooks_filters_and_templates_of_a_repository_do_not_run(git_server: GitServer, request_for: Build) -> None:
    owned = "#!/bin/sh\ntouch $GIT_DIR/../owned ../owned owned\n"
    repository = git_server.repository("evil.git")
    repository.commit(
        {
            ".githooks/post-checkout": owned,
            "hooks/post-checkout": owned,
            ".gitattributes": "*.py filter=evil\n",
            ".gitconfig": '[filter "evil"]\n\tsmudge = touch owned\n[core]\n\thooksPath = .githooks\n',
            "pipeline.py": "x",
        }
    )
    for name in (".githooks/post-checkout", "hooks/post-checkout"):
        (repository.clone / name).chmod(0o755)
    repository.push()
    request = request_for(git_server.source("evil.git"))
    fetch(request)
    assert not list(request.folder.parent.rglob("owned"))
    assert (request.folder / "pipeline.py").read_text() == "x"


def test_too_many_files_are_refused_before_one_is_written(git_server: GitServer, request_for: Build) -> None:
    git_server.repository("big.git").commit({f"{n}.py": "x" for n in range(30)})
    request = request_for(git_server.source("big.git"), max_files=29)
    with pytest.raises(GuardError, match=r"more than 29 files.*'files'.*sources\.maxFiles"):
        fetch(request)
    assert [path.name for path in request.folder.iterdir()] == [".git"]


def test_a_few_trees_that_stand_for_ten_thousand_million_files(git_server: GitServer, request_for: Build) -> None:
    repository = git_server.repository("bomb.git")
    repository.commit({"one.py": "x"})
    made = git(repository.clone, "rev-parse", "HEAD:one.py")
    for depth in range(10):
        kind = "040000 tree" if depth else "100644 blob"
        listing = "".join(f"{kind} {made}\t{number}\n" for number in range(10))
        made = git(repository.clone, "mktree", given=listing)
    commit = git(repository.clone, "commit-tree", "-m", "bomb", made)
    git(repository.clone, "push", "--quiet", "origin", f"{commit}:refs/heads/bomb")
    with pytest.raises(GuardError, match="more than 50000 files"):
        fetch(request_for(git_server.source("bomb.git", "bomb")))


def test_too_large_files_are_refused_with_those_of_submodules(git_server: GitServer, request_for: Build) -> None:
    commit = git_server.repository("sub.git").commit({"data.bin": os.urandom(700_000)})
    repository = git_server.repository("parent.git")
    repository.commit({"data.bin": os.urandom(700_000)})
    repository.submodule("../sub.git", "sub", commit)
    repository.push()
    with pytest.raises(GuardError, match=r"more than 1 MiB.*'unpacked-size'.*sources\.maxUnpackedMiB"):
        fetch(request_for(git_server.source("parent.git"), max_unpacked_mib=1))


def test_a_pack_that_is_too_large_is_not_taken_whole(git_server: GitServer, request_for: Build) -> None:
    repository = git_server.repository("pack.git")
    repository.commit({"one.bin": os.urandom(3 << 20)})
    request = request_for(git_server.source("pack.git"), max_unpacked_mib=1)
    with pytest.raises(GuardError, match=r"more than 1 MiB.*'unpacked-size'.*sources\.maxUnpackedMiB"):
        fetch(request)
    assert sum(file.stat().st_size for file in request.folder.rglob("*") if file.is_file()) < 2 << 20


@pytest.mark.parametrize("location", ["ftp://localhost/x", "http://localhost/x.git", "https://169.254.169.254/x.git"])
def test_a_redirect_by_the_rules_only(git_server: GitServer, request_for: Build, location: str) -> None:
    git_server.redirects["/moved.git"] = location
    with pytest.raises(StepError, match=r"'redirect'|'link-local'"):
        fetch(request_for(git_server.source("moved.git")))


def test_a_link_in_a_repository_leads_nowhere_else(git_server: GitServer, request_for: Build) -> None:
    repository = git_server.repository("links.git")
    repository.commit({"real.py": "x"})
    (repository.clone / "out.py").symlink_to("/etc/hostname")
    (repository.clone / "folder").symlink_to("/etc")
    (repository.clone / "in.py").symlink_to("real.py")
    repository.push()
    fetched = fetch(request_for(git_server.source("links.git")))
    assert find_code(fetched, "in.py", None).file.read_text() == "x"
    for name in ("out.py", "folder/a.py"):
        with pytest.raises(GuardError, match="'outside'"):
            find_code(fetched, name, None)
    with pytest.raises(GuardError, match="'outside'"):
        find_code(fetched, None, Handler.parse("out:f"))
