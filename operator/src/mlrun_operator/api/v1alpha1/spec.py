"""The base of the specs that users write: what holds for a spec as a whole."""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import model_validator

from mlrun_operator.api import bounds
from mlrun_operator.api.base import Model

# The only field of a spec that the operator cannot store: its value says why.
UNREADABLE: Final = "unreadable"


class Spec(Model):
    """A spec that is bounded as a whole, whatever its parts may have."""

    @model_validator(mode="before")
    @classmethod
    def _check_whole(cls, spec: Any) -> Any:
        if isinstance(spec, Mapping):
            if list(spec) == [UNREADABLE]:
                raise ValueError(str(spec[UNREADABLE]))
            check_spec_size(_json_bytes(spec))
        return spec


def check_spec_size(size: int) -> None:
    """Refuse a spec of more bytes as JSON than the operator keeps. Raises ValueError."""
    if size > bounds.SPEC.limit:
        raise ValueError(
            f"the spec has {size // bounds.KIB} KiB as JSON; the limit is {bounds.SPEC.limit // bounds.KIB} KiB. "
            "Move large parameters to inputs, and code to a repository or an archive."
        )


def _json_bytes(spec: Mapping[str, Any]) -> int:
    try:
        return len(json.dumps(spec, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace"))
    except RecursionError:
        return 0  # the depth of its parts has bounds of its own
