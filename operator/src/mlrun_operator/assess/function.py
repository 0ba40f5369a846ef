"""Whether runs of a function could start, from its spec alone."""

from pydantic import ValidationError

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.words import in_words


def inline_code(spec: Object) -> bytes:
    """Return the code that is inline; empty where there is none, or the spec is invalid."""
    try:
        return FunctionSpec.model_validate(spec).source.inline()
    except ValidationError:
        return b""


def judge(spec: Object, syntax_error: str) -> tuple[str, str]:
    """The reason and the message of condition Ready: `Valid`, or `InvalidFunction` with what is wrong.

    `syntax_error` is what is wrong with its inline code.
    """
    try:
        FunctionSpec.model_validate(spec)
    except ValidationError as error:
        return "InvalidFunction", in_words(error)
    return ("InvalidFunction", f"source: {syntax_error}") if syntax_error else ("Valid", "runs of it can start")
