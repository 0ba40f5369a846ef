"""What a handler declares, as far as its code travels with the function."""

import ast

from pydantic import ValidationError

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.values.handlers import Handler

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def declared_names(function: Object) -> frozenset[str]:
    """Return the names of the handler's parameters; none where the code of the function's spec is elsewhere.

    >>> sorted(declared_names({"handler": "h", "source": {"code": "def h(context, params, *, k=1): pass"}}))
    ['context', 'k', 'params']
    """
    try:
        spec = FunctionSpec.model_validate(function)
        handler = Handler.parse(spec.handler or "")
        body = ast.parse(spec.source.inline()).body
    except (ValidationError, ValueError, SyntaxError, RecursionError):
        return frozenset()
    if handler.module is not None:
        return frozenset()
    if handler.cls is not None:
        classes = [node for node in body if isinstance(node, ast.ClassDef) and node.name == handler.cls]
        body = classes[-1].body if classes else []
    found = [node for node in body if isinstance(node, _FUNCTIONS) and node.name == handler.name]
    arguments = found[-1].args if found else None
    if arguments is None:
        return frozenset()
    return frozenset(each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))
