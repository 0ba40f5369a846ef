"""Packages of the requirements that were imported from the image before they were there, by mlrun or at the start."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from .failure import InvalidRunError


def check_imported(folders: list[str]) -> None:
    """Refuse a package that comes too late: the process would go on with the image's. Raises InvalidRunError."""
    late = sorted({name for folder in folders for name in _modules(folder) if _is_from_elsewhere(name, folder)})
    if late:
        names, are, versions = " and ".join(late), "is", "another version"
        if len(late) > 1:
            are, versions = "are", "other versions"
        raise InvalidRunError(
            f"the requirements install {versions} of {names}, but the image's {names} {are} already imported; "
            f"leave {names} out of `requirements`, or build an image with the version that you want"
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
