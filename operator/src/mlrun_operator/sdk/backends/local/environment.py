"""The environment with mlrun for local runs: what makes it, and what is said where nothing can. Pure.

mlrun runs on Python 3.11 only, and only new resolvers find versions of it and its dependencies that fit together. So
nothing is resolved on a user's machine: `mlrun.txt` has every package of the environment with its version and hashes,
for Linux and macOS, and any pip that a Python 3.11 brings can install that.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PINS: Final = Path(__file__).with_name("mlrun.txt")
VARIABLE: Final = "MLRUN_OPERATOR_PYTHON"
PYTHON: Final = "3.11"
# Of what platforms the packages have wheels, as sys.platform and platform.machine() name them.
PLATFORMS: Final = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))
_NAMED: Final = f"name an interpreter that has mlrun in {VARIABLE}."
# The user's settings of pip and uv that would put packages elsewhere, or want other versions of them.
_UNSET: Final = (
    *("PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_NO_BINARY", "PIP_ONLY_BINARY"),
    *("UV_CONSTRAINT", "UV_OVERRIDE", "UV_BUILD_CONSTRAINT", "UV_PROJECT_ENVIRONMENT", "UV_EXCLUDE_NEWER"),
    *("UV_NO_BINARY", "UV_NO_BUILD", "UV_OFFLINE", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__"),
)


@dataclass(frozen=True)
class Tools:
    """The programs of this machine that can make an environment; None where there is none."""

    python: str | None
    """A Python 3.11, with the module ensurepip or without."""
    has_ensurepip: bool
    uv: str | None


@dataclass(frozen=True)
class Way:
    """One way to make it: the commands, one after the other."""

    tool: str
    commands: tuple[tuple[str, ...], ...]


def folder_name(pins: bytes) -> str:
    """Return the name of the environment's folder: other pins are another environment."""
    return f"python{PYTHON}-{hashlib.sha256(pins).hexdigest()[:8]}"


def ways(tools: Tools, folder: Path) -> list[Way]:
    """Return how the environment can be made, the quickest first; none where the machine lacks the tools."""
    python, pins = str(folder / "bin" / "python"), str(PINS)
    found = []
    if tools.uv is not None:  # several times as fast; it fetches a Python 3.11 where there is none
        venv = (tools.uv, "venv", "--no-project", "--no-config", "--python", tools.python or PYTHON, str(folder))
        install = (tools.uv, "pip", "install", "--python", python, "--no-deps", "--require-hashes", "-r", pins)
        found.append(Way("uv", (venv, install)))
    if tools.python is not None and tools.has_ensurepip:
        pip = (python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off")
        # With PEP 517 an old pip builds the one source distribution, too, without the package wheel.
        pinned = (*pip, "--no-deps", "--use-pep517", "--require-hashes", "-r", pins)
        found.append(Way("pip", ((tools.python, "-m", "venv", str(folder)), pinned)))
    return found


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables for the commands: the user's, but for what would lead them astray.

    Index, proxies and certificates stay.
    """
    return {**{name: value for name, value in environ.items() if name not in _UNSET}, "PIP_USER": "0"}


def unsupported(system: str, machine: str) -> str | None:
    """Return why this platform (`sys.platform`, `platform.machine()`) gets no environment; None where it does."""
    if (system, machine.lower()) in PLATFORMS:
        return None
    if system == "win32":
        return "local runs need Linux or macOS; on Windows use WSL"
    return (
        "mlrun has packages for Linux on x86-64 and arm64 and for macOS on Apple silicon, and this machine is "
        f"{system} on {machine}"
    )


def lacking(tools: Tools) -> str:
    """Return what to do on a machine where there is no way."""
    if tools.python is not None:
        return f"{tools.python} has no ensurepip (Debian's package python3-venv): install that or uv, or {_NAMED}"
    return f"Install uv (`pip install uv`), which fetches Python {PYTHON} itself, or Python {PYTHON}; or {_NAMED}"
