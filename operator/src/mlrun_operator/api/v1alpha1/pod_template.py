"""The outer shape of a `podTemplate`: what the API server cannot check of a field that takes anything."""

from typing import Any, Final

Template = dict[str, Any]
_LISTS: Final = ("containers", "initContainers", "volumes")


def checked_template(template: Template) -> Template:
    """The template. Raises ValueError that names the part that cannot be one."""
    unknown = sorted(set(template) - {"metadata", "spec"})
    if unknown:
        raise ValueError(f"a pod template has metadata and spec, not {', '.join(unknown)}")
    metadata, spec = _map(template, "metadata"), _map(template, "spec")
    for kind in ("labels", "annotations"):
        for name, value in _map(metadata, kind).items():
            if not isinstance(value, str):
                raise ValueError(f"metadata.{kind}.{name}: {value!r} is not a text; put it in quotes")  # noqa: TRY004 - as below
    for kind in _LISTS:
        entries = spec.get(kind, [])
        if not isinstance(entries, list) or not all(
            isinstance(e, dict) and isinstance(e.get("name"), str) for e in entries
        ):
            raise ValueError(f"spec.{kind} is a list of objects that have a name")
    _map(spec, "securityContext")
    return template


def _map(parent: Template, name: str) -> Template:
    found = parent.get(name, {})
    if not isinstance(found, dict):
        raise ValueError(f"{name} is an object, not {found!r}")  # noqa: TRY004 - pydantic tells ValueErrors
    return found
