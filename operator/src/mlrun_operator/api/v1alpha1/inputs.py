"""The inputs of a run: for each parameter of the handler one input, a list or a map of inputs."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from mlrun_operator.api import bounds
from mlrun_operator.api.base import Model, TextForm
from mlrun_operator.api.nesting import is_deeper
from mlrun_operator.api.values.keys import Key

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# What the wrapper reads by URL. A path without a scheme is a mounted file.
SCHEMES: Final = ("http", "https", "s3", "file", "sql", "postgresql", "postgres")
# The maximum number of inputs, including the members of lists and maps. A status has room for as many.
MAX_INPUTS: Final = bounds.INPUTS.limit
_MAX_PARAMETER_DEPTH: Final = bounds.PARAMETER_DEPTH.limit

ParameterName = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class InputRef(Model):
    """One input: an entity of the store by its `key`, or any data by its `path`."""

    key: Annotated[str | None, TextForm(prefix="store://")] = Field(None, max_length=1024)
    path: Annotated[str | None, TextForm(other_prefix="store://")] = Field(None, min_length=1, max_length=2048)
    kind: Literal["table", "artifact", "model"] | None = None
    format: str | None = Field(None, min_length=1, max_length=32, pattern=r"^\.?[A-Za-z0-9]+(\.[A-Za-z0-9]+)*$")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.key is None) == (self.path is None):
            raise ValueError("an input has exactly one of key (store://…) and path (a URL or a mounted file)")
        if self.key is not None:
            Key.parse(self.key)
        return self


def _is_reference(value: Any) -> bool:
    """Return whether a value is a single input. Any other map contains inputs by the user's names."""
    return isinstance(value, InputRef) or (isinstance(value, dict) and not value.keys().isdisjoint(_FIELDS))


def _shape(value: Any) -> str:
    if _is_reference(value):
        return "reference"
    return "list" if isinstance(value, list) else "map" if isinstance(value, dict) else "text"


_FIELDS: Final = frozenset(InputRef.model_fields)
_BY_SHAPE: Final = Discriminator(_shape)

PathText = Annotated[str, StringConstraints(min_length=1, max_length=2048), Tag("text")]
Reference = Annotated[InputRef, Tag("reference")]

# As users write it. A map with a field name of InputRef is an InputRef, so maps cannot have members of those names.
Item = Annotated[PathText | Reference, _BY_SHAPE]
Input = Annotated[
    PathText
    | Reference
    | Annotated[list[Item], Field(min_length=1, max_length=MAX_INPUTS), Tag("list")]
    | Annotated[dict[ParameterName, Item], Field(min_length=1, max_length=MAX_INPUTS), Tag("map")],
    _BY_SHAPE,
]

# The long form, in the envelope.
ResolvedInput = Annotated[
    Reference | Annotated[list[InputRef], Tag("list")] | Annotated[dict[str, InputRef], Tag("map")], _BY_SHAPE
]


def input_ref(value: str | InputRef) -> InputRef:
    """Return one input in its long form. Raises ValueError for an invalid key."""
    if isinstance(value, InputRef):
        return value
    return InputRef(key=value) if value.startswith("store://") else InputRef(path=value)


def resolve(value: Input) -> ResolvedInput:
    """Return an input, a list or a map in its long form. Raises ValueError for an invalid key."""
    if isinstance(value, list):
        return [input_ref(item) for item in value]
    if isinstance(value, dict):
        return {name: input_ref(item) for name, item in value.items()}
    return input_ref(value)


def members(name: str, value: ResolvedInput) -> dict[str, InputRef]:
    """Return each single input by its name in logs and status, such as `x`, `x[0]` or `x[train]`."""
    base_name = parameter_name(name)
    if isinstance(value, InputRef):
        return {base_name: value}
    items = enumerate(value) if isinstance(value, list) else value.items()
    return {f"{base_name}[{member}]": ref for member, ref in items}


def parameter_name(name: str) -> str:
    """Return the handler's parameter in mlrun's `name: type`."""
    return name.partition(":")[0].strip()


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Raise ValueError for a value that is nested too deeply."""
    for name, value in parameters.items():
        if is_deeper(value, _MAX_PARAMETER_DEPTH + 1):  # a plain value is a level, too
            raise ValueError(f"{name!r} is nested deeper than {_MAX_PARAMETER_DEPTH} levels; put it into an input")


def check_inputs(inputs: dict[str, Input]) -> None:
    """Raise ValueError for too many inputs, two inputs for one parameter, an invalid key, or an unknown scheme."""
    names = Counter(parameter_name(name) for name in inputs)
    duplicates = sorted(name for name, count in names.items() if count > 1)
    if duplicates:
        raise ValueError(f"{duplicates[0]!r} is given twice")
    singles = {member: ref for name, value in inputs.items() for member, ref in members(name, resolve(value)).items()}
    for member, ref in singles.items():
        _check_scheme(member, ref.path or "")
    count = len(singles)
    if count > MAX_INPUTS:
        raise ValueError(
            f"{count} inputs, with the members of lists and maps, are more than {MAX_INPUTS}; read a folder instead"
        )


def _check_scheme(member: str, path: str) -> None:
    found = _SCHEME.match(path)
    if found is not None and (scheme := found[1]) not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise ValueError(f"{member}: {scheme[:32]}:// cannot be read; there are {known} and paths of mounted files")
