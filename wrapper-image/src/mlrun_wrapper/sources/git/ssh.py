"""git over ssh: with a mounted key and known hosts, never with a host that is not known."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mlrun_wrapper.sources.base import invalid

_KEYS: Final = ("id_ed25519", "id_ecdsa", "id_rsa")
_OPTIONS: Final = (
    *("BatchMode=yes", "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null", "UpdateHostKeys=no"),
    *("IdentitiesOnly=yes", "PermitLocalCommand=no", "ClearAllForwardings=yes", "ControlPath=none"),
    *("ConnectTimeout=30", "ServerAliveInterval=15", "ServerAliveCountMax=4"),
)


def ssh_environment(env: Mapping[str, str], host: str) -> dict[str, str]:
    """What git needs to use ssh. Raises StepError where the key or the known hosts are not there."""
    folder = Path(env.get("HOME") or "/") / ".ssh"
    key = _file(env, "GIT_SSH_KEY_FILE", [folder / name for name in _KEYS])
    hosts = _file(env, "GIT_SSH_KNOWN_HOSTS", [folder / "known_hosts"])
    if key is None:
        raise invalid("git+ssh needs a private key: mount one and name its file by GIT_SSH_KEY_FILE")
    if hosts is None:
        raise invalid(
            f"git+ssh needs the server's host key: mount a file made by `ssh-keyscan {host}` and name it by "
            "GIT_SSH_KNOWN_HOSTS"
        )
    options = (*_OPTIONS, f'IdentityFile="{key}"', f'UserKnownHostsFile="{hosts}"')
    command = ["ssh", "-F", os.devnull, *(part for option in options for part in ("-o", option))]
    return {"GIT_SSH_COMMAND": shlex.join(command), "GIT_SSH_VARIANT": "ssh"}


def _file(env: Mapping[str, str], variable: str, defaults: list[Path]) -> Path | None:
    """The file that the variable names, else the first default that exists."""
    if not env.get(variable):
        return next((path for path in defaults if path.is_file()), None)
    path = Path(env[variable])
    if not os.access(path, os.R_OK) or not path.is_file():
        raise invalid(f"{variable} names {path}, which is no file that the run's user (uid {os.getuid()}) can read")
    return path
