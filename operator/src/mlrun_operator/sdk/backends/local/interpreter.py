"""An interpreter that has mlrun, which runs on Python 3.11 only: this one, one that is named, or one made for it."""

import asyncio
import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Final

from mlrun_operator.api.visible import visible
from mlrun_operator.sdk.errors import BackendError

VARIABLE: Final = "MLRUN_OPERATOR_PYTHON"
_DISTRIBUTION: Final = "mlrun-operator"
_MAKING: Final = "mlrun needs Python 3.11: making an environment for it in {folder}, once; about 700 MB and a minute"


def requirements() -> list[str]:
    """What pip installs for mlrun: this package's own extra `mlrun`."""
    found = importlib.metadata.requires(_DISTRIBUTION) or []
    chosen = [entry.split(";")[0].strip() for entry in found if re.search(r"extra == ['\"]mlrun['\"]", entry)]
    return chosen or ["mlrun>=1.12,<1.13"]


async def interpreter(home: Path) -> str:
    """The interpreter for handlers. Raises BackendError with the command that makes one."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    if sys.version_info[:2] == (3, 11) and importlib.util.find_spec("mlrun") is not None:
        return sys.executable
    folder = home / "python3.11"
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        await _make(folder)
    return str(python)


async def _make(folder: Path) -> None:
    """A virtual environment with mlrun, by python3.11's own means or by uv."""
    quoted = " ".join(f"'{each}'" for each in requirements())
    command = f"python3.11 -m venv {folder} && {folder}/bin/pip install {quoted}"
    print(visible(_MAKING.format(folder=folder)), file=sys.stderr)
    folder.parent.mkdir(parents=True, exist_ok=True)
    python, uv = shutil.which("python3.11"), shutil.which("uv")
    if uv is not None:  # several times as fast
        steps = [[uv, "venv", "-q", "--clear", "--python", "3.11", str(folder)]]
        steps += [[uv, "pip", "install", "-q", "--python", f"{folder}/bin/python", *requirements()]]
    elif python is not None:
        steps = [[python, "-m", "venv", "--clear", str(folder)]]
        steps += [[f"{folder}/bin/python", "-m", "pip", "install", "-q", *requirements()]]
    else:
        raise BackendError(
            "local runs need mlrun, which needs Python 3.11, and neither python3.11 nor uv is here",
            hint=f"Install one of them, or name an interpreter that has mlrun in {VARIABLE}.",
        )
    for step in steps:
        process = await asyncio.create_subprocess_exec(
            *step, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        if process.returncode:
            words = output.decode(errors="replace").strip()[-500:]
            raise BackendError(f"an environment with mlrun could not be made: {words}", hint=f"By hand: {command}")
    (folder / ".ready").touch()
