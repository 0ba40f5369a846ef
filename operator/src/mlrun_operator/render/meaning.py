"""The meaning of a spec: the values that change an execution, in one spelling, as the models' fields declare.

The spec comes from the API server and may be invalid in any way, so nothing here validates or raises. A value that does
not have the type of its field is compared as written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic.fields import FieldInfo

from mlrun_operator.api.base import HashMark, Model
from mlrun_operator.api.values.quantities import Quantity

_EMPTY: Final[tuple[object, ...]] = ({}, [], "")


@dataclass(frozen=True)
class Shape:
    """The marks of a field or an element, and the shapes of the values inside it."""

    marks: frozenset[HashMark] = frozenset()
    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    values: "Shape | None" = None
    items: "Shape | None" = None

    @property
    def starts_nothing(self) -> bool:
        """Return whether a change of the field never starts a new execution."""
        return HashMark.STARTS_NOTHING in self.marks


@cache
def shape_of(model: type[Model]) -> Shape:
    """Return the shape of a model, with its fields by their names on the wire."""
    return Shape(fields={info.alias or name: _field_shape(info) for name, info in model.model_fields.items()})


def meaning(value: Any, shape: Shape) -> Any:
    """Return the value in one spelling, without the fields that do not change an execution."""
    if HashMark.AS_WRITTEN in shape.marks:
        return value
    if isinstance(value, dict):
        return _map_meaning(value, shape)
    if isinstance(value, list) and shape.items is not None:
        return [meaning(item, shape.items) for item in value]
    return _quantity_meaning(value) if HashMark.QUANTITY in shape.marks else value


def _map_meaning(value: dict[str, Any], shape: Shape) -> dict[str, Any]:
    if shape.values is not None and value.keys().isdisjoint(shape.fields):
        return {key: meaning(member, shape.values) for key, member in value.items()}
    return dict(_meanings(value, shape.fields))


def _meanings(value: dict[str, Any], fields: Mapping[str, Shape]) -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        shape = fields.get(name)
        if shape is None:
            yield name, member
        elif not shape.starts_nothing:
            member_meaning = meaning(member, shape)
            if not _is_absent(member_meaning, shape):
                yield name, member_meaning


def _is_absent(value: Any, shape: Shape) -> bool:
    return value is None or (HashMark.EMPTY_IS_ABSENT in shape.marks and value in _EMPTY)


def _quantity_meaning(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return value
    try:
        return str(Quantity.parse(value))
    except ValueError:
        return value


def _field_shape(info: FieldInfo) -> Shape:
    return _with_marks(_type_shape(info.annotation), _marks(info.metadata))


def _type_shape(annotation: Any) -> Shape:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return shape_of(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _with_marks(_type_shape(arguments[0]), _marks(arguments[1:]))
    if origin is dict:
        return Shape(values=_type_shape(arguments[1]))
    if origin is list:
        return Shape(items=_type_shape(arguments[0]))
    # Each alternative of a union adds its shape. A Literal and the plain types have no arguments that are shapes.
    return _union_shape([_type_shape(argument) for argument in arguments])


def _marks(metadata: Any) -> frozenset[HashMark]:
    return frozenset(item for item in metadata if isinstance(item, HashMark))


def _with_marks(shape: Shape, hash_marks: frozenset[HashMark]) -> Shape:
    return Shape(shape.marks | hash_marks, shape.fields, shape.values, shape.items)


def _union_shape(shapes: list[Shape]) -> Shape:
    return Shape(
        marks=frozenset[HashMark]().union(*(shape.marks for shape in shapes)),
        fields={name: field_ for shape in shapes for name, field_ in shape.fields.items()},
        values=next((shape.values for shape in shapes if shape.values is not None), None),
        items=next((shape.items for shape in shapes if shape.items is not None), None),
    )
