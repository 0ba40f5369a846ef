"""The Python that runs the function, where the image is the user's and nobody said which one it is.

Only the standard library here: the executor is started before everything else.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from mlrun_wrapper.carry import BASE

_NAMES: Final = ("python3", "python")
# Where images put an environment that is not on their PATH.
_USUAL: Final = (
    *("/opt/mlrun/bin", "/opt/conda/bin", "/opt/conda/envs/*/bin", "/opt/venv/bin", "/venv/bin", "/app/.venv/bin"),
    *("/opt/*/bin", "/usr/local/bin", "/usr/bin"),
)
_HAS_MLRUN: Final = "import importlib.util, sys; sys.exit(importlib.util.find_spec('mlrun') is None)"
_SECONDS: Final = 20.0


def carried() -> bool:
    """Whether this is the wrapper's interpreter in somebody else's image."""
    return (Path(sys.prefix) / BASE).is_dir()


def find_python(env: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """The first Python that has mlrun, else the first there is; None where the image has none that may be run.

    Looked for in the active virtual environment, the conda environment, PATH, and where images usually have theirs.
    """
    found = list(dict.fromkeys(_candidates(env, root)))
    if len(found) < 2:
        return next(iter(found), None)
    return next((python for python in found if _has_mlrun(python, env)), found[0])


def _candidates(env: Mapping[str, str], root: Path) -> Iterator[str]:
    for folder in _folders(env, root):
        for name in _NAMES:
            python = folder / name
            if os.access(python, os.X_OK) and python.is_file():
                yield str(python)
                break


def _folders(env: Mapping[str, str], root: Path) -> Iterator[Path]:
    yield from (Path(env[name]) / "bin" for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if env.get(name))
    yield from (Path(folder) for folder in env.get("PATH", "").split(os.pathsep) if folder)
    for pattern in _USUAL:
        yield from sorted(folder for folder in _glob(root, pattern) if not folder.is_relative_to(sys.prefix))


def _glob(root: Path, pattern: str) -> list[Path]:
    try:
        return list(root.glob(pattern.lstrip("/")))
    except OSError:
        return []


def _has_mlrun(python: str, env: Mapping[str, str]) -> bool:
    try:
        done = subprocess.run(
            [python, "-c", _HAS_MLRUN], env=dict(env), capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
