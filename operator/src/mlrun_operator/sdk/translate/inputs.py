"""A run's inputs and outputs: keys, paths, handles, DigitalHub's entity dictionaries, and lists and maps of them."""

from collections.abc import Callable, Mapping
from os import PathLike, fspath
from typing import Any, Final, Protocol, runtime_checkable

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.inputs import InputRef
from mlrun_operator.api.values.keys import NO_FEATURE_STORE
from mlrun_operator.sdk.errors import InvalidArgument
from mlrun_operator.sdk.translate.shapes import mapping, sequence, snake, validated

_ENTITY_MARKS: Final = ("spec", "metadata")
_OF_FEATURE_STORE: Final = ("FeatureVector", "FeatureSet", "OfflineVectorResponse")
_REFERENCE: Final = frozenset(InputRef.model_fields)

# Turns one input's text, a key or a path, into what the run carries.
Resolve = Callable[[str, str], Any]


@runtime_checkable
class Keyed(Protocol):
    """A handle of an entity."""

    @property
    def key(self) -> str:
        """Its key."""


def inputs(given: Any, resolve: Resolve) -> Object:
    """`{parameter: what it reads}` as the resource has it. `resolve` is asked for each key and path with its field."""
    return {str(name): _input(value, f"inputs.{name}", resolve) for name, value in mapping(given, "inputs").items()}


def _input(value: Any, field: str, resolve: Resolve) -> Any:
    if isinstance(value, list | tuple):
        return [_item(each, f"{field}.{index}", resolve) for index, each in enumerate(value)]
    if isinstance(value, Mapping) and not _is_one(value):
        return {str(name): _item(each, f"{field}.{name}", resolve) for name, each in value.items()}
    return _item(value, field, resolve)


def _is_one(value: Mapping[str, Any]) -> bool:
    names = {snake(str(name)) for name in value}
    return not names.isdisjoint(_REFERENCE) or set(_ENTITY_MARKS) <= names


def _item(value: Any, field: str, resolve: Resolve) -> Any:
    if isinstance(value, Mapping):
        return _reference(value, field, resolve)
    if isinstance(value, str | PathLike):
        return resolve(fspath(value), field)
    if isinstance(value, Keyed):
        return resolve(value.key, field)
    if type(value).__name__ in _OF_FEATURE_STORE:
        raise InvalidArgument(field, f"a {type(value).__name__} is in {NO_FEATURE_STORE}")
    raise InvalidArgument(field, f"must be a key, a path or a dataitem, not {type(value).__name__} {value!r:.60}")


def _reference(value: Mapping[str, Any], field: str, resolve: Resolve) -> Any:
    if set(_ENTITY_MARKS) <= set(value):  # an entity as DigitalHub's to_dict has it
        spec = mapping(value["spec"], f"{field}.spec")
        if value.get("key"):
            return resolve(str(value["key"]), field)
        return resolve(str(spec.get("path") or ""), field)
    found = {snake(str(name)): each for name, each in value.items() if each is not None}
    for part in ("key", "path"):
        if isinstance(found.get(part), str | PathLike):
            resolved = resolve(fspath(found.pop(part)), f"{field}.{part}")
            found = {**(_as_reference(resolved) if isinstance(resolved, str) else resolved), **found}
    try:
        return validated(InputRef, found).wire()
    except InvalidArgument as error:
        raise error.within(field) from None


def _as_reference(text: str) -> Object:
    return {"key" if text.startswith("store://") else "path": text}


def outputs(given: Any) -> Object:
    """`{what the handler makes: what it is called}`; a list keeps the names.

    >>> outputs(["dataset"])
    {'dataset': 'dataset'}
    """
    if isinstance(given, Mapping):
        return {
            str(name): dict(value) if isinstance(value, Mapping) else _name(value, f"outputs.{name}")
            for name, value in given.items()
        }
    return {_name(entry, "outputs"): _name(entry, "outputs") for entry in sequence(given, "outputs")}


def _name(value: Any, field: str) -> str:
    if isinstance(value, Keyed):  # DigitalHub also took an entity to name an output
        return value.key.rpartition("/")[2].partition(":")[0]
    if not isinstance(value, str):
        raise InvalidArgument(field, f"must be a name, not {value!r:.60}")
    return value
