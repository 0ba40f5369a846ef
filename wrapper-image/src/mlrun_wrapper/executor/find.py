"""Find what is called in the user's module: a function, or a method of an object that is made for the run."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import mlrun.package

from .failure import InvalidRunError
from .parameters import INIT_ARGS


def find_handler(module: ModuleType, name: str) -> Callable[..., Any]:
    """The function, or for `Class::method` a function that makes the object and calls its method.

    Raises InvalidRunError with the nearest name where there is none.
    """
    owner, double, method = name.partition("::")
    if double:
        cls = _attribute(module, owner, _classes(module), "class")
        if not inspect.isclass(cls):
            raise InvalidRunError(f"{owner!r} is a {type(cls).__name__}, not a class")
        return _method(cls, method)
    found = _attribute(module, name, _functions(module), "handler")
    file = Path(module.__file__ or "").name
    if not callable(found):
        raise InvalidRunError(f"{name!r} in {file} is a {type(found).__name__}, not a function")
    if inspect.isclass(found):
        raise InvalidRunError(f"{name!r} in {file} is a class; name one of its methods by {name}::method")
    return found  # type: ignore[no-any-return]


def decorated_outputs(handler: Callable[..., Any]) -> list[Any] | None:
    """The `outputs` of mlrun's decorator on the handler; None where it has none."""
    inner: Any = handler
    while inner is not None:
        code = getattr(inner, "__code__", None)
        if code is not None and code.co_filename == mlrun.package.__file__:
            outputs = inspect.getclosurevars(inner).nonlocals.get("outputs")
            if outputs:
                return list(outputs)
        inner = getattr(inner, "__wrapped__", None)
    return None


def _attribute(module: ModuleType, name: str, known: list[str], what: str) -> Any:
    found = getattr(module, name, None)
    if found is None:
        file = Path(module.__file__ or "").name
        raise InvalidRunError(f"{file} has no {what} {name!r}{_hint(name, known, what)}")
    return found


def _method(cls: Any, name: str) -> Callable[..., Any]:
    """Makes the object as mlrun does: with the parameter `_init_args`, and the context where it takes one."""
    method = getattr(cls, name, None)
    if not callable(method):
        known = [each for each, value in vars(cls).items() if callable(value) and not each.startswith("_")]
        raise InvalidRunError(f"the class {cls.__name__} has no method {name!r}{_hint(name, known, 'method')}")
    own = inspect.signature(method)
    if isinstance(inspect.getattr_static(cls, name), FunctionType):
        own = own.replace(parameters=list(own.parameters.values())[1:])

    @functools.wraps(method)
    def call(*args: Any, context: Any, **given: Any) -> Any:
        arguments = dict(context.parameters.get(INIT_ARGS) or {})
        if _takes_context(cls):
            arguments.setdefault("context", context)
        if "context" in own.parameters:
            given["context"] = context
        if INIT_ARGS not in own.parameters:
            given.pop(INIT_ARGS, None)
        return getattr(cls(**arguments), name)(*args, **given)

    call.own_signature = own  # type: ignore[attr-defined]
    call.__signature__ = _with_context(own)  # type: ignore[attr-defined]
    return call


def _takes_context(cls: type) -> bool:
    parameters = inspect.signature(cls).parameters.values()
    return any(p.name == "context" or p.kind is p.VAR_KEYWORD for p in parameters)


def _with_context(own: inspect.Signature) -> inspect.Signature:
    """mlrun gives the context to whatever has a parameter of that name."""
    others = [p for p in own.parameters.values() if p.name != "context"]
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY)
    place = next((i for i, p in enumerate(others) if p.kind is p.VAR_KEYWORD), len(others))
    return own.replace(parameters=[*others[:place], context, *others[place:]])


def _functions(module: ModuleType) -> list[str]:
    return [name for name in _own(module) if not inspect.isclass(getattr(module, name))]


def _classes(module: ModuleType) -> list[str]:
    return [name for name in _own(module) if inspect.isclass(getattr(module, name))]


def _own(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def _hint(name: str, known: list[str], what: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    kind = "function" if what == "handler" else what
    return f"; it defines {', '.join(sorted(known))}" if known else f"; it defines no {kind}"
