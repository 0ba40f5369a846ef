"""GitPython's git, deaf to every configuration but ours.

Settings and credentials are handed over by the environment (`GIT_CONFIG_COUNT`), so that no argument list, no file and
no trace shows them. https://git-scm.com/docs/git-config#ENVIRONMENT
"""

import os
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import git

from mlrun_operator.api import bounds
from mlrun_wrapper import processes
from mlrun_wrapper.sources.git.credentials import Credentials

_PASSED_ON: Final = ("PATH", "TMPDIR", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_REASONS: Final = ("fatal:", "error:", "ERROR:", "remote:", "ssh:")
# Of `ls-tree`.
_LONGEST_ENTRY_BYTES: Final = bounds.GIT_PATH.limit
_SETTINGS: Final = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.askPass": "",
    "credential.helper": "",
    "init.templateDir": "",
    "init.defaultBranch": "main",
    "protocol.allow": "never",
    "http.followRedirects": "false",  # what is redirected was followed before, within the rules
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.unpackLimit": "1",  # keep the pack as it comes: quicker, and its size is looked at
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "safe.directory": "*",
}


class GitFailedError(git.GitCommandError):
    """git failed. `code` is negative for a signal; `said` is the end of what it said, without credentials."""

    def __init__(self, command: Sequence[str], code: int, said: str) -> None:
        super().__init__(list(command), code, said)
        self.code = code
        self.said = said

    def __str__(self) -> str:
        lines = [line.strip() for line in self.said.splitlines() if line.strip()]
        reasons = [line for line in lines if line.startswith(_REASONS) or "Permission denied" in line]
        return "; ".join(dict.fromkeys((reasons or lines)[-3:])) or "git ended without a word"


class Git(git.Git):
    """git in one folder, with the environment that it is given and nothing of ours.

    GitPython builds the commands. How they are run is ours: by itself it adds to the process's whole environment, and
    leaves git's helpers behind where a time limit ends the wait. `largest` is the most bytes that git may write into
    one file.
    """

    GIT_PYTHON_GIT_EXECUTABLE = "git"

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        credentials: Credentials | None = None,
        largest: int | None = None,
    ) -> None:
        super().__init__()  # not with the folder: `$HOME` in the path of a submodule would be replaced
        self.folder = folder
        self.largest = largest
        self._credentials = credentials
        self.update_environment(**environment)

    def execute(self, command: Sequence[str], **_: Any) -> str:  # type: ignore[override]
        """Its output, without the last newline. Raises GitFailedError."""
        done = processes.run(command, folder=self.folder, env=self.environment(), largest=self.largest)
        if done.code != 0:
            said = self._credentials.hidden(done.output) if self._credentials else done.output
            raise GitFailedError(command, done.code, said)
        return done.output.removesuffix("\n")

    def entries(self, *arguments: str) -> Generator[str]:
        """Its output as it comes, cut at every NUL: however much there is, little of it is held at a time."""
        command = [self.GIT_PYTHON_GIT_EXECUTABLE, *arguments]
        with processes.started(command, folder=self.folder, env=self.environment(), largest=self.largest) as process:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            rest = b""
            while data := process.stdout.read1():  # type: ignore[attr-defined]
                *whole, rest = (rest + data).split(b"\0")
                if len(rest) > _LONGEST_ENTRY_BYTES:
                    raise GitFailedError(command, 1, "fatal: a path is longer than the disk takes")
                yield from (entry.decode(errors="replace") for entry in whole)
            if process.wait() != 0:
                raise GitFailedError(command, process.returncode, "")


def environment(protocol: str, settings: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """All that git gets: what its work needs of ours, our settings, and `more`; no protocol but that one."""
    settings = {**_SETTINGS, **settings, f"protocol.{protocol}.allow": "always"}
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    for name in _PROXIES:
        env |= {each: os.environ[each] for each in (name, name.upper()) if each in os.environ}
    env |= {
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": protocol,
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (name, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return env | dict(more)
