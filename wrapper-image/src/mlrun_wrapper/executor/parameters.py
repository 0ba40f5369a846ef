"""Do the run's parameters and inputs fit the handler? Asked before any input is fetched."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

from .failure import InvalidRunError

# Arguments of mlrun's own run_function, which the platform this one succeeds passed on.
RESERVED = ("inputs", "params", "hyperparams", "hyper_param_options", "selector", "returns")
# The parameter whose value the class of a `Class::method` is made with, as in mlrun.
INIT_ARGS = "_init_args"
# YAML reads y, yes and on as true, n, no and off as false, in a map's names too.
_YAML_BOOLEANS = ("true", "false")
_INT = re.compile(r"\bint\b")
# Of **kwargs, what says nothing about an input: objects, and the texts of annotations from the future.
_NO_HINTS = (inspect.Parameter.empty, Any, object)
_NO_HINT_TEXTS = ("Any", "typing.Any", "object")
_CONTEXT_USERS = ("get_or_create_ctx", "get_current_context")


def check(handler: Callable[..., Any], source: str, parameters: Iterable[str], inputs: Iterable[str]) -> list[str]:
    """Warnings about names that are perhaps not used. Raises InvalidRunError where the call cannot work."""
    parameters, inputs = list(parameters), [name.split(":")[0].strip() for name in inputs]
    if _is_method(handler):
        parameters = [name for name in parameters if name != INIT_ARGS]
    both = sorted(set(parameters) & set(inputs))
    if both:
        raise InvalidRunError(f"{both[0]!r} is both an input and a parameter; keep one of them")
    declared = _declared(handler)
    if declared is None:
        return []
    names = [p.name for p in declared if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    for name in RESERVED:
        if name in parameters and name not in names:
            raise InvalidRunError(
                f"parameters.{name} is an argument of mlrun's run_function, which is not supported here"
            )
    given = parameters + inputs
    _check_missing(handler, declared, given)
    if any(p.kind is p.VAR_KEYWORD for p in declared):
        return []
    unknown = [name for name in given if name not in names or name == "context"]
    usable = [name for name in names if name != "context"]
    if not unknown:
        return []
    if "context" in names or any(user in source for user in _CONTEXT_USERS):
        return [_sentence(handler, name, usable) for name in unknown if not is_named(name, source)]
    raise InvalidRunError(_sentence(handler, unknown[0], usable))


def with_hinted_floats(handler: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters, whole numbers as floats where the handler takes a float: Kubernetes stores 1.0 as 1."""
    floats = {parameter.name for parameter in _declared(handler) or () if _is_float(parameter)}
    return {name: _as_float(value) if name in floats else value for name, value in parameters.items()}


def says_nothing(hint: Any) -> bool:
    """Return whether the hint says nothing about an input.

    A hint may be any object, such as a Series, whose comparison is not one truth value.
    """
    return any(hint is each for each in _NO_HINTS) or (isinstance(hint, str) and hint in _NO_HINT_TEXTS)


def _is_float(parameter: inspect.Parameter) -> bool:
    """Whether its hint is float, or its default is one and its hint names no int."""
    hint = parameter.annotation
    if hint is float or (isinstance(hint, str) and hint == "float"):
        return True
    words = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    return isinstance(parameter.default, float) and not _INT.search(words)


def _as_float(value: Any) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:
        return value


def _is_method(handler: Callable[..., Any]) -> bool:
    """Whether it is a method that `find` wrapped; what the user's own code takes is then beside it."""
    return hasattr(handler, "own_signature")


def _declared(handler: Callable[..., Any]) -> list[inspect.Parameter] | None:
    try:
        signature = getattr(handler, "own_signature", None) or inspect.signature(handler)
        return list(signature.parameters.values())
    except (TypeError, ValueError):
        return None


def _check_missing(handler: Callable[..., Any], declared: list[inspect.Parameter], given: list[str]) -> None:
    for parameter in declared:
        if parameter.kind is parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
            name = getattr(handler, "__name__", "the handler")
            raise InvalidRunError(f"{name} takes {parameter.name!r} by position only, and mlrun gives all by name")
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            continue
        if parameter.default is parameter.empty and parameter.name not in (*given, "context"):
            near = difflib.get_close_matches(parameter.name, given, n=1)
            hint = f"; {near[0]!r} was given, is it meant?" if near else ""
            name = getattr(handler, "__name__", "the handler")
            raise InvalidRunError(f"{name} needs {parameter.name!r}, which is neither an input nor a parameter{hint}")


def is_named(name: str, source: str) -> bool:
    """Whether the source holds the name as a text, as `context.get_param("name")` does."""
    return f'"{name}"' in source or f"'{name}'" in source


def _sentence(handler: Callable[..., Any], name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(known) if known else 'none'}"
    if name in _YAML_BOOLEANS:
        hint += " " if hint.endswith("?") else "; "
        hint += "YAML reads y, yes, on, n, no and off as true and false, so put such a name in quotes"
    return f"{getattr(handler, '__name__', 'the handler')} has no parameter {name!r}; {hint}"
