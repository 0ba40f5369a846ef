"""`new_function`'s arguments as an MlrunFunction."""

import uuid as uuids
from collections.abc import Mapping
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.values.names import label_value
from mlrun_operator.sdk.arguments import FunctionArguments
from mlrun_operator.sdk.errors import InvalidArgument, NotSupported
from mlrun_operator.sdk.naming import FUNCTION_KIND, entity_name, object_names, project_name
from mlrun_operator.sdk.translate import options
from mlrun_operator.sdk.translate.shapes import labels, log_hints, mapping, sequence, snaked, validated
from mlrun_operator.sdk.translate.source import LargeFile, source

ARGUMENTS: Final = tuple(FunctionArguments.__annotations__)
_TEXTS: Final = ("handler", "image", "tag", "description", "uuid", "git_source")


def function_spec(project: str, name: str, kind: str, given: Mapping[str, Any]) -> tuple[Object, LargeFile | None]:
    """The spec, and the local file that is too large for it, whose place in the store it then needs.

    Raises InvalidArgument that names the argument, and NotSupported for other kinds of functions.
    """
    if kind != FUNCTION_KIND:
        raise NotSupported(f"kind {kind!r} is not supported", hint="Functions here are of kind 'mlrun'.")
    arguments = snaked(given, ARGUMENTS, "new_function")
    if "source" not in arguments:
        raise InvalidArgument("source", "is missing", hint='Give a dictionary, such as {"source": "pipeline.py"}.')
    code = source(arguments.pop("source"))
    large = code if isinstance(code, LargeFile) else None
    spec: Object = {
        "name": entity_name(name),
        "project": project_name(project),
        "source": {"source": "s3://in/the-store.py"} if isinstance(code, LargeFile) else code,
    }
    spec |= {name: _text(arguments[name], name) for name in _TEXTS if name in arguments}
    if "uuid" in spec:
        spec["uuid"] = uuid4(spec["uuid"])
    if "requirements" in arguments:
        spec["requirements"] = _requirements(arguments["requirements"])
    if "returns" in arguments:
        spec["returns"] = log_hints(arguments["returns"])
    if "embedded" in arguments:
        spec["embedded"] = arguments["embedded"]
    if "max_concurrent_runs" in arguments:
        spec["max_concurrent_runs"] = arguments["max_concurrent_runs"]
    if "run" in arguments:
        spec["run"] = _defaults(arguments["run"], project)
    return validated(FunctionSpec, spec).wire(), large


def function_object(project: str, spec: Object, given: Mapping[str, Any], namespace: str) -> Object:
    """The MlrunFunction of that spec. `given` holds the labels."""
    name = object_names(project, spec["name"])[0]
    users = labels(given["labels"]) if given.get("labels") is not None else {}
    return {
        "apiVersion": constants.API_VERSION,
        "kind": constants.FUNCTION_KIND,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {**users, constants.LABEL_PROJECT: label_value(project)},
        },
        "spec": spec,
    }


def uuid4(value: Any, field: str = "uuid") -> str:
    """The uuid in its usual form. Raises InvalidArgument where it is no uuid v4."""
    try:
        found = uuids.UUID(str(value))
    except ValueError:
        raise InvalidArgument(field, f"{value!r} is not a uuid") from None
    if found.version != 4:
        raise InvalidArgument(field, f"{value!r} is not a uuid of version 4")
    return str(found)


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(field, f"must be a text, not {value!r:.60}")
    return value


def _requirements(value: Any) -> list[str]:
    entries = value.splitlines() if isinstance(value, str) else sequence(value, "requirements")
    return [str(entry).strip() for entry in entries if str(entry).strip() and not str(entry).strip().startswith("#")]


def _defaults(value: Any, project: str) -> Object:
    given = {options.ALIASES.get(name, name): each for name, each in _snaked_defaults(value).items()}
    try:
        return options.options(given, project)
    except InvalidArgument as error:
        raise error.within("run") from None


def _snaked_defaults(value: Any) -> Object:
    known = {*options.FIELDS, *options.ALIASES}
    try:
        return snaked(mapping(value, "run"), known, "run")
    except InvalidArgument as error:
        raise error.within("run") from None
