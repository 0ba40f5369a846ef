"""The options of a run's pods: DigitalHub's lists and maps, or Kubernetes' own, as `RunOptions` has them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.sdk.errors import InvalidArgument
from mlrun_operator.sdk.naming import is_dns_name, project_secret
from mlrun_operator.sdk.translate.shapes import (
    camel,
    camelized,
    mapping,
    sequence,
    suggestion,
    validated,
)

FIELDS: Final = frozenset(RunOptions.model_fields)
# What newer DigitalHub versions and mlrun call it.
ALIASES: Final = {
    "envs": "env",
    "priority_class": "priority_class_name",
    "runtime_class": "runtime_class_name",
    "service_account": "service_account_name",
    "retries": "backoff_limit",
}
_RESOURCES: Final = {
    "cpu": "cpu",
    "mem": "memory",
    "memory": "memory",
    "gpu": "gpu",
    "disk": "ephemeral-storage",
}
_VOLUME_TYPES: Final = {
    "config_map": "configMap",
    "secret": "secret",
    "persistent_volume_claim": "persistentVolumeClaim",
    "shared_volume": "persistentVolumeClaim",
    "empty_dir": "emptyDir",
    "ephemeral": "ephemeral",
    "image": "image",
}
_VOLUME_NAMES: Final = {"storageClass": "storageClassName", "claim": "claimName"}


def options(given: Mapping[str, Any], project: str) -> Object:
    """The options as the resource's spec has them. `given` is by snake-case names. Raises InvalidArgument."""
    found: Object = {}
    for name, value in given.items():
        if value is None:
            continue
        shape = _SHAPES.get(name)
        translated = _secrets(value, project) if name == "secrets" else shape(value) if shape else camelized(value)
        found[camel(name)] = translated
    return validated(RunOptions, found).wire()


def node_selector(value: Any) -> Object:
    """A map, or DigitalHub's list of {key, value}.

    >>> node_selector([{"key": "disk", "value": "ssd"}])
    {'disk': 'ssd'}
    """
    if isinstance(value, Mapping):
        if value.keys() == {"key", "value"}:  # no label of a node is called so
            hint = f"Write {{{value['key']!r}: {value['value']!r}}}, or put this dictionary into a list."
            raise InvalidArgument("node_selector", "one entry of a list is no list", hint=hint)
        return {str(key): _plain(each, f"node_selector.{key}") for key, each in value.items()}
    found = {}
    for index, each in enumerate(sequence(value, "node_selector")):
        entry = mapping(each, f"node_selector.{index}")
        for part in ("key", "value"):
            if part not in entry:
                raise InvalidArgument(f"node_selector.{index}.{part}", "is missing")
        found[str(entry["key"])] = _plain(entry["value"], f"node_selector.{index}.value")
    return found


def resources(value: Any) -> Object:
    """{cpu|mem|gpu|disk: {requests, limits}}, or {cpu: "1"} as requests, or Kubernetes' {requests, limits}.

    >>> resources({"mem": {"requests": "64Mi", "limits": "1Gi"}})
    {'requests': {'memory': '64Mi'}, 'limits': {'memory': '1Gi'}}
    """
    value = mapping(value, "resources")
    if value.keys() <= {"requests", "limits"}:
        return {kind: _amounts(mapping(each, f"resources.{kind}")) for kind, each in value.items() if each is not None}
    found: Object = {"requests": {}, "limits": {}}
    for name, each in value.items():
        known = _RESOURCES.get(name, name if "/" in str(name) else None)
        if known is None:
            raise InvalidArgument(f"resources.{name}", "is no resource", hint="Use cpu, mem, gpu or disk.")
        if isinstance(each, Mapping):
            unknown = sorted(map(str, set(each) - {"requests", "limits"}))
            if unknown:
                raise InvalidArgument(f"resources.{name}.{unknown[0]}", "is neither requests nor limits")
            for kind, amount in each.items():
                if amount is not None:
                    found[kind][known] = _amount(amount)
        elif each is not None:
            found["limits" if known == "gpu" else "requests"][known] = _amount(each)
    return {kind: amounts for kind, amounts in found.items() if amounts}


def _amounts(value: Mapping[str, Any]) -> Object:
    return {_RESOURCES.get(name, name): _amount(each) for name, each in value.items() if each is not None}


