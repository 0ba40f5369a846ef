"""Packages of the requirements that mlrun has imported from the image before they were there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from .failure import InvalidRunError


def check_imported(folders: list[str]) -> None:
    """Refuse a package that comes too late: the process would go on with the image's. Raises InvalidRunError."""
    late = sorted({name for folder in folders for name in _modules(folder) if _is_from_elsewhere(name, folder)})
    if late:
        raise InvalidRunError(
            f"the requirements bring another {' and '.join(late)}, which mlrun has imported from the image already; "
            "leave it out of `requirements`, or build an image that has it"
        )


def _modules(folder: str) -> Iterator[str]:
    """Yield the names of modules and packages in a folder of installed packages."""
    for entry in os.scandir(folder):
        name, _, suffix = entry.name.partition(".")
        if name.isidentifier() and (entry.is_dir() or suffix.endswith(("py", "so"))):
            yield name


def _is_from_elsewhere(name: str, folder: str) -> bool:
    """Return whether the module was imported, and from another folder. Namespaces have no file: they may have both."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is not None and not file.startswith(f"{folder}{os.sep}")
