"""Hostile runs through the plan: whatever their spec holds, they get a Job or are told their fault (BEHAVIOUR J1).

The CRD refuses some of it. The plan does not count on that: a schema may be older than the operator.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.schedule_simulator import ScheduleSimulator

from mlrun_operator.api import bounds
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.status import RunStatus

Object = dict[str, Any]
_TEMPLATE: Final[Object] = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [{"name": "side", "image": "i", "env": [{"name": "A", "value": "b"}]}], "tolerations": []},
}
_POINTS: Final[Object] = {"params": {"depth": [1, 2]}, "selector": "max.score", "maxErrors": 1}
# A valid value of every field that a run may have, with a schedule or without.
VALID: Final[Object] = {
    "name": "n",
    "project": "p",
    "action": "job",
    "functionRef": {"name": "my-function", "onChange": "Rerun"},
    "function": {"source": {"code": "def handler(): pass"}, "handler": "handler", "requirements": ["a==1"]},
    "inputs": {"i": "s3://b/k", "j": ["a", {"path": "/x"}]},
    "outputs": {"o": "out", "p": {"name": "q"}},
    "parameters": {"x": {"y": [1, 2.5, "z"]}},
    "hyperparameters": _POINTS,
    "floatParameters": ["/parameters/x/y"],
    "values": ["v"],
    "returns": ["r:result", {"key": "d", "labels": {"l": "1"}}],
    "replicas": 2,
    "replicaHostnames": True,
    "suspend": False,
    "stop": False,
    "rerun": "again",
    "runTtlSecondsAfterFinished": 60,
    "ttlSecondsAfterFinished": 60,
    "activeDeadlineSeconds": 9,
    "backoffLimit": 1,
    "pendingDeadlineSeconds": 60,
    "maxDisruptions": 1,
    "nonRetryable": {"exitCodes": [3], "exceptions": ["E"]},
    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
    "nodeSelector": {"a": "b"},
    "tolerations": [{"key": "k", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "env": [{"name": "A", "value": "b"}],
    "secrets": ["s"],
    "imagePullSecrets": ["t"],
    "imagePullPolicy": "Always",
    "volumes": [{"name": "v", "mountPath": "/data", "emptyDir": {}}],
    "serviceAccountName": "sa",
    "priorityClassName": "pc",
    "runtimeClassName": "rc",
    "schedulerName": "sn",
    "hostAliases": [{"ip": "::1", "hostnames": ["h"]}],
    "fsGroup": 7,
    "terminationGracePeriodSeconds": 5,
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "k", "whenUnsatisfiable": "ScheduleAnyway"}],
    "podLabels": {"a": "b"},
    "podAnnotations": {"a": "b"},
    "podTemplate": _TEMPLATE,
}
SCHEDULE: Final[Object] = {
    "schedule": "0 * * * *",
    "timeZone": "Europe/Rome",
    "concurrencyPolicy": "Allow",
    "stopAfter": {"successes": 3},
    "startingDeadlineSeconds": 60,
    "successfulRunsHistoryLimit": 1,
    "failedRunsHistoryLimit": 1,
    "backfill": {"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z", "order": "OldestFirst"},
    "catchUp": {"policy": "All", "max": 5},
}


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    return value


# Short descriptions, so that what was found can be read.
VALUES: Final[Object] = {
    "null": None,
    "true": True,
    "zero": 0,
    "minus": -1,
    "half": 0.5,
    "huge": 10**30,
    "beyond": 2**63,
    "float": 1e308,
    "empty": "",
    "long": "x" * 100_000,
    "very long": "x" * 300_000,
    "nul": "a\0b",
    "newline": "a\nb",
    "dots": "..",
    "turned": "\u202egpj.exe",
    "wide": "\N{GRINNING FACE}" * 30_000,
    "square": "\u00b2",
    "separator": "a\u2028b",
    "braces": "{namespace}{0}%s",
    "slash": "/",
    "quantity": "1e999999999",
    "date": "9999-12-31T23:59:59+14:00",
    "list": [],
    "map": {},
    "lists": [[]],
    "maps": {"": {}},
    "mixed": [None, {"name": None}, "x", 1],
    "many": list(range(3000)),
    "many names": {f"n{number}": number for number in range(3000)},
    **{f"{depth} deep": nested(depth) for depth in (33, 101, 150, 260, 900, 1500)},
    "deep": {"": nested(300), "x": "y"},
}


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every node."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield from paths(item, (*path, name))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    changed = copy.copy(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], by)
    return changed


ALL: Final = VALID | SCHEDULE
PATHS: Final = [path for path in paths(ALL) if path]
# What takes its time goes into the outer fields only.
COSTLY: Final = ("1500 deep", "very long", "many names")
FAULTS: Final = st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from(sorted(VALUES))), min_size=1, max_size=3)
OTHERS: Final = st.lists(st.sampled_from(sorted(VALID)), max_size=6, unique=True)


def hostile(faults: list[tuple[tuple[Any, ...], str]], others: list[str]) -> Object:
    """Return the fields with the faults, and others without."""
    spec = {name: ALL[name] for name in others}
    for path, value in faults:
        spec.setdefault(path[0], ALL[path[0]])
        try:
            spec = replaced(spec, path, VALUES[value])
        except (KeyError, IndexError, TypeError):
            continue  # another fault is above
    return spec


def check(status: Object, jobs: list[Object]) -> None:
    """The run has a Job, or is told its fault in a status that an API server takes."""
    RunStatus.model_validate(status)
    assert len(json.dumps(status, ensure_ascii=False, allow_nan=False).encode()) < 256 * bounds.KIB
    assert jobs or status["phase"] in ("Suspended", "Stopped") or status["reason"] in REFUSALS, status


REFUSALS: Final = ("InvalidRun", "EnvelopeTooLarge", "FunctionMissing")
_QUIET: Final = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def test_the_examples_have_every_field() -> None:
    known = {field.alias or name for name, field in RunSpec.model_fields.items()}
    assert set(ALL) == known


def paths_for(value: str) -> list[tuple[Any, ...]]:
    return [path for path in PATHS if len(path) == 1] if value in COSTLY else PATHS


def another(world: Any, spec: Object) -> Any:
    """A world of its own with a run of this spec, and the function that it refers to where it has none."""
    run = copy.deepcopy(world.run)
    run["spec"] = spec if "function" in spec else {"functionRef": {"name": "my-function"}, **spec}
    return type(world)(run, copy.deepcopy(world.function), world.platform)


def plays(world: Any, spec: Object) -> None:
    """The run is as hostile from the start, and becomes so while a pod of it runs."""
    fresh = another(world, spec)
    fresh.settle()
    check(fresh.status, fresh.jobs)
    json.dumps(fresh.jobs, allow_nan=False)
    edited = another(world, {})
    edited.settle()
    edited.pod_runs()
    edited.edit(**spec)
    for _ in range(3):
        edited.settle()
        edited.pods.clear()
        edited.later(700)
    check(edited.status, edited.jobs)


def plays_as_schedule(platform: Platform, function: Object, spec: Object) -> None:
    """The same for a schedule."""
    for first in ({"schedule": "0 * * * *"}, {"schedule": "0 * * * *", **spec}):
        world = ScheduleSimulator(platform, function)
        world.run["spec"] |= first
        world.settle()
        world.edit(**spec)
        world.settle()
        check(world.status, [world.cron_job] if world.cron_job else [])


@pytest.mark.parametrize("value", VALUES)
def test_a_hostile_value_anywhere_is_told(world: Any, value: str) -> None:
    for path in paths_for(value):
        if path[0] in VALID:
            plays(world, hostile([(path, value)], []))


@pytest.mark.parametrize("value", VALUES)
def test_a_hostile_value_anywhere_in_a_schedule_is_told(platform: Platform, function: Object, value: str) -> None:
    for path in paths_for(value):
        plays_as_schedule(platform, function, hostile([(path, value)], []))


@settings(max_examples=200, deadline=None, suppress_health_check=_QUIET)
@given(faults=FAULTS, others=OTHERS)
def test_several_hostile_values_are_told(world: Any, faults: Any, others: list[str]) -> None:
    plays(world, {name: value for name, value in hostile(faults, others).items() if name != "schedule"})


@pytest.mark.parametrize(
    "path", [("parameters", "x"), ("parameters", "x", "y", 0), ("hyperparameters", "params", "depth", 0)], ids=str
)
@pytest.mark.parametrize("value", ["101 deep", "900 deep", "1500 deep"])
def test_a_parameter_that_is_too_deep_is_named(world: Any, path: tuple[Any, ...], value: str) -> None:
    """The message was pydantic's own, or the pod found out."""
    fresh = another(world, hostile([(path, value)], []))
    fresh.settle()
    name = "'depth'" if path[0] == "hyperparameters" else "'x'"
    assert f"{path[0]}: {name} is nested deeper than 100 levels" in fresh.status["message"]


