"""Reads a spec for its meaning: what changes an execution, in one spelling, as the models' fields declare it.

The spec is what the API server holds. It may be invalid in any way, so nothing here validates or raises: a value that
does not have its field's type counts as it is written.
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
    """The marks of a field, or of an element, and the shapes of what it may hold."""

    marks: frozenset[HashMark] = frozenset()
    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    values: "Shape | None" = None
    items: "Shape | None" = None

    @property
    def starts_nothing(self) -> bool:
        """Whether no change of the field starts a new execution."""
        return HashMark.STARTS_NOTHING in self.marks


@cache
def shape_of(model: type[Model]) -> Shape:
    """Return the shape of a model, its fields by their names on the wire."""
    return Shape(fields={info.alias or name: _field_shape(info) for name, info in model.model_fields.items()})


def meaning(value: Any, shape: Shape) -> Any:
    """Return a value without what does not change an execution, each part in its one spelling."""
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
            part = meaning(member, shape)
            if not _is_absent(part, shape):
                yield name, part


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
    return _merged(_type_shape(info.annotation), _marks(info.metadata))


def _type_shape(annotation: Any) -> Shape:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return shape_of(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _merged(_type_shape(arguments[0]), _marks(arguments[1:]))
    if origin is dict:
        return Shape(values=_type_shape(arguments[1]))
    if origin is list:
        return Shape(items=_type_shape(arguments[0]))
    # Of a union, each alternative adds its part; a Literal and the plain types have no parts.
    return _united([_type_shape(argument) for argument in arguments])


def _marks(metadata: Any) -> frozenset[HashMark]:
    return frozenset(mark for mark in metadata if isinstance(mark, HashMark))


def _merged(shape: Shape, marks: frozenset[HashMark]) -> Shape:
    return Shape(shape.marks | marks, shape.fields, shape.values, shape.items)


def _united(shapes: list[Shape]) -> Shape:
    return Shape(
        marks=frozenset(mark for shape in shapes for mark in shape.marks),
        fields={name: part for shape in shapes for name, part in shape.fields.items()},
        values=next((shape.values for shape in shapes if shape.values is not None), None),
        items=next((shape.items for shape in shapes if shape.items is not None), None),
    )
