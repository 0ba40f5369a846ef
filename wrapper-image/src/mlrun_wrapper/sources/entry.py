"""Which file of a source is the function's, and from which folders it imports."""

import difflib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.values.handlers import Handler
from mlrun_wrapper.code import Code
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.guards.paths import inside
from mlrun_wrapper.sources.base import FetchedSource, invalid

# Files at the root of a project that are about the project.
_NOT_FUNCTIONS: Final = frozenset({"setup.py", "conftest.py", "noxfile.py", "tasks.py", "__init__.py"})
_LISTED: Final = 10


def find_code(fetched: FetchedSource, file: str | None, handler: Handler | None) -> Code:
    """The function's file: the only one, or `file`, or the handler's module, or the one .py at the root.

    Raises StepError where there is none or more than one, and GuardError where a path leads out of the source.
    """
    module = handler.module if handler else None
    if fetched.file is not None:
        if module not in (None, fetched.file.stem):
            assert handler is not None  # noqa: S101 - it has a module
            text = f"the handler names the module {module!r}, but the source is one file; write {handler.in_module!r}"
            raise invalid(text)
        return Code(fetched.file, (fetched.file.parent,))
    if file is not None:
        return _named(fetched.folder, file, module)
    if module is not None:
        return _module(fetched.folder, module)
    return _only(fetched.folder)


def find_file(folder: Path, name: str) -> Path | None:
    """The file of that path in a source; None where it is not there. Raises GuardError where the path leads out."""
    return next((path for path in (inside(root, name) for root in _roots(folder)) if path.is_file()), None)


def _roots(folder: Path) -> list[Path]:
    """The source's folder; where an archive holds nothing but one folder, that one too."""
    entries = [entry for entry in folder.iterdir() if entry.name != ".git" and not _of_a_mac(entry.relative_to(folder))]
    return [folder, entries[0]] if len(entries) == 1 and entries[0].is_dir() else [folder]


def _of_a_mac(path: Path) -> bool:
    """Whether a Mac's Finder has added it: `__MACOSX/pkg/._x.py` is no Python, and nobody's folder."""
    return path.parts[0] == "__MACOSX" or path.name == ".DS_Store" or path.name.startswith("._")


def _files(root: Path, pattern: str) -> list[Path]:
    """Relative to the root."""
    found = sorted(path.relative_to(root) for path in root.glob(pattern))
    return [path for path in found if not _of_a_mac(path)]


def _named(folder: Path, name: str, module: str | None) -> Code:
    roots, found = _roots(folder), find_file(folder, name)
    if found is None:
        known = [path.as_posix() for root in roots for path in _files(root, "**/*.py")]
        raise StepError(Reason.SOURCE_NOT_FOUND, f"source: it has no file {name!r}{_near(name, known)}")
    if module is None:
        root = next(root for root in roots if found == root / name)
        return Code(found, tuple(dict.fromkeys((found.parent, root))))
    parts = _parts(found, module)
    if found.with_suffix("").parts[-len(parts) :] != parts:
        raise invalid(f"source.handler names {name!r} and the handler the module {module!r}; keep one of them")
    base = inside(folder, str(found.parents[len(parts) - 1]))
    return Code(found, tuple(dict.fromkeys((base, roots[-1]))), module)


def _module(folder: Path, module: str) -> Code:
    path = PurePosixPath(*module.split("."))
    bases = [(base, root) for root in _roots(folder) for base in (root, root / "src")]
    for base, root in bases:
        for name in (path.with_suffix(".py"), path / "__init__.py"):
            file = inside(base, str(name))
            if file.is_file():
                return Code(file, tuple(dict.fromkeys((base, root))), module)
    known = [
        ".".join(file.with_suffix("").parts)
        for base, _ in bases
        for file in _files(base, "**/*.py")
        if file.name != "__init__.py"
    ]
    raise invalid(f"it has no module {module!r}{_near(module, known)}")


def _only(folder: Path) -> Code:
    for root in reversed(_roots(folder)):
        files = [path for path in _files(root, "*.py") if path.name not in _NOT_FUNCTIONS]
        if len(files) == 1:
            return Code(inside(root, files[0].name), (root,))
    names = [path.as_posix() for path in _files(root, "**/*.py") if path.name != "__init__.py"]
    if not names:
        notebooks = [path.as_posix() for path in _files(root, "**/*.ipynb")]
        hint = f" but {_list(notebooks)}; a notebook becomes a .py by `jupyter nbconvert --to script`"
        raise invalid(f"it holds no .py file{hint if notebooks else ''}")
    raise invalid(f"it has not exactly one .py file at its root: set source.handler to one of {_list(names)}")


def _parts(file: Path, module: str) -> tuple[str, ...]:
    """The last parts of the module's path: a package is its folder's `__init__`."""
    parts = tuple(module.split("."))
    return (*parts, "__init__") if file.name == "__init__.py" else parts


def _near(name: str, known: Iterable[str]) -> str:
    known = sorted(set(known))
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; it has {_list(known)}" if known else ""


def _list(names: list[str]) -> str:
    shown = sorted(names, key=lambda name: (name.count("/"), name))[:_LISTED]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
