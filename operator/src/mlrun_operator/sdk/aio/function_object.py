"""Builds a function's object from the arguments of `new_function`."""

from collections.abc import Mapping
from typing import Any

from mlrun_operator.api.objects import Object
from mlrun_operator.api.values.names import short_hash
from mlrun_operator.sdk.errors import DataUnreachable, InvalidArgument
from mlrun_operator.sdk.session import Session
from mlrun_operator.sdk.stores.access import Access
from mlrun_operator.sdk.translate import function_object, function_spec
from mlrun_operator.sdk.translate.source import LargeFile


async def build_function(
    session: Session, project: str, name: str, kind: str, arguments: Mapping[str, Any], namespace: str
) -> Object:
    """Return the function's object. Uploads a local file that is too large for the object to the store first."""
    spec, large_file = function_spec(project, name, kind, arguments)
    if large_file is not None:
        spec["source"] = {"source": await _upload(session, project, large_file, namespace)}
    return function_object(project, spec, arguments, namespace)


async def _upload(session: Session, project: str, file: LargeFile, namespace: str) -> str:
    """Return the URI of the file in the store. Raises InvalidArgument where it cannot go there."""
    problem = f"{file.path} has {len(file.data) // 1024} KiB; at most 128 KiB travel in a function"
    if session.backend.kind == "local":
        raise InvalidArgument("source.source", problem, hint="Move what is large into a repository or data file.")
    path = f"{project}/source/{short_hash(file.data.hex(), 16)}/{file.path.name}"
    try:
        return await Access(session.backend, namespace).upload(path, file.path)
    except DataUnreachable as error:
        problem = f"{problem}, and the store cannot be reached from here"
        hint = "Put it at an https:// or s3:// URL, or into a repository."
        raise InvalidArgument("source.source", problem, hint=hint) from error
