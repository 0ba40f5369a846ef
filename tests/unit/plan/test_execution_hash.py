"""What starts a new execution: each field of the schema changed in turn, beside the table that the docs show."""

import copy
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from devcluster.paths import REPOSITORY
from docgen.fields import rows
from mlrun_operator.api.base import HashMark
from mlrun_operator.api.constants import ANNOTATION_ENVELOPE
from mlrun_operator.api.contract.envelope import decode
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.render.envelope import PinnedFunction
from mlrun_operator.render.execution import (
    DIGEST_VERSION,
    HASH_VERSION,
    execution_hash,
    function_digest,
    is_same_execution,
    is_same_function,
)
from mlrun_operator.render.job import build_job
from mlrun_operator.render.meaning import Shape, shape_of
from mlrun_operator.schema.structural import structural

Object = dict[str, Any]
Path_ = tuple[str | int, ...]

OPTIONS: Final[Object] = {
    "nodeSelector": {"disk": "ssd"},
    "volumes": [
        {
            "name": "a",
            "mountPath": "/a",
            "subPath": "in",
            "readOnly": True,
            "configMap": {"name": "c", "items": [{"key": "k", "path": "p"}], "optional": True},
        },
        {
            "name": "b",
            "mountPath": "/b",
            "secret": {"secretName": "s", "items": [{"key": "k", "path": "p"}], "optional": True},
        },
        {"name": "c", "mountPath": "/c", "persistentVolumeClaim": {"claimName": "claim"}},
        {"name": "d", "mountPath": "/d", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {
            "name": "e",
            "mountPath": "/e",
            "ephemeral": {"size": "1", "storageClassName": "fast", "accessModes": ["ReadWriteOnce"]},
        },
        {"name": "f", "mountPath": "/f", "image": {"reference": "example.org/i:1", "pullPolicy": "Always"}},
    ],
    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": 1}},
    "affinity": {"nodeAffinity": {"weight": 1, "x": None}},
    "tolerations": [{"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute", "tolerationSeconds": 5}],
    "env": [
        {"name": "A", "value": "a"},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": True}}},
        {"name": "D", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ],
    "secrets": ["whole", {"name": "part", "keys": ["k"], "prefix": "P_", "optional": True}],
    "imagePullSecrets": ["pull"],
    "imagePullPolicy": "Always",
    "serviceAccountName": "sa",
    "priorityClassName": "high",
    "runtimeClassName": "gvisor",
    "schedulerName": "volcano",
    "hostAliases": [{"ip": "203.0.113.7", "hostnames": ["db.example.org"]}],
    "fsGroup": 4242,
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
    ],
    "terminationGracePeriodSeconds": 60,
    "podLabels": {"team": "a"},
    "podAnnotations": {"note": "a"},
    "podTemplate": {"metadata": {"labels": {"t": "1"}}, "spec": {"priority": 1}},
    "backoffLimit": 3,
    "nonRetryable": {"exitCodes": [3], "exceptions": ["ValueError"]},
    "activeDeadlineSeconds": 600,
    "pendingDeadlineSeconds": 600,
    "maxDisruptions": 3,
    "ttlSecondsAfterFinished": 600,
}
CODE: Final[Object] = {
    "source": {"code": "def handler(context): pass", "fileName": "train.py", "lang": "python"},
    "handler": "handler",
}
BASES: Final[dict[str, Object]] = {
    "a run of a function": {
        "functionRef": {"name": "f", "onChange": "Ignore"},
        "name": "r",
        "project": "p",
        "action": "job",
        "inputs": {
            "a": "store://p/artifact/artifact/n",
            "b": {"path": "s3://b/k", "kind": "table", "format": "csv"},
            "c": [{"key": "store://p/artifact/artifact/n", "kind": "artifact", "format": "csv"}],
            "d": {"train": {"path": "https://example.org/a.csv"}, "test": "s3://b/t"},
        },
        "outputs": {"x": "model", "y": {"name": "table", "optional": True}},
        "parameters": {"n": 1, "deep": {"empty": {}, "null": None}},
        "floatParameters": ["/parameters/n"],
        "values": ["accuracy"],
        "returns": ["a:dataset", {"key": "b", "labels": {"x": None}}],
        "replicas": 2,
        "replicaHostnames": True,
        "suspend": True,
        "stop": True,
        "runTtlSecondsAfterFinished": 600,
        "rerun": "1",
        **OPTIONS,
    },
    "a repository": {
        "function": {
            "name": "f",
            "project": "p",
            "uuid": "0b6f6b0e-0000-4000-8000-000000000001",
            "description": "words",
            "gitSource": "https://example.org/f",
            "embedded": True,
            "source": {"source": "git+https://example.org/o/r.git#main", "handler": "pkg/mod.py"},
            "handler": "handler",
            "requirements": ["numpy==1.0"],
            "image": "mlrun/mlrun:1",
            "tag": "latest",
            "returns": ["a:dataset"],
            "run": OPTIONS,
        }
    },
    "code": {"function": CODE},
    "base64": {"function": {"source": {"base64": "QUJD"}}},
    "a schedule": {
        "functionRef": {"name": "f"},
        "schedule": "0 6 * * *",
        "timeZone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 60,
        "successfulRunsHistoryLimit": 5,
        "failedRunsHistoryLimit": 5,
        "stopAfter": {"successes": 5, "failures": 5},
        "backfill": {
            "from": "2026-01-01T00:00:00Z",
            "to": "2026-02-01T00:00:00Z",
            "parallelism": 2,
            "order": "OldestFirst",
        },
        "catchUp": {"policy": "All", "max": 5},
    },
    "a random sweep": {
        "functionRef": {"name": "f"},
        "hyperparameters": {
            "params": {"x": [1, 2]},
            "strategy": "random",
            "maxIterations": 5,
            "seed": 1,
            "selector": "min.loss",
            "stopCondition": "loss < 1",
            "maxErrors": 2,
            "parallelism": 2,
            "placement": "FanOut",
        },
    },
    "a sweep of a file": {"functionRef": {"name": "f"}, "hyperparameters": {"paramFile": "s3://b/points.csv"}},
}
FUNCTION: Final[Object] = {"maxConcurrentRuns": 3, **BASES["a repository"]["function"]}
STORED: Final = "store://p/artifact/artifact/n"
# What never starts an execution, at whatever level it is written (BEHAVIOUR A1).
NEVER: Final = {
    *("stop", "suspend", "rerun", "action", "functionRef.onChange"),
    *("backoffLimit", "nonRetryable", "maxDisruptions", "activeDeadlineSeconds", "pendingDeadlineSeconds"),
    *("ttlSecondsAfterFinished", "runTtlSecondsAfterFinished"),
    *("schedule", "timeZone", "concurrencyPolicy", "startingDeadlineSeconds", "stopAfter", "backfill", "catchUp"),
    *("successfulRunsHistoryLimit", "failedRunsHistoryLimit"),
}
NEVER_OF_FUNCTIONS: Final = {
    *("description", "gitSource", "embedded", "maxConcurrentRuns", "source.lang", "source.fileName"),
    *(f"run.{name}" for name in NEVER if name in OPTIONS),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


# The table.


def table_answers(heading: str) -> dict[str, str]:
    """Path → yes, no or another word, as a table of the page has it."""
    text = (REPOSITORY / "docs/reference-executions.md").read_text()
    part = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1:3] for line in part.splitlines() if line.startswith("| `")]
    return {path.strip(" `"): answer.strip() for path, answer in cells}


