"""Whether runs of a function could start, from its spec alone."""

import ast

from pydantic import ValidationError

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_operator.api.words import in_words


def judge(spec: Object) -> tuple[str, str]:
    """The reason and the message of condition Ready: `Valid`, or `InvalidFunction` with what is wrong."""
    try:
        model = FunctionSpec.model_validate(spec)
    except ValidationError as error:
        return "InvalidFunction", in_words(error)
    _, problem = syntax_error(model.source) or (0, "")
    return ("InvalidFunction", f"source: {problem}") if problem else ("Valid", "runs of it can start")


def syntax_error(source: Source) -> tuple[int, str] | None:
    """Line and words of what keeps inline code from being Python, by this interpreter's version of it."""
    try:
        ast.parse(source.inline())
    except SyntaxError as error:
        return error.lineno or 1, f"line {error.lineno}: {error.msg}"
    except ValueError as error:
        return 1, str(error)
    except (MemoryError, RecursionError):
        return 1, "the code is nested too deeply to be parsed"
    return None