def test_a_parameter_of_100_levels_runs(world: Any) -> None:
    fresh = another(world, {"parameters": {"x": nested(100)}, "hyperparameters": {"params": {"y": [nested(100)]}}})
    fresh.settle()
    assert len(fresh.jobs) == 1


@pytest.mark.parametrize("value", [True, -1, 10**30, 2**63, nested(900), "9"], ids=lambda value: str(value)[:9])
@pytest.mark.parametrize("limit", ["activeDeadlineSeconds", "backoffLimit", "maxDisruptions", "pendingDeadlineSeconds"])
def test_a_limit_that_is_none_is_as_if_it_were_absent(world: Any, limit: str, value: Any) -> None:
    """One of a thousand levels went to the Job; -1 disruptions ended the run."""
    jobs = []
    for edited in (value, None):
        fresh = another(world, {"activeDeadlineSeconds": 60, "backoffLimit": 2})
        fresh.settle()
        fresh.pod_runs()
        fresh.settle()
        fresh.edit(**{limit: edited})
        fresh.settle()
        assert fresh.status["phase"] == "Running"
        jobs.append(fresh.jobs[0]["spec"])
    assert jobs[0] == jobs[1]


@pytest.mark.parametrize("value", VALUES)
def test_a_hostile_function_is_told_by_its_runs(world: Any, value: str) -> None:
    for path in paths_for(value):
        if path[0] == "function":
            fresh = another(world, {})
            fresh.function["spec"] = hostile([(path, value)], [])["function"]
            fresh.settle()
            check(fresh.status, fresh.jobs)
