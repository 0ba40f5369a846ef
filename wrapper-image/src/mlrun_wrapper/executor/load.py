"""Load the user's module once, under its own name."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from . import missing_imports
from .failure import InvalidRunError


def load_module(file: Path, dotted: str | None = None) -> ModuleType:
    """The module, executed and importable by its name: the dotted one of a package, else the file's.

    Raises InvalidRunError; the module's own exceptions pass through.
    """
    name = dotted or file.stem
    top = name.partition(".")[0]
    if top in sys.modules:
        what = f"module {top!r}" if dotted else f"file name {file.name}"
        raise InvalidRunError(f"the source's {what} hides the module {top!r} that mlrun uses; rename it")
    try:
        return importlib.import_module(name) if dotted else _execute(file, name)
    except SyntaxError as error:
        raise syntax_error(error, file) from None
    except ImportError as error:
        if (text := missing_imports.explained(error, file, name)) is None:
            raise
        raise InvalidRunError(text) from error


def syntax_error(error: SyntaxError | ValueError, file: Path) -> InvalidRunError:
    """The file cannot be compiled."""
    if not isinstance(error, SyntaxError):
        return InvalidRunError(f"the source {file.name} is not Python: {error}")
    text = "".join(traceback.format_exception_only(SyntaxError, error)).strip()
    name = Path(error.filename or file).name
    return InvalidRunError(f"the source has a syntax error: {error.msg} ({name}, line {error.lineno})\n{text}")


def _execute(file: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InvalidRunError(f"the source {file.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