def _amount(value: Any) -> str | int:
    """A quantity; Python's decimals as texts."""
    return value if isinstance(value, int) and not isinstance(value, bool) else str(value)


def env(value: Any) -> list[Object]:
    """A map of names to values, or a list of {name, value} or {name, value_from}.

    >>> env({"LEVEL": 3})
    [{'name': 'LEVEL', 'value': '3'}]
    """
    if isinstance(value, Mapping):
        return [_variable({"name": name, "value": each}, f"env.{name}") for name, each in value.items()]
    return [
        _variable(mapping(each, f"env.{index}"), f"env.{index}") for index, each in enumerate(sequence(value, "env"))
    ]


def _variable(entry: Mapping[str, Any], field: str) -> Object:
    if "name" not in entry:
        raise InvalidArgument(f"{field}.name", "is missing")
    found = camelized(entry)
    if "value" in found:
        found["value"] = _plain(found["value"], f"{field}.value")
    return dict(found)


def _plain(value: Any, field: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise InvalidArgument(field, f"must be a text, not {value!r:.60}")


def volumes(value: Any) -> list[Object]:
    """Our own {name, mount_path, config_map: {…}} or DigitalHub's {volume_type, name, mount_path, spec}."""
    return [
        _volume(mapping(entry, f"volumes.{index}"), f"volumes.{index}")
        for index, entry in enumerate(sequence(value, "volumes"))
    ]


def _volume(entry: Mapping[str, Any], field: str) -> Object:
    found: Object = dict(camelized(entry))
    kind = found.pop("volumeType", None)
    if kind is None:
        return found
    name = _snake_kind(str(kind))
    if name not in _VOLUME_TYPES:
        hint = suggestion(name, _VOLUME_TYPES) or f"Use one of {', '.join(_VOLUME_TYPES)}."
        raise InvalidArgument(f"{field}.volume_type", f"{kind!r} is not supported", hint=hint)
    spec = camelized(mapping(found.pop("spec", None) or {}, f"{field}.spec"))
    spec = {_VOLUME_NAMES.get(part, part): each for part, each in spec.items()}
    if name == "secret" and "name" in spec:
        spec["secretName"] = spec.pop("name")
    if name in ("persistent_volume_claim", "shared_volume") and "claimName" not in spec:
        if "size" not in spec:
            raise InvalidArgument(f"{field}.spec.claim_name", "is missing")
        name = "ephemeral"  # newer DigitalHub makes a claim for the run
    for part in ("subPath", "readOnly"):
        if part in spec:
            found[part] = spec.pop(part)
    return {**found, _VOLUME_TYPES[name]: spec}


def _snake_kind(kind: str) -> str:
    aliases = {"configMap": "config_map", "persistentVolumeClaim": "persistent_volume_claim", "emptyDir": "empty_dir"}
    return aliases.get(kind, kind)


def _secrets(value: Any, project: str) -> list[Any]:
    """Names of Secrets, or {name, keys, prefix, optional}; any other text is a key of the project's own Secret."""
    if isinstance(value, str):
        raise InvalidArgument("secrets", f"must be a list, such as [{value!r}]")
    found: list[Any] = []
    own: list[str] = []
    for index, entry in enumerate(sequence(value, "secrets")):
        if isinstance(entry, Mapping):
            found.append(camelized(entry))
        elif not isinstance(entry, str) or not entry:
            raise InvalidArgument(f"secrets.{index}", f"must be a name, not {entry!r:.60}")
        elif is_dns_name(entry):
            found.append(entry)
        else:
            own.append(entry)
    return [*found, {"name": project_secret(project), "keys": own}] if own else found


def _affinity(value: Any) -> Any:
    return camelized(mapping(value, "affinity"))


def _tolerations(value: Any) -> Any:
    return [
        camelized(mapping(each, f"tolerations.{index}")) for index, each in enumerate(sequence(value, "tolerations"))
    ]


def _map(name: str) -> Callable[[Any], Object]:
    return lambda value: {str(key): _plain(each, f"{name}.{key}") for key, each in mapping(value, name).items()}


_SHAPES: Final[dict[str, Callable[[Any], Any]]] = {
    "node_selector": node_selector,
    "resources": resources,
    "env": env,
    "volumes": volumes,
    "affinity": _affinity,
    "tolerations": _tolerations,
    "pod_labels": _map("pod_labels"),
    "pod_annotations": _map("pod_annotations"),
}
