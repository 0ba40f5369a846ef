"""Why an import of the user's module failed, in words that say what to do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path
from types import TracebackType

_NAME = re.compile(r"cannot import name '([^']+)'")


def explained(error: ImportError, file: Path, module: str) -> str | None:
    """Return what is missing and what to do; None for what the error itself says best.

    `module` is the name that the file is loaded by.
    """
    wanted = error.name or ""
    top = wanted.partition(".")[0]
    if top == module and (error.path == str(file) or "is not a package" in str(error)):
        return f"the source's file name {file.name} hides the package {top!r} that it imports; rename the file"
    if isinstance(error, ModuleNotFoundError):
        return _not_found(error, wanted, top)
    attribute = _NAME.match(error.msg or "")
    if attribute is None or not _raised_in(error.__traceback__, file) or (package := _package(top)) is None:
        return None
    return f"the source imports {attribute[1]!r} from {wanted!r}, which is not in {package}{_todo(top)}"


def _not_found(error: ModuleNotFoundError, wanted: str, top: str) -> str:
    package = _package(top) if wanted != top else None
    if package is not None:
        return f"the source imports {wanted!r}, which is not in {package}{_todo(top)}"
    return (
        f"the source imports {wanted!r}, which is not installed in the function's image ({error}); "
        "a package that pip knows can go into the function's requirements"
    )


def _todo(top: str) -> str:
    """Return what to do about a part that another version of the package has."""
    other = "use an image" if top == "mlrun" else "name a version in the function's requirements"
    text = f", the version that is installed. It belongs to another version: change the import, or {other} "
    return text + ("with a version of mlrun that has it" if top == "mlrun" else "that has it")


def _raised_in(trace: TracebackType | None, file: Path) -> bool:
    """Return whether the import that failed stands in the source, not in a package that it imports."""
    last = None
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith("<frozen "):
            last = code.co_filename
        trace = trace.tb_next
    return last is not None and Path(last).is_relative_to(file.parent)


def _package(top: str) -> str | None:
    """Return an installed package by name and version, such as `mlrun 1.12.1`; None where it is not installed."""
    if not top or (top not in sys.modules and importlib.util.find_spec(top) is None):
        return None
    for name in (top, *_distributions(top)):
        try:
            return f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _distributions(top: str) -> list[str]:
    """Return the packages that bring the module: scikit-learn brings sklearn."""
    look_up = getattr(importlib.metadata, "packages_distributions", None)  # since Python 3.10
    return list(look_up().get(top, ())) if look_up else []