def answer_for(path: str) -> str:
    """The answer for a field of a run: that of the nearest row."""
    heading, path = (
        ("MlrunFunction", path.removeprefix("function.")) if path.startswith("function.") else ("MlrunRun", path)
    )
    answers = table_answers(heading)
    row = max((row for row in answers if is_below(path, row)), key=len)
    return answers[row]


def is_below(path: str, parent: str) -> bool:
    return path == parent or path.startswith((f"{parent}.", f"{parent}["))


def schema_paths(model: type[RunSpec] | type[FunctionSpec]) -> set[str]:
    """The paths of the fields that have no fields below them, by the generated schema."""
    paths = [path.split("`")[1] for path, _, _ in rows(structural(model))]
    return {path for path in paths if not any(is_below(other, path) for other in paths if other != path)}


# One change.


def values_of(spec: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every value that is not a list or map with something in it."""
    members = spec.items() if isinstance(spec, dict) else enumerate(spec) if isinstance(spec, list) else ()
    for name, member in members:
        yield from values_of(member, (*path, name))
    if not members or not spec:
        yield path, spec


def named(path: Path_) -> str:
    return "".join("[]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def with_value(spec: Object, path: Path_, *values: Any) -> Object:
    """The spec with one value changed, or taken away where none is given."""
    changed = copy.deepcopy(spec)
    parent: Any = changed
    for part in path[:-1]:
        parent = parent[part]
    if values:
        parent[path[-1]] = values[0]
    else:
        del parent[path[-1]]
    return changed


ENUMERATED: Final = sorted(
    {
        text
        for model in (RunSpec, FunctionSpec)
        for _, kind, _ in rows(structural(model))
        for text in kind.split("`")[1::2]
        if " or " in kind
    }
)


def others(value: Any) -> Iterator[Any]:
    """Values to try in the place of this one."""
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, value - 1)
        case str():
            yield from (f"{value}x", *ENUMERATED, "REVG", "2026-01-15T00:00:00Z", "Europe/Rome", "0 5 * * *")
            yield from ("0b6f6b0e-0000-4000-8000-000000000002", "other.py")
        case _:
            yield "other"


def is_valid(spec: Object) -> bool:
    try:
        RunSpec.model_validate(spec)
    except ValidationError:
        return False
    return True


def changed_spec(spec: Object, path: Path_, value: Any) -> Object:
    """The spec with another valid value, or without the field where it has only one."""
    specs = (with_value(spec, path, other) for other in others(value) if other != value)
    return next(filter(is_valid, specs), None) or with_value(spec, path)


def test_the_bases_are_valid_and_have_every_field() -> None:
    assert [name for name, spec in BASES.items() if not is_valid(spec)] == []
    FunctionSpec.model_validate(FUNCTION)
    written = {named(path) for spec in BASES.values() for path, _ in values_of(spec)}
    missing = {path for path in schema_paths(RunSpec) if not any(is_below(name, path) for name in written)}
    assert missing == {"function.maxConcurrentRuns"}, "add the new field to BASES; this one is not for runs"


def test_each_field_is_in_the_hash_as_the_table_has_it() -> None:
    wrong = {}
    for spec in BASES.values():
        for path, value in values_of(spec):
            changed = changed_spec(spec, path, value)
            expected = "yes" if execution_hash(changed) != execution_hash(spec) else "no"
            if (answer := answer_for(named(path)).replace("a new value does", "no")) != expected:
                wrong[named(path)] = f"the table has {answer}, the hash {expected}"
    assert wrong == {}


def test_each_field_is_in_the_digest_as_the_table_has_it() -> None:
    wrong = {}
    for path, value in values_of(FUNCTION):
        changed = with_value(FUNCTION, path, next(iter(others(value))))
        expected = "yes" if function_digest(changed) != function_digest(FUNCTION) else "no"
        if answer_for(f"function.{named(path)}") != expected:
            wrong[named(path)] = expected
    assert wrong == {}


def test_the_table_has_the_exclusions_and_no_others() -> None:
    run, function = table_answers("MlrunRun"), table_answers("MlrunFunction")
    assert {path for path, answer in run.items() if answer not in ("yes", "see below")} == NEVER
    assert {path for path, answer in function.items() if answer not in ("yes", "see below")} == NEVER_OF_FUNCTIONS


@pytest.mark.parametrize("name", ["backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished", "nonRetryable"])
def test_a_limit_in_function_run_starts_nothing(name: str) -> None:
    """Fault F6: fields that occur at two levels were classified at one."""
    function = {"source": {"code": "x"}}
    limited = {**function, "run": {name: OPTIONS[name]}}
    assert execution_hash({"function": function}) == execution_hash({"function": limited})
    assert function_digest(function) == function_digest(limited)


# The marks.


def containers(shape: Shape, prefix: str = "") -> Iterator[tuple[str, Shape]]:
    """The lists, maps and objects that the hash looks into, by their paths."""
    for name, part in shape.fields.items():
        if part.starts_nothing:
            continue
        if part.fields or part.values is not None or part.items is not None:
            yield f"{prefix}{name}", part
        for below in (part, part.items, part.values):
            if below is not None and HashMark.AS_WRITTEN not in part.marks:
                yield from containers(below, f"{prefix}{name}.")


def test_each_list_map_and_object_has_a_mark_for_emptiness() -> None:
    enough = {HashMark.EMPTY_COUNTS, HashMark.EMPTY_IS_ABSENT, HashMark.AS_WRITTEN}
    silent = [path for path, shape in containers(shape_of(RunSpec)) if not shape.marks & enough]
    assert silent == [], "mark it EmptyIsAbsent, EmptyCounts, AsWritten or StartsNothing (api/base.py)"
    assert "function.run.resources.requests" in dict(containers(shape_of(RunSpec)))


@pytest.mark.parametrize(
    "empty",
    [
        {"affinity": {}},
        {"podTemplate": {}},
        {"topologySpreadConstraints": []},
        {"values": []},
        {"returns": []},
        {"secrets": [{"name": "s", "keys": []}]},
        {"parameters": {"x": None}},
        {"parameters": {"x": {}}},
        {"podTemplate": {"spec": {"x": None}}},
    ],
    ids=json.dumps,
)
def test_an_empty_value_that_says_something_counts(empty: Object) -> None:
    """It takes the place of the function's value, or the default for an absent one is another."""
    absent = {"secrets": [{"name": "s"}]} if "secrets" in empty else {}
    run: Object = {"functionRef": {"name": "f"}}
    assert execution_hash({**run, **empty}) != execution_hash({**run, **absent})
    assert execution_hash({**run, **dict.fromkeys(empty)}) == execution_hash(run), "null is absent"


def volume(**more: Any) -> Object:
    return {"volumes": [{"name": "a", "mountPath": "/a", **more}]}


@pytest.mark.parametrize(
    ("spec", "other"),
    [
        *(({}, {name: []}) for name in ("env", "tolerations", "volumes", "secrets", "imagePullSecrets", "hostAliases")),
        *(({}, {name: {}}) for name in ("nodeSelector", "resources", "podLabels", "podAnnotations")),
        *(({}, {name: {}}) for name in ("inputs", "outputs", "parameters")),
        ({}, {"resources": {"requests": {}, "limits": None}}),
        ({}, dict.fromkeys([*OPTIONS, *BASES["a run of a function"], *BASES["a schedule"]])),
        ({"env": [{"name": "A"}]}, {"env": [{"name": "A", "value": "", "valueFrom": None}]}),
        ({"secrets": [{"name": "s"}]}, {"secrets": [{"name": "s", "prefix": "", "keys": None}]}),
        ({"tolerations": [{"key": "k"}]}, {"tolerations": [{"key": "k", "value": "", "effect": None}]}),
        ({"tolerations": [{"operator": "Exists"}]}, {"tolerations": [{"operator": "Exists", "key": ""}]}),
        (volume(emptyDir={}), volume(emptyDir={"medium": "", "sizeLimit": None}, subPath="", image=None)),
        (volume(configMap={"name": "c"}), volume(configMap={"name": "c", "items": []})),
        (volume(secret={"secretName": "c"}), volume(secret={"secretName": "c", "items": []})),
        (volume(ephemeral={"size": 1}), volume(ephemeral={"size": 1, "accessModes": []})),
        ({"inputs": {"a": [{"path": "p"}]}}, {"inputs": {"a": [{"path": "p", "kind": None}]}}),
    ],
)
def test_an_empty_part_that_says_nothing_starts_nothing(spec: Object, other: Object) -> None:
    """Fault F5: charts, kustomize and formatters add such parts."""
    run, function = {"functionRef": {"name": "f"}}, {"source": {"code": "x"}}
    assert execution_hash({**other, **run}) == execution_hash({**spec, **run})
    if other.keys() <= OPTIONS.keys():
        assert function_digest({**function, "run": other}) == function_digest({**function, "run": spec})
        assert execution_hash({"function": {**function, "run": other}}) == execution_hash(
            {"function": {**function, **({"run": spec} if spec else {})}}
        )


@pytest.mark.parametrize(
    ("spec", "other"),
    [
        ({"outputs": {"x": "n"}}, {"outputs": {"x": {"name": "n"}}}),
        ({"outputs": {"x": "n"}}, {"outputs": {"x": {"name": "n", "optional": False}}}),
        ({"inputs": {"a": "s3://b/k"}}, {"inputs": {"a": {"path": "s3://b/k", "kind": None}}}),
        ({"inputs": {"a": ["s3://b/k"]}}, {"inputs": {"a": [{"path": "s3://b/k"}]}}),
        ({"inputs": {"a": {"m": STORED}}}, {"inputs": {"a": {"m": {"key": STORED}}}}),
        ({"secrets": ["s"]}, {"secrets": [{"name": "s", "optional": False, "prefix": ""}]}),
        (volume(configMap={"name": "c"}), volume(configMap={"name": "c", "optional": False}, readOnly=False)),
        ({"replicas": 2}, {"replicas": 2, "replicaHostnames": False}),
    ],
)
def test_a_long_form_is_its_text_and_false_is_absent(spec: Object, other: Object) -> None:
    run = {"functionRef": {"name": "f"}}
    assert execution_hash({**spec, **run}) == execution_hash({**other, **run})


@pytest.mark.parametrize(
    ("spec", "other"),
    [
        ({"outputs": {"x": "n"}}, {"outputs": {"x": {"name": "n", "optional": True}}}),
        ({"inputs": {"a": STORED}}, {"inputs": {"a": {"path": STORED}}}),
        ({"inputs": {"a": "k"}}, {"inputs": {"a": {"key": "k"}}}),
        ({"secrets": ["s"]}, {"secrets": [{"name": "s", "keys": []}]}),
        ({"secrets": ["s"]}, {"secrets": [{"prefix": "s"}]}),
        ({"env": [{"name": "A"}]}, {"env": ["A"]}),
    ],
)
def test_what_only_looks_like_its_text_counts(spec: Object, other: Object) -> None:
    assert execution_hash(spec) != execution_hash(other)


def test_a_hash_of_long_forms_as_they_were_spelled_starts_nothing() -> None:
    """They were recorded before long forms were one with their texts."""
    spec = {
        "functionRef": {"name": "f"},
        "outputs": {"x": {"name": "n", "optional": False}},
        "inputs": {"a": {"path": "s3://b/k"}},
        "secrets": [{"name": "s"}],
    }
    assert is_same_execution("v2-820ad627c9f116c4", spec) is True
    assert is_same_execution("v2-820ad627c9f116c4", {**spec, "outputs": {}}) is False
    digest = "v2-sha256:d4cb7ab1bf70e29fb787a40297ffeaa154fe94b589b9b6e545eedb558af9b2d9"
    assert is_same_function(digest, {"source": {"code": "x"}, "run": {"secrets": [{"name": "s"}]}}) is True
    assert is_same_function(digest, {"source": {"code": "y"}, "run": {"secrets": [{"name": "s"}]}}) is False


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        *((1, "1", True), (1, "1000m", True), ("1.0", 1, True), ("0.1", "100m", True)),
        *(("64Mi", "65536Ki", True), ("64Mi", 67108864, True)),
        *((1, 2, False), ("1", "1001m", False), ("1Mi", "1M", False), (1, True, False)),
    ],
)
def test_quantities_are_compared_by_their_amount(one: str | int, other: str | int, same: bool) -> None:
    """Fault F5."""
    for place in (
        lambda amount: {"resources": {"requests": {"cpu": amount}}},
        lambda amount: {"resources": {"limits": {"example.org/gpu": amount}}},
        lambda amount: volume(emptyDir={"sizeLimit": amount}),
        lambda amount: volume(ephemeral={"size": amount}),
    ):
        assert (execution_hash(place(one)) == execution_hash(place(other))) is same
    assert execution_hash({"nodeSelector": {"cpu": one}}) != execution_hash({"nodeSelector": {"cpu": other}})


