"""What mlrun imports and a handler rarely uses is imported when it is used: a third of the time of `import mlrun`.

While mlrun is imported, its modules and those of its packages get something that stands in for such a package: asked
for anything, it imports the package and hands over what that has. The user's code, which comes later, gets the package.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The versions of mlrun that this was tried with; others are imported as they are.
_TRIED = ("1.12.",)
# Modules that are put off, each with the names of it that are asked for while mlrun is imported.
_LATER: dict[str, tuple[str, ...]] = {
    "IPython": (),
    "IPython.core": (),
    "IPython.core.getipython": (),
    "IPython.display": ("HTML", "display"),
    "aiohttp": ("ClientResponse", "ClientSession"),
    "aiohttp.client": ("ClientSession",),
    "deepdiff": (),
    "git": ("Repo",),
    "git.exc": (),
    "ipykernel": (),
    "jwt": (),
    "mlrun.utils.async_http": ("AsyncClientWithRetry",),
    "wcwidth": (),
}
_SHELL = "IPython.core.getipython"
# Packages whose parts are put off: they import all of them, and few are used.
_PARTS = ("kubernetes", "nuclio")
_NEEDED = {"kubernetes": ("client",)}


@contextlib.contextmanager
def putting_off() -> Iterator[None]:
    """Put packages off that mlrun imports within the block."""
    finder = _Finder()
    if not _version().startswith(_TRIED):
        yield
        return
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        finder.forget()


def _version() -> str:
    """Return mlrun's version without importing it; empty where that cannot be told."""
    spec = importlib.machinery.PathFinder.find_spec("mlrun")
    if spec is None or spec.origin is None:
        return ""
    with contextlib.suppress(OSError, ValueError):
        file = Path(spec.origin).parent / "utils" / "version" / "version.json"
        return str(json.loads(file.read_text(encoding="utf-8")).get("version", ""))
    return ""


class _Finder:
    """Finds what stands for the modules that are put off; for those that are not installed nothing."""

    def __init__(self) -> None:
        self._stand_ins: list[types.ModuleType] = []

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """Return the specification by which Python makes the module."""
        if name in _PARTS and name not in sys.modules:
            return _in_parts(importlib.machinery.PathFinder.find_spec(name, path))
        top = name.partition(".")[0]
        if name not in _LATER or (name == top and importlib.machinery.PathFinder.find_spec(name, path) is None):
            return None
        module = _StandIn(name)
        self._stand_ins.append(module)
        return importlib.machinery.ModuleSpec(name, _Loader(module), is_package=True)

    def forget(self) -> None:
        """Let whoever imports these modules from now on have the real ones."""
        for module in self._stand_ins:
            if sys.modules.get(module.__name__) is module:
                del sys.modules[module.__name__]


class _Loader(importlib.abc.Loader):
    def __init__(self, module: types.ModuleType) -> None:
        self._module = module

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """Return the module."""
        return self._module

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing: the module has all that it will have."""


class _StandIn(types.ModuleType):
    """Has what the module has, and imports it for that."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        for attribute in _LATER[name]:
            setattr(self, attribute, _Attribute(name, attribute))
        if name in ("IPython", _SHELL):
            self.get_ipython = _shell

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name != "__version__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(_imported(self.__name__), name)

    def __dir__(self) -> list[str]:
        return dir(_imported(self.__name__))


class _Attribute:
    """A function or class of a module that is put off."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def _real(self) -> Any:
        return getattr(_imported(self._module), self._name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._real()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__name__", "__qualname__"):  # typing looks for its own
            raise AttributeError(name)
        return getattr(self._real(), name)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self._real())

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self._real())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)

    def __or__(self, other: Any) -> Any:
        return self._real() | other

    def __ror__(self, other: Any) -> Any:
        return other | self._real()


def _imported(name: str) -> types.ModuleType:
    """Return the real module."""
    module = sys.modules.get(name)
    if isinstance(module, _StandIn):  # it is used while mlrun is imported: its whole package is needed now
        top = name.partition(".")[0]
        for each in [each for each in _LATER if each.partition(".")[0] == top]:
            if isinstance(sys.modules.get(each), _StandIn):
                del sys.modules[each]
        finders = [finder for finder in sys.meta_path if isinstance(finder, _Finder)]
        for finder in finders:
            sys.meta_path.remove(finder)
        try:
            return importlib.import_module(name)
        finally:
            sys.meta_path[:0] = finders
    return importlib.import_module(name)


def _shell() -> Any:
    """Return IPython's shell: there is none where IPython is not imported."""
    module = sys.modules.get(_SHELL)
    return None if module is None or isinstance(module, _StandIn) else module.get_ipython()


def _in_parts(spec: importlib.machinery.ModuleSpec | None) -> importlib.machinery.ModuleSpec | None:
    """Return the specification of a package whose parts are imported when they are asked for."""
    if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
        spec.loader = _PartsLoader(spec.loader.name, spec.loader.path)
    return spec


class _PartsLoader(importlib.machinery.SourceFileLoader):
    """Runs a package's own file, but for its imports of parts, `from . import part`."""

    later: frozenset[str] = frozenset()

    def get_code(self, fullname: str) -> types.CodeType:
        """Return the code of the file without these imports, never what is cached of it."""
        path = self.get_filename(fullname)
        tree, needed = ast.parse(self.get_data(path)), _NEEDED.get(self.name, ())
        parts = [node for node in tree.body if isinstance(node, ast.ImportFrom) and _are_parts(node)]
        self.later = frozenset(alias.name for node in parts for alias in node.names if alias.name not in needed)
        for node in parts:
            node.names = [alias for alias in node.names if alias.name in needed]
        tree.body = [node for node in tree.body if not isinstance(node, ast.ImportFrom) or node.names]
        return compile(tree, path, "exec", dont_inherit=True)

    def exec_module(self, module: types.ModuleType) -> None:
        """Run it, and import a part when it is asked for."""
        name = module.__name__

        def part(attribute: str) -> Any:
            if attribute in self.later:
                return importlib.import_module(f"{name}.{attribute}")
            raise AttributeError(f"module {name!r} has no attribute {attribute!r}")

        super().exec_module(module)
        vars(module).setdefault("__getattr__", part)
        vars(module).setdefault("__dir__", lambda: sorted({*vars(module), *self.later}))


def _are_parts(node: ast.ImportFrom) -> bool:
    return node.level == 1 and node.module is None and all(alias.asname is None for alias in node.names)
