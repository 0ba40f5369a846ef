"""The common behaviour of our models, and the marks by which their fields tell the execution hash how to read them."""

from enum import Enum, auto
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """Frozen, camelCase on the wire, unknown fields refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    def wire(self) -> dict[str, object]:
        """The JSON object as Kubernetes sees it: camelCase, what was not said stays absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class HashMark(Enum):
    """Tell how the execution hash reads a field.

    A field without a mark is the safe case: every change of it starts a new execution, and only null is the same as
    absent. A forgotten mark therefore never makes the operator ignore an edit. A test asks each list, map and object
    for a mark, since people and tools write those empty.
    """

    STARTS_NOTHING = auto()
    EMPTY_IS_ABSENT = auto()
    EMPTY_COUNTS = auto()
    AS_WRITTEN = auto()
    QUANTITY = auto()


T = TypeVar("T")
# A change starts nothing: the field steers, limits or describes an execution, or a schedule of them.
StartsNothing = Annotated[T, HashMark.STARTS_NOTHING]
# `[]`, `{}` and `""` mean the same as no value.
EmptyIsAbsent = Annotated[T, HashMark.EMPTY_IS_ABSENT]
# `[]` and `{}` say something that no value does not say.
EmptyCounts = Annotated[T, HashMark.EMPTY_COUNTS]
# Values in it are the user's own or Kubernetes': also null, empty and respelled values in it are different values.
AsWritten = Annotated[T, HashMark.AS_WRITTEN]
