"""`MlrunFunction.spec`: the code, and how to call it."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints, field_validator

from mlrun_operator.api.base import EmptyCounts, EmptyIsAbsent, Model, StartsNothing
from mlrun_operator.api.cel import cel
from mlrun_operator.api.rules import Rule, checked, validations
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_operator.api.values.handlers import HANDLER_RULES
from mlrun_operator.api.values.requirements import Requirement

# DigitalHub's slug. A shorter limit than its 256: entity names become folders and label values.
_SLUG: Final = r"^\.*[a-zA-Z0-9_+-][a-zA-Z0-9._+-]*$"  # DigitalHub's; never `.` or `..`, names are folders in the store
EntityName = Annotated[str, StringConstraints(pattern=_SLUG, min_length=1, max_length=128)]
ProjectName = Annotated[str, StringConstraints(pattern=_SLUG, min_length=1, max_length=63)]
Uuid4 = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", max_length=36),
]
IMAGE_RULES: Final = (
    Rule(
        "image: not an image reference, such as registry.example.org/team/image:1.2",
        must=r"^[a-zA-Z0-9][a-zA-Z0-9._:@/-]*$",
    ),
)
LogHint = Annotated[str, StringConstraints(pattern=r"^[^\s:]+(\s*:\s*[a-z]+)?$", max_length=256)]


class FunctionSpec(Model):
    """A function of kind `mlrun`: its code and how it is called."""

    name: EntityName | None = Field(
        None, description="The function's original name where it is no legal Kubernetes name; default: metadata.name."
    )
    project: ProjectName | None = Field(None, description="Project; default: the namespace.")
    uuid: Uuid4 | None = Field(
        None,
        description="UUID v4 of the function as an entity; default: metadata.uid.",
        json_schema_extra=cel("self == oldSelf", "uuid cannot be changed"),
    )
    description: StartsNothing[str | None] = Field(None, max_length=4096, description="For people.")
    git_source: StartsNothing[str | None] = Field(
        None, max_length=2048, description="Where the code is maintained; shown, and written to project exports."
    )
    embedded: StartsNothing[bool | None] = Field(
        None, description="Whether a project export holds the whole function (default) or refers to it by its key."
    )
    source: EmptyCounts[Source] = Field(description="Where the code is: exactly one of source, code and base64.")
    handler: str | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="What is called: a function of the code, Class::method, or either after package.module:. Without "
        "it the file runs as a script.",
        json_schema_extra=validations(HANDLER_RULES),
    )
    requirements: EmptyIsAbsent[list[Requirement] | None] = Field(
        None,
        max_length=64,
        description="What pip installs before the code is loaded: requirements, or -r and a file of the source.",
    )
    image: str | None = Field(
        None,
        max_length=512,
        description="Image to run in: any that has Python and mlrun. mlrun/mlrun, in any tag, is the operator's own.",
        json_schema_extra=validations(IMAGE_RULES),
    )
    tag: str | None = Field(None, max_length=128, description="mlrun's tag of the function (not an image tag).")
    returns: EmptyIsAbsent[list[LogHint] | None] = Field(
        None, max_length=64, description="mlrun's log hints for what the handler returns, in order: name[:type]."
    )
    max_concurrent_runs: StartsNothing[int | None] = Field(
        None,
        ge=1,
        le=10_000,
        description="How many runs of the function may run at once, until their pods are gone; default: any.",
    )
    run: EmptyIsAbsent[RunOptions | None] = Field(
        None, description="Defaults for the function's runs; what a run sets wins."
    )

    @field_validator("image")
    @classmethod
    def _is_an_image(cls, image: str | None) -> str | None:
        return checked(image, IMAGE_RULES)

    @field_validator("handler")
    @classmethod
    def _names_something(cls, handler: str | None) -> str | None:
        return checked(handler, HANDLER_RULES)
