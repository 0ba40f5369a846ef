"""Snake and camel case, labels, and pydantic's complaints in the user's words."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from mlrun_operator.api.objects import Object
from mlrun_operator.sdk.errors import InvalidArgument

M = TypeVar("M", bound=BaseModel)

# Maps whose names are the user's own, wherever they stand.
_USERS_OWN: Final = frozenset({"matchLabels", "labels", "annotations", "limits", "requests", "nodeSelector", "data"})
_LABEL_KEY: Final = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def snake(name: str) -> str:
    """`nodeSelector` and `node_selector` → `node_selector`.

    >>> snake("nodeSelector"), snake("node_selector")
    ('node_selector', 'node_selector')
    """
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def camel(name: str) -> str:
    """`node_selector` → `nodeSelector`; a name without underscores stays.

    >>> camel("node_selector"), camel("nodeSelector")
    ('nodeSelector', 'nodeSelector')
    """
    return to_camel(name) if "_" in name.strip("_") else name


def camelized(value: Any) -> Any:
    """A Kubernetes object written in snake or camel case, in camel case; maps with the user's own names stay."""
    if isinstance(value, Mapping):
        return {
            camel(str(name)): dict(member) if _own(name, member) else camelized(member)
            for name, member in value.items()
            if member is not None
        }
    if isinstance(value, list | tuple):
        return [camelized(member) for member in value]
    return value


def _own(name: Any, member: Any) -> bool:
    return camel(str(name)) in _USERS_OWN and isinstance(member, Mapping)


def snaked(arguments: Mapping[str, Any], known: Iterable[str], what: str) -> Object:
    """Keyword arguments by their snake-case names, None left out. Raises InvalidArgument for one that is not known."""
    names = set(known)
    found: Object = {}
    for written, value in arguments.items():
        name = snake(str(written))
        if name not in names:
            raise InvalidArgument(str(written), f"is no argument of {what}", hint=suggestion(name, names))
        if name in found:
            raise InvalidArgument(written, f"is given twice, as {name} too")
        if value is not None:
            found[name] = value
    return found


def suggestion(name: str, known: Iterable[str]) -> str:
    """`Did you mean …?` where something is near."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"Did you mean {near[0]}?" if near else ""


def mapping(value: Any, field: str) -> Mapping[str, Any]:
    """The value where it is a map. Raises InvalidArgument."""
    if not isinstance(value, Mapping):
        raise InvalidArgument(field, f"must be a dictionary, not {_kind(value)}")
    return value


def sequence(value: Any, field: str) -> list[Any]:
    """The value as a list. Raises InvalidArgument for anything else, texts included."""
    if not isinstance(value, list | tuple | set | frozenset):
        raise InvalidArgument(field, f"must be a list, not {_kind(value)}")
    return list(value)


def json_value(value: Any, field: str) -> Any:
    """The value where JSON has it. Raises InvalidArgument that names the place of what JSON has not."""
    if isinstance(value, Mapping):
        return {str(name): json_value(each, f"{field}.{name}") for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(each, f"{field}.{index}") for index, each in enumerate(value)]
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
            raise InvalidArgument(field, f"{value} is no JSON number", hint="Pass a text, or leave it out.")
        return value
    if _has_items(value):
        hint = "Write .tolist() for a few numbers; put data into an input."
        raise InvalidArgument(field, f"{type(value).__name__} cannot travel in a run", hint=hint)
    if hasattr(value, "item") and callable(value.item):  # numpy's scalars
        return json_value(value.item(), field)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    hint = "Put data into an input."
    raise InvalidArgument(field, f"{type(value).__name__} cannot travel in a run", hint=hint)


def _has_items(value: Any) -> bool:
    """Whether it is an array or a series, also of one item; a scalar of numpy's has the shape ()."""
    return hasattr(value, "tolist") and tuple(getattr(value, "shape", ())) != ()


def log_hints(value: Any) -> list[Any]:
    """mlrun's log hints as JSON: texts, dictionaries, and its LogHint objects as dictionaries."""
    hints = [hint.dict(exclude_defaults=True) if _is_log_hint(hint) else hint for hint in sequence(value, "returns")]
    return [json_value(hint, f"returns.{index}") for index, hint in enumerate(hints)]


def _is_log_hint(hint: Any) -> bool:
    return hasattr(hint, "artifact_type") and callable(getattr(hint, "dict", None))


def _kind(value: Any) -> str:
    return f"{type(value).__name__} {value!r:.60}"


def validated(model: type[M], data: Any, renamed: Mapping[str, str] | None = None) -> M:
    """The model. Raises InvalidArgument with each field as the user calls it, and why it cannot be so."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise invalid(error, renamed or {}) from None


def invalid(error: ValidationError, renamed: Mapping[str, str]) -> InvalidArgument:
    """Pydantic's complaints as ours: the first one's field, all of them in the text."""
    told: dict[str, str] = {}
    for each in error.errors(include_url=False):
        told.setdefault(_place(each["loc"], renamed), _words(each["msg"], each.get("input"), each["type"]))
    first, *others = told.items()
    more = "".join(f"; {field}: {words}" if field else f"; {words}" for field, words in others)
    return InvalidArgument(first[0], first[1] + more)


def _place(loc: tuple[int | str, ...], renamed: Mapping[str, str]) -> str:
    # Names of union members are in pydantic's places, and mean nothing to users.
    parts = [part for part in loc if isinstance(part, int) or re.fullmatch(r"[\w./+-]+", part)]
    if not parts:
        return ""
    head = snake(str(parts[0]))
    return ".".join([renamed.get(head, head), *(str(part) for part in parts[1:])])


def _words(message: str, given: Any, kind: str) -> str:
    if kind == "extra_forbidden":
        return "is not known here"
    if kind == "missing":
        return "is missing"
    words = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return words if isinstance(given, Mapping | list) or kind == "value_error" else f"{words} (given: {given!r:.80})"


def labels(value: Any, field: str = "labels") -> dict[str, str]:
    """Labels of a Kubernetes object from a map, or from DigitalHub's list of `name`, `name:value` or `name=value`.

    >>> labels(["experimental", "team:blue"])
    {'experimental': '', 'team': 'blue'}
    """
    if isinstance(value, Mapping):
        pairs = [(str(name), _text(each)) for name, each in value.items()]
    else:
        pairs = [_pair(str(entry)) for entry in sequence(value, field)]
    for name, each in pairs:
        if not _LABEL_KEY.fullmatch(name):
            raise InvalidArgument(f"{field}.{name}", "is no name of a Kubernetes label")
        if not _LABEL_VALUE.fullmatch(each):
            raise InvalidArgument(f"{field}.{name}", f"{each!r} is no value of a Kubernetes label (63 characters)")
    return dict(pairs)


def _pair(entry: str) -> tuple[str, str]:
    match = re.fullmatch(r"([^:=]+)[:=]\s*(.*)", entry)
    return (match[1].strip(), match[2]) if match else (entry, "")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