@pytest.mark.parametrize("name", ["env", "volumes", "secrets", "tolerations", "imagePullSecrets", "returns", "values"])
def test_the_order_of_a_list_counts(name: str) -> None:
    spec = {**BASES["a run of a function"], name: [*BASES["a run of a function"][name], "another"]}
    assert execution_hash(spec) != execution_hash({**spec, name: spec[name][::-1]})


# Other spellings.

SEEDS: Final = st.integers(0, 2**32)
SAME_AMOUNTS: Final[tuple[tuple[str | int, ...], ...]] = (
    (1, "1", "1.0", "1000m", "1e0", "0.001k"),
    ("100m", "0.1", ".1", "100000u", "1e-1"),
    ("64Mi", "65536Ki", 67108864, "67108864", "0.0625Gi"),
)


def respelled(value: Any, shape: Shape | None, chance: random.Random, *, amounts: bool) -> Any:
    """The value with nulls, empty parts, other orders of keys and, if wanted, other spellings of quantities."""
    if shape is None or HashMark.AS_WRITTEN in shape.marks:
        return shuffled(value, chance)
    if isinstance(value, list):
        return [respelled(item, shape.items, chance, amounts=amounts) for item in value]
    if not isinstance(value, dict):
        spellings = next((same for same in SAME_AMOUNTS if HashMark.QUANTITY in shape.marks and value in same), None)
        return chance.choice(spellings) if spellings and amounts else value
    of_names = shape.values is not None and value.keys().isdisjoint(shape.fields)
    parts = {
        name: respelled(part, shape.values if of_names else shape.fields[name], chance, amounts=amounts)
        for name, part in value.items()
    }
    return shuffled(parts | ({} if of_names else additions(value, shape, chance)), chance)


