"""Whatever stands in a field that `convert` reads, it writes a manifest, a note or a refusal; it never fails."""

import copy
import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from test_cli_mlrun_function import FUNCTION

from mlrun_operator.sdk.foreign.digitalhub import convert
from mlrun_operator.sdk.foreign.mlrun_function import _IDLE, _IDLE_OF_BUILD, _OPTIONS

Path_ = tuple[str | int, ...]
ODD: tuple[Any, ...] = (
    *(None, True, 0, 7, -1.5, float("nan"), datetime.date(2026, 1, 2), b"\xff"),
    *("", "x", "a\nb\u2028", "pip install a && b", "pip install 'a"),
    *([], [None], ["a"], [1, ["a"]], [{}], [{"name": ["v"]}], [{"name": "v", "mountPath": 1, "value": {}}]),
    *({}, {"name": "a"}, {"a": [{"b": {}}]}, {1: 2, "b": 3}, {None: None}, {"requests": {"cpu": [1]}, "limits": "x"}),
)
SPEC = FUNCTION["spec"]
FULL: dict[str, Any] = {
    **FUNCTION,
    "metadata": {"name": "f", "project": "p", "tag": "v1", "labels": {"a": "b"}},
    "spec": {
        **dict.fromkeys((*_IDLE, *_OPTIONS, "workdir")),
        **SPEC,
        "requirements": ["a"],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "resources": {"requests": {"memory": "1G"}, "limits": {"nvidia.com/gpu": 1}},
        "node_selector": {"disk": "ssd"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
        "volume_mounts": [{"name": "v", "mountPath": "/mnt"}],
        "build": {**dict.fromkeys((*_IDLE_OF_BUILD, "other")), **SPEC["build"], "commands": ["pip install a"]},
    },
}
REPOSITORY = copy.deepcopy(FUNCTION)
REPOSITORY["spec"]["build"] = {"source": "git://host/r.git#main", "functionSourceCode": ""}
CODE = {"code": "def handler(): ...\n"}
ENTITIES: dict[str, Any] = {
    "function": {
        "kind": "mlrun",
        "project": "p",
        "name": "f",
        "id": "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
        "metadata": {"name": "f", "project": "p", "labels": ["a:b"], "description": "d"},
        "spec": {"source": CODE, "handler": "handler", "requirements": ["a"], "run": {"envs": []}},
    },
    "task": {
        "kind": "mlrun+job",
        "project": "p",
        "name": "t",
        "key": "store://p/task/mlrun+job/t",
        "spec": {
            "function": "mlrun://p/f:1",
            "resources": {"cpu": {"requests": "1"}},
            "k8s": {"envs": [{"name": "a", "value": "b"}]},
        },
    },
    "run": {
        "kind": "mlrun+run",
        "project": "p",
        "id": "abcdef",
        "metadata": {"labels": ["a"]},
        "spec": {
            "task": "mlrun+job://p/f:1",
            "function": "mlrun://p/f:1",
            "inputs": {"a": "store://p/dataitem/table/x:1"},
            "outputs": {"a": "b"},
            "parameters": {"a": 1},
            "schedule": "0 0 * * * ?",
        },
    },
    "dataitem": {
        "kind": "table",
        "project": "p",
        "name": "x",
        "key": "store://p/dataitem/table/x:1",
        "spec": {"path": "s3://a/b"},
    },
}
PROJECT: dict[str, Any] = {
    "kind": "project",
    "metadata": {"name": "p"},
    "spec": {f"{kind}s": [entity] for kind, entity in ENTITIES.items()},
}
CALLS: dict[str, Any] = {
    "new_function": {"name": "f", "project": "p", "kind": "mlrun", "source": CODE, "labels": {"a": "b"}},
    "run": {"action": "job", "inputs": {}, "outputs": {}, "parameters": {"a": 1}, "function": "f"},
}


def paths(value: Any, above: Path_ = ()) -> Iterator[Path_]:
    """Yield the path of every part."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield (*above, name)
        yield from paths(part, (*above, name))


def changed(value: Any, path: Path_, odd: Any) -> Any:
    """Return a copy with another value at the path."""
    copied = copy.deepcopy(value)
    place = copied
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = odd
    return copied


@pytest.mark.parametrize("base", [FULL, REPOSITORY, PROJECT, CALLS], ids=["full", "repository", "project", "calls"])
def test_an_odd_value_is_written_noted_or_refused(base: dict[str, Any]) -> None:
    assert convert([(copy.deepcopy(base), "f:1")]).refusals == []
    for path in paths(base):
        for odd in ODD:
            document = (changed(base, path, odd), "f:1")
            try:
                converted = convert([document])
                yaml.dump_all(converted.objects, Dumper=yaml.CSafeDumper)
            except Exception as error:
                pytest.fail(f"{path} as {odd!r}: {type(error).__name__}: {error}")
            assert base not in (FULL, REPOSITORY) or converted.objects or converted.refusals
