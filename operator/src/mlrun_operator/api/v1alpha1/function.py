"""`MlrunFunction.spec`: code, and how to call it."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from mlrun_operator.api import bounds
from mlrun_operator.api.base import EmptyCounts, EmptyIsAbsent, HashMark, StartsNothing
from mlrun_operator.api.cel import ANYTHING, cel
from mlrun_operator.api.nesting import is_deeper
from mlrun_operator.api.rules import Rule, checked, validations
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_operator.api.v1alpha1.spec import Spec
from mlrun_operator.api.values.handlers import HANDLER_RULES
from mlrun_operator.api.values.requirements import Requirement

# DigitalHub's pattern. Names are directories in the store, so `.` and `..` are not allowed. The maximum length is less
# than DigitalHub's 256, because names also become label values.
_SLUG: Final = r"^\.*[a-zA-Z0-9_+-][a-zA-Z0-9._+-]*$"
EntityName = Annotated[str, StringConstraints(pattern=_SLUG, min_length=1, max_length=128)]
ProjectName = Annotated[str, StringConstraints(pattern=_SLUG, min_length=1, max_length=63)]
Uuid4 = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", max_length=36),
]
IMAGE_RULES: Final = (
    Rule(
        "image: not an image reference, such as registry.example.org/team/image:1.2",
        must=r"^(\[[0-9a-fA-F:.]+\](:[0-9]+)?/)?[a-zA-Z0-9][a-zA-Z0-9._:@/-]*$",
        never=r"//|/$|:$|@$",
    ),
)
_HINT_TEXT: Final = re.compile(r"[^\s:]+(\s*:\s*[a-z]+(\s*\[.*\])?)?")
_MAX_HINT_TEXT: Final = 1024
_HINT_FIELDS: Final = ("key", "artifact_type")
_MAX_HINT_DEPTH: Final = bounds.FREE_FORM_DEPTH.limit


def check_log_hint(hint: str | dict[str, Any]) -> str | dict[str, Any]:
    """Return a log hint as it is. Raises ValueError for what cannot be one; the wrapper's mlrun judges the rest."""
    if isinstance(hint, str):
        if not _HINT_TEXT.fullmatch(hint) or len(hint) > _MAX_HINT_TEXT:
            shown = f"{hint[:60]}…" if len(hint) > 60 else hint
            raise ValueError(f"{shown!r} is not a log hint, such as df, df:dataset or df:dataset[format='csv']")
        return hint
    if not isinstance(hint.get("key"), str) or not hint["key"].strip():
        raise ValueError(f"a log hint needs a key: {{key: df, artifact_type: dataset}}{_without_space(hint)}")
    if is_deeper(hint, _MAX_HINT_DEPTH):
        raise ValueError(f"a log hint is nested deeper than {_MAX_HINT_DEPTH} levels")
    return hint


def _without_space(hint: dict[str, Any]) -> str:
    """Return what to do about the map that YAML makes of `df: dataset`; empty for any other map."""
    texts = [f"{key}:{type_}" for key, type_ in hint.items() if isinstance(type_, str) and key not in _HINT_FIELDS]
    if len(hint) != 1 or not texts or not _HINT_TEXT.fullmatch(texts[0]):
        return ""
    return f"; YAML takes a colon and a space for a map, so write {texts[0]:.60} without the space"


LogHint = Annotated[
    str | dict[str, Any], AfterValidator(check_log_hint), Field(json_schema_extra=ANYTHING), HashMark.AS_WRITTEN
]


class FunctionSpec(Spec):
    """A function of kind `mlrun`: its code, and how to call it."""

    name: EntityName | None = Field(
        None, description="Original name of the function, if it is not a valid Kubernetes name. Default: metadata.name."
    )
    project: ProjectName | None = Field(None, description="Project of the function. Default: the namespace.")
    uuid: Uuid4 | None = Field(
        None,
        description="UUID v4 of the function as an entity. Default: metadata.uid.",
        json_schema_extra=cel("self == oldSelf", "uuid cannot be changed"),
    )
    description: StartsNothing[str | None] = Field(None, max_length=4096, description="Description of the function.")
    git_source: StartsNothing[str | None] = Field(
        None,
        max_length=2048,
        description="Repository in which the code is maintained. It is displayed and written to project exports.",
    )
    embedded: StartsNothing[bool | None] = Field(
        None, description="Whether project exports contain the whole function (default) or only its key."
    )
    source: EmptyCounts[Source] = Field(description="Location of the code: exactly one of source, code and base64.")
    handler: str | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="Function to call, Class::method, or either after package.module:. Without a handler, the file "
        "runs as a script.",
        json_schema_extra=validations(HANDLER_RULES),
    )
    requirements: EmptyIsAbsent[list[Requirement] | None] = Field(
        None,
        max_length=64,
        description="Packages to install with pip before the code is loaded: requirements, or -r and a file of the "
        "source.",
    )
    image: str | None = Field(
        None,
        max_length=512,
        description="Container image with Python and mlrun. mlrun/mlrun, with any tag, means the operator's own image.",
        json_schema_extra=validations(IMAGE_RULES),
    )
    tag: str | None = Field(None, max_length=128, description="Tag of the function in mlrun. It is not an image tag.")
    returns: EmptyIsAbsent[list[LogHint] | None] = Field(
        None,
        max_length=64,
        description="mlrun's log hints for the returned values, in order: name[:type[options]], or {key, …}.",
    )
    max_concurrent_runs: StartsNothing[int | None] = Field(
        None,
        ge=1,
        le=10_000,
        description="Maximum number of runs of the function at a time; a run counts until its pods are gone. Default: "
        "no limit.",
    )
    run: EmptyIsAbsent[RunOptions | None] = Field(
        None, description="Default options for the runs of the function. Options of a run override them."
    )

    @field_validator("image")
    @classmethod
    def _is_an_image(cls, image: str | None) -> str | None:
        return checked(image, IMAGE_RULES)

    @field_validator("handler")
    @classmethod
    def _is_a_handler(cls, handler: str | None) -> str | None:
        return checked(handler, HANDLER_RULES)
