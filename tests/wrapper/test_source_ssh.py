"""Repositories over ssh from a real OpenSSH server."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.gitserver import Repository
from support.sshserver import SshServer

from mlrun_operator.api.reasons import Reason
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.sources.base import Request
from mlrun_wrapper.sources.git import GitSource

Build = Callable[..., Request]


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    server = SshServer(tmp_path_factory.mktemp("ssh"))
    yield server
    server.stop()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path, "one.git")
    made.commit({"pipeline.py": "first"}, tag="v1")
    made.commit({"pipeline.py": "second"})
    return made


@pytest.fixture
def mounted(ssh: SshServer, monkeypatch: pytest.MonkeyPatch, request_for: Build) -> SshServer:
    """A run with the key and the known hosts."""
    monkeypatch.setenv("GIT_SSH_KEY_FILE", str(ssh.key))
    monkeypatch.setenv("GIT_SSH_KNOWN_HOSTS", str(ssh.known_hosts))
    return ssh


def failure(request: Request) -> StepError:
    with pytest.raises(StepError) as failed:
        GitSource().fetch(request)
    return failed.value


@pytest.mark.parametrize(("ref", "content"), [(None, "second"), ("v1", "first")])
def test_a_repository_with_a_mounted_key(
    mounted: SshServer, repository: Repository, request_for: Build, ref: str | None, content: str
) -> None:
    request = request_for(f"git+{mounted.url}{repository.bare}" + (f"#{ref}" if ref else ""))
    assert GitSource().fetch(request).commit
    assert (request.folder / "pipeline.py").read_text() == content


def test_the_key_may_lie_where_ssh_looks_for_it(
    ssh: SshServer, repository: Repository, request_for: Build, tmp_path: Path
) -> None:
    request = request_for(f"git+{ssh.url}{repository.bare}")
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir(parents=True)
    (folder / "id_ed25519").symlink_to(ssh.key)
    (folder / "known_hosts").symlink_to(ssh.known_hosts)
    assert GitSource().fetch(request).commit


def test_a_submodule_beside_a_repository_over_ssh(mounted: SshServer, tmp_path: Path, request_for: Build) -> None:
    commit = Repository(tmp_path, "sub.git").commit({"sub.py": "x"})
    parent = Repository(tmp_path, "parent.git")
    parent.submodule("../sub.git", "sub", commit)
    parent.push()
    request = request_for(f"git+{mounted.url}{parent.bare}")
    GitSource().fetch(request)
    assert (request.folder / "sub/sub.py").is_file()


def test_a_host_that_is_not_known_is_told_nothing(
    mounted: SshServer, repository: Repository, request_for: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = tmp_path / "known_hosts"
    empty.write_text("")
    monkeypatch.setenv("GIT_SSH_KNOWN_HOSTS", str(empty))
    failed = failure(request_for(f"git+{mounted.url}{repository.bare}"))
    assert failed.reason is Reason.SOURCE_UNAVAILABLE
    assert "host key is not the one in the known hosts" in failed.message


def test_a_key_that_the_server_refuses(
    mounted: SshServer, repository: Repository, request_for: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSH_KEY_FILE", str(mounted.key.with_name("host_key")))
    failed = failure(request_for(f"git+{mounted.url}{repository.bare}"))
    assert (failed.reason, "Permission denied" in failed.message) == (Reason.PERMISSION_DENIED, True)


def test_a_repository_that_is_not_there(mounted: SshServer, request_for: Build) -> None:
    failed = failure(request_for(f"git+{mounted.url}/srv/nowhere.git"))
    assert failed.reason is Reason.SOURCE_NOT_FOUND
    assert "'/srv/nowhere.git' does not appear to be a git repository" in failed.message


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({}, "needs a private key: mount one and name its file by GIT_SSH_KEY_FILE"),
        ({"GIT_SSH_KEY_FILE": "key"}, "needs the server's host key: mount a file made by `ssh-keyscan localhost`"),
        ({"GIT_SSH_KEY_FILE": "/no/such/key"}, "GIT_SSH_KEY_FILE names /no/such/key, which is no file"),
    ],
)
def test_what_is_not_mounted_is_named(
    ssh: SshServer, request_for: Build, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], words: str
) -> None:
    request = request_for(f"git+{ssh.url}/srv/one.git")
    for name, value in env.items():
        monkeypatch.setenv(name, str(ssh.key) if value == "key" else value)
    failed = failure(request)
    assert (failed.reason, words in failed.message) == (Reason.INVALID_RUN, True)
