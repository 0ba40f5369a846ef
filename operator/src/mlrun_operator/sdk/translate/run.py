"""`function.run`'s arguments as an MlrunRun."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.run import FunctionRef, RunSpec
from mlrun_operator.api.values.names import kubernetes_name, label_value
from mlrun_operator.sdk.arguments import RunArguments
from mlrun_operator.sdk.errors import InvalidArgument, NotSupported
from mlrun_operator.sdk.naming import entity_name, run_name
from mlrun_operator.sdk.translate import options
from mlrun_operator.sdk.translate.floats import with_float_parameters
from mlrun_operator.sdk.translate.inputs import Resolve, inputs, outputs
from mlrun_operator.sdk.translate.shapes import (
    camel,
    camelized,
    json_value,
    labels,
    log_hints,
    mapping,
    sequence,
    snaked,
    validated,
)

# What the SDK says itself, or by methods of the handle.
_OWN: Final = frozenset({"function", "function_ref", "project", "action", "stop", "rerun"})
ARGUMENTS: Final = frozenset(
    {*RunArguments.__annotations__, *options.ALIASES, *(set(RunSpec.model_fields) - _OWN), "profile", "args"}
)
# mlrun's run_function arguments that DigitalHub let users put among the parameters.
_RUN_FUNCTION: Final = ("inputs", "params", "hyperparams", "hyper_param_options", "selector", "returns")
_SPEC: Final = frozenset(RunSpec.model_fields)
# What this version of the resources has a place for.
_KNOWN: Final = (
    _SPEC
    | {"labels"}
    | ({"on_change"} if "on_change" in FunctionRef.model_fields else set())
    | {"hyperparams", "hyper_param_options"}
)
_REFUSED: Final = {
    "profile": "there are no profiles; say resources, node_selector and tolerations, in the function's `run` for all",
    "args": "are of DigitalHub's container functions; use parameters",
}


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Which function is run, and for whom. `function` is its metadata.name, `function_name` the original one.

    `declared` are the parameters of its handler, as far as they are known here.
    """

    project: str
    namespace: str
    function: str
    function_name: str
    declared: frozenset[str] = frozenset()


def run_spec(request: RunRequest, given: Mapping[str, Any], resolve: Resolve) -> Object:
    """The spec of one run. Raises InvalidArgument that names the argument, and NotSupported."""
    arguments = snaked(given, ARGUMENTS, "run")
    for name, words in _REFUSED.items():
        if name in arguments:
            raise NotSupported(f"{name}: {words}")
    arguments = _unaliased(arguments)
    _only_known(arguments)
    arguments.pop("labels", None)
    arguments = _taken_apart(arguments, request.declared)
    pods = options.options({name: arguments.pop(name) for name in options.FIELDS & arguments.keys()}, request.project)
    change = arguments.pop("on_change", None)
    spec: Object = {
        "project": request.project,
        "functionRef": {"name": request.function, **({"onChange": change} if change else {})},
        **pods,
    }
    for name, value in arguments.items():
        spec[camel(name)] = _field(name, value, resolve)
    return with_float_parameters(validated(RunSpec, spec).wire())


def run_object(request: RunRequest, spec: Object, given: Mapping[str, Any]) -> Object:
    """The MlrunRun of that spec, named as it says or by the function and five characters."""
    users = labels(given["labels"]) if given.get("labels") is not None else {}
    return {
        "apiVersion": constants.API_VERSION,
        "kind": constants.RUN_KIND,
        "metadata": {
            "name": kubernetes_name(spec["name"]) if "name" in spec else run_name(request.function_name),
            "namespace": request.namespace,
            "labels": {
                **users,
                constants.LABEL_PROJECT: label_value(request.project),
                constants.LABEL_FUNCTION: label_value(request.function_name),
            },
        },
        "spec": spec,
    }


def check_action(action: str) -> None:
    """Only `job`. Raises NotSupported with what to do in the place of another one."""
    if action == "build":
        raise NotSupported(
            "action 'build' is not supported", hint="Build the image outside and name it in the function."
        )
    if action != "job":
        raise NotSupported(f"action {action!r} is not supported", hint="The action of an mlrun function is 'job'.")


