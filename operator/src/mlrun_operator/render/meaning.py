"""The meaning of a spec: the values that change an execution, in one spelling, as the models' fields declare.

The spec comes from the API server and may be invalid in any way, so nothing here validates or raises. A value that does
not have the type of its field is compared as written.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic.fields import FieldInfo

from mlrun_operator.api.base import HashMark, Model, TextForm
from mlrun_operator.api.values.quantities import Quantity

_EMPTY: Final[tuple[object, ...]] = ({}, [], "")


@dataclass(frozen=True)
class Shape:
    """The marks of a field or an element, and the shapes of the values inside it."""

    marks: frozenset[HashMark] = frozenset()
    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    values: "Shape | None" = None
    items: "Shape | None" = None
    text_form: TextForm | None = None

    @property
    def starts_nothing(self) -> bool:
        """Return whether a change of the field never starts a new execution."""
        return HashMark.STARTS_NOTHING in self.marks


@cache
def shape_of(model: type[Model]) -> Shape:
    """Return the shape of a model, with its fields by their names on the wire."""
    return Shape(fields={info.alias or name: _field_shape(info) for name, info in model.model_fields.items()})


def as_spelled(shape: Shape) -> Shape:
    """Return the shape by which `false` and the long forms of texts are compared as they are written."""
    return Shape(
        shape.marks - {HashMark.FALSE_IS_ABSENT},
        {name: as_spelled(part) for name, part in shape.fields.items()},
        as_spelled(shape.values) if shape.values else None,
        as_spelled(shape.items) if shape.items else None,
    )


def meaning(value: Any, shape: Shape) -> Any:
    """Return the value in one spelling, without the fields that do not change an execution."""
    if HashMark.AS_WRITTEN in shape.marks:
        return value
    if isinstance(value, dict):
        return _map_meaning(value, shape)
    if isinstance(value, list) and shape.items is not None:
        return [meaning(item, shape.items) for item in value]
    return _quantity_meaning(value) if HashMark.QUANTITY in shape.marks else value


def _map_meaning(value: dict[str, Any], shape: Shape) -> Any:
    if shape.values is not None and value.keys().isdisjoint(shape.fields):
        return {key: meaning(member, shape.values) for key, member in value.items()}
    return _text_or_map(dict(_meanings(value, shape.fields)), shape.fields)


def _text_or_map(value: dict[str, Any], fields: Mapping[str, Shape]) -> Any:
    """Return the text that means the same as the map, if there is one."""
    name = next(iter(value), "")
    text_form = fields[name].text_form if len(value) == 1 and name in fields else None
    return value[name] if text_form is not None and text_form.fits(value[name]) else value


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
    if value is None or (HashMark.EMPTY_IS_ABSENT in shape.marks and value in _EMPTY):
        return True
    return HashMark.FALSE_IS_ABSENT in shape.marks and value is False


def _quantity_meaning(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return value
    try:
        return str(Quantity.parse(value))
    except ValueError:
        return value


def _field_shape(info: FieldInfo) -> Shape:
    return _with_marks(_type_shape(info.annotation), info.metadata)


def _type_shape(annotation: Any) -> Shape:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return shape_of(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _with_marks(_type_shape(arguments[0]), arguments[1:])
    if origin is dict:
        return Shape(values=_type_shape(arguments[1]))
    if origin is list:
        return Shape(items=_type_shape(arguments[0]))
    # Each alternative of a union adds its shape. A Literal and the plain types have no arguments that are shapes.
    return _union_shape([_type_shape(argument) for argument in arguments])


def _with_marks(shape: Shape, metadata: Iterable[Any]) -> Shape:
    """Return the shape with the marks that stand in a field's or a type's metadata."""
    metadata = tuple(metadata)
    hash_marks = shape.marks | {item for item in metadata if isinstance(item, HashMark)}
    text_form = next((item for item in metadata if isinstance(item, TextForm)), shape.text_form)
    return replace(shape, marks=hash_marks, text_form=text_form)


def _union_shape(shapes: list[Shape]) -> Shape:
    return Shape(
        marks=frozenset[HashMark]().union(*(shape.marks for shape in shapes)),
        fields={name: field_ for shape in shapes for name, field_ in shape.fields.items()},
        values=next((shape.values for shape in shapes if shape.values is not None), None),
        items=next((shape.items for shape in shapes if shape.items is not None), None),
    )
