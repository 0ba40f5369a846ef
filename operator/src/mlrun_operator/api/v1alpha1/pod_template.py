"""The check of a `podTemplate`, which the API server accepts with any content."""

from typing import Any, Final

from mlrun_operator.api.v1alpha1.pod_types import checked

Template = dict[str, Any]
_PARTS: Final = {"metadata": "ObjectMeta", "spec": "PodSpec"}


def checked_template(template: Template) -> Template:
    """Return the template without fields that are null. Raises ValueError that names each invalid field."""
    unknown = sorted(set(template) - set(_PARTS))
    if unknown:
        raise ValueError(f"a pod template has metadata and spec, not {', '.join(unknown)}")
    parts = {name: value for name, value in template.items() if value is not None}
    return {name: checked(value, _PARTS[name], name, is_partial=True) for name, value in parts.items()}
