"""What a run reads: one input, a list of them or a map of them for each of the handler's parameters."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from mlrun_operator.api.base import Model
from mlrun_operator.api.values.keys import Key

# Inputs of one run, the members of lists and maps counted: as many as its status can tell of.
MAX_INPUTS: Final = 256

ParameterName = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class InputRef(Model):
    """One input: an entity of the store by `key`, or anything by `path`."""

    key: str | None = Field(None, max_length=1024)
    path: str | None = Field(None, min_length=1, max_length=2048)
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
    """Whether a mapping is one input; any other is a map of inputs by the user's names."""
    return isinstance(value, InputRef) or (isinstance(value, dict) and not value.keys().isdisjoint(_FIELDS))


def _shape(value: Any) -> str:
    if _is_reference(value):
        return "reference"
    return "list" if isinstance(value, list) else "map" if isinstance(value, dict) else "text"


_FIELDS: Final = frozenset(InputRef.model_fields)
_WRITTEN: Final = Discriminator(_shape)

PathText = Annotated[str, StringConstraints(min_length=1, max_length=2048), Tag("text")]
Reference = Annotated[InputRef, Tag("reference")]

# As users write it. A mapping that has one of an InputRef's fields is one, so a map cannot have members of those names.
Item = Annotated[PathText | Reference, _WRITTEN]
Input = Annotated[
    PathText
    | Reference
    | Annotated[list[Item], Field(min_length=1, max_length=MAX_INPUTS), Tag("list")]
    | Annotated[dict[ParameterName, Item], Field(min_length=1, max_length=MAX_INPUTS), Tag("map")],
    _WRITTEN,
]

# The long form, in the envelope.
ResolvedInput = Annotated[
    Reference | Annotated[list[InputRef], Tag("list")] | Annotated[dict[str, InputRef], Tag("map")], _WRITTEN
]


def input_ref(value: str | InputRef) -> InputRef:
    """One input in its long form. Raises ValueError for a text that starts as a key and is none."""
    if isinstance(value, InputRef):
        return value
    return InputRef(key=value) if value.startswith("store://") else InputRef(path=value)


def resolve(value: Input) -> ResolvedInput:
    """An input, a list or a map in its long form. Raises ValueError as `input_ref`."""
    if isinstance(value, list):
        return [input_ref(item) for item in value]
    if isinstance(value, dict):
        return {name: input_ref(item) for name, item in value.items()}
    return input_ref(value)


def members(name: str, value: ResolvedInput) -> dict[str, InputRef]:
    """Each single input by the name that logs and status use: `x`, `x[0]`, `x[train]`; without mlrun's type hint."""
    plain = parameter_name(name)
    if isinstance(value, InputRef):
        return {plain: value}
    items = enumerate(value) if isinstance(value, list) else value.items()
    return {f"{plain}[{member}]": ref for member, ref in items}


def parameter_name(name: str) -> str:
    """The handler's parameter in mlrun's `name: type`."""
    return name.partition(":")[0].strip()


def check_inputs(inputs: dict[str, Input]) -> None:
    """Raise ValueError where there are too many, two for one parameter, or a text that starts as a key and is none."""
    names = [parameter_name(name) for name in inputs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{twice[0]!r} is given twice")
    count = sum(len(members(name, resolve(value))) for name, value in inputs.items())
    if count > MAX_INPUTS:
        raise ValueError(f"{count} inputs, lists and maps counted, are more than {MAX_INPUTS}; read a folder instead")
