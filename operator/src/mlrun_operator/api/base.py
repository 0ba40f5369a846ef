"""The base class of our models, and the marks that tell the execution hash how to read their fields."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A frozen model with camelCase names in JSON, which refuses unknown fields."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    def wire(self) -> dict[str, object]:
        """Return the JSON object that Kubernetes stores: names in camelCase, without unset fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class HashMark(Enum):
    """How the execution hash reads a field.

    Every change of a field without a mark starts a new execution, and only null is the same as absent. So a forgotten
    mark never makes the operator ignore an edit. A test requires a mark for each list, map and object, since people and
    tools write empty ones.
    """

    STARTS_NOTHING = auto()
    EMPTY_IS_ABSENT = auto()
    EMPTY_COUNTS = auto()
    FALSE_IS_ABSENT = auto()
    AS_WRITTEN = auto()
    QUANTITY = auto()


@dataclass(frozen=True, slots=True)
class TextForm:
    """A mark: a map with this field alone means the same as the field's text.

    The text begins with `prefix`, and not with `other_prefix`, which has a meaning of its own.
    """

    prefix: str = ""
    other_prefix: str | None = None

    def fits(self, value: object) -> bool:
        """Return whether the value can be written instead of its map."""
        if not isinstance(value, str) or not value.startswith(self.prefix):
            return False
        return self.other_prefix is None or not value.startswith(self.other_prefix)


T = TypeVar("T")
# A change starts nothing: the field controls, limits or describes an execution or a schedule.
StartsNothing = Annotated[T, HashMark.STARTS_NOTHING]
# `[]`, `{}` and `""` mean the same as an absent field.
EmptyIsAbsent = Annotated[T, HashMark.EMPTY_IS_ABSENT]
# `[]` and `{}` differ from an absent field.
EmptyCounts = Annotated[T, HashMark.EMPTY_COUNTS]
# `false` means the same as an absent field.
FalseIsAbsent = Annotated[T, HashMark.FALSE_IS_ABSENT]
# The values are defined by the user or by Kubernetes. Null, empty or differently spelled values in it are changes.
AsWritten = Annotated[T, HashMark.AS_WRITTEN]