def additions(value: Object, shape: Shape, chance: random.Random) -> Object:
    """Nulls and empty values of fields that are absent."""
    added: Object = {}
    for name, part in shape.fields.items():
        # An output's `optional` is the one field with a default of its own, and takes no null.
        if name not in value and name != "optional" and chance.random() < 0.5:
            empty = {} if part.fields or part.values is not None else [] if part.items is not None else ""
            # A variable with both a value and its source is invalid, were the value empty.
            as_empty = HashMark.EMPTY_IS_ABSENT in part.marks and chance.random() < 0.7 and "valueFrom" not in value
            added[name] = empty if as_empty else None
    return added


def shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: shuffled(value[name], chance) for name in chance.sample(list(value), len(value))}


BARE: Final[dict[str, Object]] = {
    "bare": {"functionRef": {"name": "f"}},
    "bare function": {
        "function": {"source": {"code": "x"}, "handler": "h", "run": {"resources": {"limits": {"cpu": 1}}}}
    },
    "bare parts": {
        "functionRef": {"name": "f"},
        "volumes": [
            {"name": "a", "mountPath": "/a", "configMap": {"name": "c"}},
            {"name": "b", "mountPath": "/b", "secret": {"secretName": "c"}},
            {"name": "d", "mountPath": "/d", "emptyDir": {}},
            {"name": "e", "mountPath": "/e", "ephemeral": {"size": "64Mi"}},
        ],
        "env": [{"name": "A"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "tolerations": [{"operator": "Exists"}],
        "secrets": [{"name": "s"}],
        "inputs": {"a": {"path": "s3://b/k"}, "b": [{"path": "s3://b/k"}]},
        "outputs": {"x": {"name": "n"}},
    },
}


@settings(deadline=None)
@given(spec=st.sampled_from([*BASES.values(), *BARE.values()]), seed=SEEDS)
def test_another_spelling_never_changes_the_hash(spec: Object, seed: int) -> None:
    other = respelled(spec, shape_of(RunSpec), random.Random(seed), amounts=True)
    assert execution_hash(other) == execution_hash(spec)
    assert is_valid(other)
    if "function" in spec:
        assert function_digest(other["function"]) == function_digest(spec["function"])


@settings(deadline=None)
@given(spec=st.sampled_from(list(BARE.values())), seed=SEEDS)
def test_another_spelling_makes_the_same_job(spec: Object, seed: int) -> None:
    """What the marks call the same is the same to what makes pods of it, also where a function says something else."""
    other = respelled(spec, shape_of(RunSpec), random.Random(seed), amounts=False)
    assert rendered(other) == rendered(spec)


def rendered(spec: Object) -> Object:
    """The Job with its envelope, without what is empty, since Kubernetes leaves that out."""
    meta = {"name": "r", "namespace": "team", "uid": "u", "generation": 1}
    run = RunSpec.model_validate(spec)
    function = (
        PinnedFunction.of_inline("r", "u", spec["function"], run.function)
        if run.function
        else PinnedFunction("f", "u", "digest", FunctionSpec.model_validate(FUNCTION))
    )
    platform = Platform(wrapper_image="example.org/w:1", run_defaults=RunOptions.model_validate(OPTIONS))
    job = build_job({"metadata": meta, "spec": spec}, run, function, 1, platform)
    envelope = decode(job["spec"]["template"]["metadata"]["annotations"].pop(ANNOTATION_ENVELOPE))
    wire = {**envelope.wire(), "values": envelope.values and [*envelope.values]}
    return {"values": repr(envelope.values), **without_empty([job, wire])}


def without_empty(value: Any) -> Any:
    if isinstance(value, list):
        return {str(number): without_empty(item) for number, item in enumerate(value)}
    if not isinstance(value, dict):
        return value
    parts = {name: without_empty(part) for name, part in value.items()}
    return {name: part for name, part in parts.items() if part is not None and part not in ({}, "")}


# Values as they are written.

FREE_FORMS: Final = ("parameters", "hyperparameters", "affinity", "podTemplate", "topologySpreadConstraints")


@given(name=st.sampled_from(FREE_FORMS), one=JSON, other=JSON)
def test_a_change_in_a_free_form_part_always_counts(name: str, one: Any, other: Any) -> None:
    hashes = {execution_hash({name: {"x": [value]}}) for value in (one, other)}
    assert len(hashes) == len({json.dumps(value, sort_keys=True) for value in (one, other)})


@pytest.mark.parametrize("name", FREE_FORMS)
@pytest.mark.parametrize(("one", "other"), [("1", "1000m"), (1, "1"), (None, []), ({}, None), (1, 1.0), (True, 1)])
def test_a_free_form_part_counts_as_written(name: str, one: Any, other: Any) -> None:
    assert execution_hash({name: {"cpu": one}}) != execution_hash({name: {"cpu": other}})


@pytest.mark.parametrize("text", ["half", "", "1K", True, None, 1.5, [], "9" * 1000])
def test_what_is_no_quantity_counts_as_written(text: Any) -> None:
    spec: Object = {"resources": {"requests": {"cpu": text}}}
    assert execution_hash(spec) != execution_hash({"resources": {"requests": {"cpu": "1"}}})
    assert execution_hash(spec) == execution_hash(copy.deepcopy(spec))


NAMES: Final = sorted({part for path in schema_paths(RunSpec) for part in path.replace("[]", "").split(".")})
ODD = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(spec=ODD)
def test_no_json_at_all_is_too_odd(spec: Any) -> None:
    recorded, digest = execution_hash(spec), function_digest(spec)
    assert is_same_execution(recorded, spec) is True
    assert is_same_function(digest, spec) is True
    assert is_same_execution("v1-0123456789abcdef", spec) is False
    assert is_same_function(f"sha256:{'0' * 64}", spec) is False


def nested(depth: int, core: Any) -> Any:
    for _ in range(depth):
        core = {"b": [core], "a": None, "c": [], "d": {}, "e": [1, "x"]}
    return core


@pytest.mark.parametrize("field", ["parameters", "env", "inputs", "odd"])
def test_deep_json_has_a_hash_of_its_own(field: str) -> None:
    assert execution_hash({field: nested(2500, 1)}) != execution_hash({field: nested(2500, 2)})


def test_the_hash_does_not_depend_on_the_room_on_the_stack() -> None:
    spec = {"parameters": nested(500, "é")}
    limit = sys.getrecursionlimit()
    shallow = execution_hash(spec)
    sys.setrecursionlimit(10_000)
    try:
        assert execution_hash(spec) == shallow
    finally:
        sys.setrecursionlimit(limit)


# Versions.


@pytest.mark.parametrize(
    ("spec", "recorded"),
    [
        ({"functionRef": {"name": "f", "onChange": "Rerun"}, "parameters": {"x": 1}}, "v1-71a26b90a36c7923"),
        (
            {"functionRef": {"name": "f"}, "env": [], "resources": {"requests": {"cpu": "1000m"}}, "parameters": None},
            "v1-ae7a3eb566debdad",
        ),
        (
            {"function": {"source": {"code": "x = 1"}, "description": "words", "run": {"backoffLimit": 3}}},
            "v1-f977e626537b09a3",
        ),
    ],
)
def test_a_hash_of_v1_is_compared_by_the_rules_of_v1(spec: Object, recorded: str) -> None:
    """The recorded hashes are those of the last operator that made v1."""
    assert is_same_execution(recorded, {**spec, "stop": True, "schedule": "@daily"}) is True
    assert is_same_execution(recorded, {**spec, "nodeSelector": {}}) is False, "v1 counts what is empty"
    assert is_same_execution(recorded, {**spec, "parameters": {"x": 2}}) is False


@pytest.mark.parametrize(
    ("more", "recorded"),
    [
        ({}, "6fea6af56af36aba7aedd981b0af2deab3c2785bd08e36573c3e59d2b8c4f81a"),
        (
            {"gitSource": "g", "embedded": True, "maxConcurrentRuns": 2, "description": "d"},
            "6fea6af56af36aba7aedd981b0af2deab3c2785bd08e36573c3e59d2b8c4f81a",
        ),
        (
            {"source": {"code": "x = 1", "fileName": "train.py"}},
            "6fea6af56af36aba7aedd981b0af2deab3c2785bd08e36573c3e59d2b8c4f81a",
        ),
        ({"run": {"backoffLimit": 3}}, "86e8a629fe7c8caf858b3aa5576d87aecd4e5c934012ee7b818bf4d2d041799e"),
    ],
)
def test_a_digest_of_v1_is_compared_by_the_rules_of_v1(more: Object, recorded: str) -> None:
    function = {"source": {"code": "x = 1"}, **more}
    assert is_same_function(f"sha256:{recorded}", function) is True
    assert is_same_function(f"sha256:{recorded}", {**function, "run": {"backoffLimit": 4}}) is False


RECORDED: Final = json.loads((Path(__file__).parent / "recorded/c0901ff.json").read_text())


@pytest.mark.parametrize("what", RECORDED)
def test_a_run_of_an_earlier_operator_is_the_same_until_edited(what: str) -> None:
    """Fault F15: with another version recorded, every later edit was ignored."""
    run, function = RECORDED[what]["run"], RECORDED[what]["function"]
    recorded, digest = run["status"]["execution"]["hash"], run["status"]["function"]["digest"]
    assert recorded.startswith("v1-")
    assert is_same_execution(recorded, run["spec"]) is True
    assert is_same_execution(recorded, {**run["spec"], "parameters": {"edited": 1}}) is False
    assert is_same_function(digest, function["spec"]) is True
    assert is_same_function(digest, {**function["spec"], "handler": "edited"}) is False


@pytest.mark.parametrize("version", ["v3", "v10", "v0", "", "sha256", "v1x"])
def test_an_unknown_version_answers_neither_yes_nor_no(version: str) -> None:
    assert is_same_execution(f"{version}-0123456789abcdef", {}) is None
    if version != "sha256":
        assert is_same_function(f"{version}:0123", {}) is None


def test_hash_and_digest_tell_their_version_and_fit() -> None:
    assert execution_hash({}).startswith(f"{HASH_VERSION}-")
    assert function_digest({}).startswith(f"{DIGEST_VERSION}:")
    assert len(function_digest({})) <= 80


def test_the_hash_of_v2_stays_what_it_is() -> None:
    """A change of these rules needs a new version: the status of every run holds such hashes."""
    function = {"source": {"code": "x = 1"}, "run": {"resources": {"limits": {"cpu": "0.5"}}, "backoffLimit": 1}}
    run = {"function": function, "env": [], "parameters": {"x": None}, "returns": [], "stop": True}
    assert execution_hash(run) == "v2-081da55cc171af82"
    assert function_digest(function) == "v2-sha256:b809d5be4433bd43a8d127041bdf1d7bd851a3e7955ba4ca9943877a342243c1"