def _unaliased(arguments: Object) -> Object:
    found: Object = {}
    for name, value in arguments.items():
        known = options.ALIASES.get(name, name)
        if known in found:
            raise InvalidArgument(name, f"is given twice, as {known} too")
        found[known] = value
    return found


def _only_known(arguments: Object) -> None:
    """Refuse what the documentation knows and this version of the resource does not."""
    for name in arguments:
        if name not in _KNOWN:
            raise NotSupported(f"{name} is not supported by this version", hint="Leave it out, or update the operator.")


def _taken_apart(arguments: Object, declared: frozenset[str]) -> Object:
    """mlrun's own arguments out of the parameters, where DigitalHub had them; mlrun's sweeps in our words.

    What the handler declares is its own.
    """
    found = dict(arguments)
    parameters = dict(mapping(found.get("parameters") or {}, "parameters"))
    theirs = [name for name in _RUN_FUNCTION if name not in declared and _is_run_function(name, parameters)]
    moved = {name: parameters.pop(name) for name in theirs}
    if "inputs" in moved:
        found["inputs"] = {**(found.get("inputs") or {}), **mapping(moved["inputs"], "parameters.inputs")}
    if "params" in moved:
        parameters |= mapping(moved["params"], "parameters.params")
    for name in ("hyperparams", "hyper_param_options", "returns"):
        if name in moved:
            found.setdefault(name, moved[name])
    sweep = _sweep(found.pop("hyperparams", None), found.pop("hyper_param_options", None), moved.get("selector"))
    if sweep:
        found["hyperparameters"] = {**sweep, **(found.get("hyperparameters") or {})}
    if "parameters" in found:
        found["parameters"] = parameters
    return {name: value for name, value in found.items() if name != "parameters" or value}


def _is_run_function(name: str, parameters: Mapping[str, Any]) -> bool:
    """Whether a parameter is meant for mlrun: it has the shape that mlrun's argument has."""
    value = parameters.get(name)
    if name == "selector":
        return isinstance(value, str) and "hyperparams" in parameters
    return isinstance(value, list if name == "returns" else Mapping)


def _sweep(hyperparams: Any, settings: Any, selector: Any) -> Object:
    if hyperparams is None and settings is None:
        return {}
    found: Object = {}
    if hyperparams is not None:
        found["params"] = dict(mapping(hyperparams, "hyperparams"))
    if hasattr(settings, "to_dict"):  # mlrun's HyperParamOptions
        settings = settings.to_dict()
    own = dict(camelized(mapping(settings or {}, "hyper_param_options")))
    if (at_once := own.pop("parallelRuns", None) or 1) > 1:
        found |= {"parallelism": at_once, "placement": "FanOut"}
    for name in ("daskClusterUri", "teardownDask"):
        if own.pop(name, None):
            raise NotSupported(f"hyper_param_options.{name}: there is no Dask here", hint="Use placement FanOut.")
    found |= own
    if selector is not None:
        found["selector"] = selector
    return found


def _field(name: str, value: Any, resolve: Resolve) -> Any:
    if name == "inputs":
        return inputs(value, resolve)
    if name == "outputs":
        return outputs(value)
    if name == "values":
        return sequence(value, name)
    if name == "returns":
        return log_hints(value)
    if name == "name":
        return entity_name(value)
    if name == "parameters":
        return {str(key): json_value(each, f"parameters.{key}") for key, each in value.items()}
    if name == "hyperparameters":
        return _sweep_object(value)
    if name == "catch_up" and isinstance(value, str):
        return {"policy": value}
    return json_value(camelized(value), name)


def _sweep_object(value: Any) -> Object:
    """Names inside of `params` are the handler's own."""
    given = mapping(value, "hyperparameters")
    found = dict(camelized({name: each for name, each in given.items() if name != "params"}))
    params = mapping(given.get("params") or {}, "hyperparameters.params")
    return {
        **found,
        **({"params": {str(name): _points(name, each) for name, each in params.items()}} if params else {}),
    }


def _points(name: str, values: Any) -> Any:
    """The values of one parameter: a list, a range, an array of numpy's."""
    field = f"hyperparameters.params.{name}"
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, str | Mapping) or not hasattr(values, "__iter__"):
        raise InvalidArgument(field, f"{values!r} is no list of values", hint="Put a single value into the parameters.")
    return [json_value(each, f"{field}.{index}") for index, each in enumerate(values)]
