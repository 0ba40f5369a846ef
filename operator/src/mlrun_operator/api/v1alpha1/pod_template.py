"""The check of a `podTemplate`, which the API server accepts with any content."""

from typing import Any, Final

Template = dict[str, Any]
_LISTS: Final = ("containers", "initContainers", "volumes")


def checked_template(template: Template) -> Template:
    """Return the template unchanged. Raises ValueError that names an invalid field."""
    unknown = sorted(set(template) - {"metadata", "spec"})
    if unknown:
        raise ValueError(f"a pod template has metadata and spec, not {', '.join(unknown)}")
    metadata, spec = _map(template, "metadata"), _map(template, "spec")
    for kind in ("labels", "annotations"):
        for name, value in _map(metadata, kind).items():
            if not isinstance(value, str):
                raise ValueError(f"metadata.{kind}.{name}: {value!r} is not a string; put it in quotes")  # noqa: TRY004 - as below
    for kind in _LISTS:
        entries = spec.get(kind, [])
        if not isinstance(entries, list) or not all(
            isinstance(e, dict) and isinstance(e.get("name"), str) for e in entries
        ):
            raise ValueError(f"spec.{kind} must be a list of objects that have a name")
    _map(spec, "securityContext")
    return template


def _map(parent: Template, name: str) -> Template:
    value = parent.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object, not {value!r}")  # noqa: TRY004 - pydantic reports only ValueError
    return value
