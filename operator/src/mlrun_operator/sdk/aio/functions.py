"""Creates, finds and lists the functions of a project."""

from collections.abc import Mapping
from typing import Any

from mlrun_operator.api import constants
from mlrun_operator.api.values.names import label_value
from mlrun_operator.cluster.resources import FUNCTIONS
from mlrun_operator.sdk.aio.function import AsyncFunction
from mlrun_operator.sdk.aio.function_object import build_function
from mlrun_operator.sdk.errors import NotFound
from mlrun_operator.sdk.naming import object_names, parse_function
from mlrun_operator.sdk.session import Session


async def new_function(
    session: Session, project: str, name: str, kind: str, given: Mapping[str, Any], *, save: bool = True
) -> AsyncFunction:
    """Make the function, or make the project's function of that name so."""
    namespace = await session.backend.namespace(project)
    obj = await build_function(session, project, name, kind, given, namespace)
    function = AsyncFunction(session, obj)
    if not save:
        return function
    obj["metadata"]["name"] = await _free_name(session, project, name, namespace)
    return await function.save()


async def _free_name(session: Session, project: str, name: str, namespace: str) -> str:
    """The name of the project's function; another one where a function of another project has it."""
    first, second = object_names(project, name)
    try:
        there = await session.backend.read(FUNCTIONS, namespace, first)
    except NotFound:
        return first
    return first if AsyncFunction(session, there).project == project else second


async def get_function(session: Session, project: str, identifier: str) -> AsyncFunction:
    """By name, key or function string. Raises NotFound."""
    said, name, uuid = parse_function(identifier)
    project = said or project
    namespace = await session.backend.namespace(project)
    for candidate in object_names(project, name):
        try:
            obj = await session.backend.read(FUNCTIONS, namespace, candidate)
        except NotFound:
            continue
        function = AsyncFunction(session, obj)
        if (
            function.project == project
            and function.name == name
            and uuid in (None, function.uuid, obj["metadata"]["uid"])
        ):
            return function
    raise NotFound(f"project {project} has no function {identifier!r}")


async def list_functions(session: Session, project: str) -> list[AsyncFunction]:
    """The project's functions by name; those without our label, too, where their spec says the project."""
    namespace = await session.backend.namespace(project)
    found = [AsyncFunction(session, obj) for obj in await session.backend.find(FUNCTIONS, namespace)]
    return sorted((each for each in found if each.project == project), key=lambda each: each.name)


def project_selector(project: str) -> str:
    """The label selector of a project's objects."""
    return f"{constants.LABEL_PROJECT}={label_value(project)}"
