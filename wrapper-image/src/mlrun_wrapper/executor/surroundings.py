"""The process's surroundings: mlrun's settings before its import, the user's folder and environment after it."""

from __future__ import annotations

import importlib
import os
import site
import sys
import warnings
from typing import Any


def prepare() -> None:
    """Settle what mlrun reads from the environment when it is imported."""
    for name in ("MLRUN_DBPATH", "MLRUN_EXEC_CONFIG", "MLRUN_ENVELOPE_FILE", "MLRUN_TERMINATION_LOG"):
        os.environ.pop(name, None)
    os.environ.setdefault("LOGNAME", "mlrun")  # mlrun asks who the user is, and the uid may have no name
    # The documented functions use the decorator; the supported mlrun has it.
    warnings.filterwarnings("ignore", message=r"The `mlrun\.handler` decorator", category=FutureWarning)
    os.environ["MLRUN_HTTPDB__NOP_DB__VERBOSE"] = "false"


def adopt(load: dict[str, Any]) -> None:
    """Make the folder of the user's module the current one, importable here and in every Python started from here."""
    os.environ.update(load["env"])
    _file_systems_look_again()
    own = [*load["folders"], *load["packages"]]
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*own, *([inherited] if inherited else [])])
    sys.path[:0] = [*own, *_named_by(load["packages"])]
    importlib.invalidate_caches()
    os.chdir(load["folders"][0])
    sys.argv = [load["file"]]


def _file_systems_look_again() -> None:
    """fsspec, which mlrun has imported, reads its variables once."""
    config = sys.modules.get("fsspec.config")
    if config is not None:
        config.set_conf_env(config.conf)


def _named_by(packages: list[str]) -> list[str]:
    """The folders that `.pth` files of installed packages add."""
    before = list(sys.path)
    for folder in packages:
        site.addsitedir(folder)
    added = [path for path in sys.path if path not in (*before, *packages)]
    sys.path[:] = before
    return added
