"""Parts of a run that the CRD takes with any content: whatever they hold, the run gets a Job or is told its fault."""

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final

import kubernetes_validate
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.v1alpha1 import pod_types
from mlrun_operator.api.v1alpha1.pod_types import MAX_SIZE, checked
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.words import in_words
from mlrun_operator.render.envelope import PinnedFunction
from mlrun_operator.render.job import build_job

Object = dict[str, Any]
_TYPES: Final[dict[str, dict[str, str]]] = json.loads(
    files(pod_types.__package__ or "").joinpath("pod_types.json").read_text(encoding="utf-8")
)
_NAMES: Final = st.sampled_from(["mlrun", "a", "b", "mlrun-init", "envelope", "work", "/data", "/work", ""])
_SCALARS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "string": _NAMES,
    "integer": st.integers(-1, 70000),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "quantity": st.sampled_from(["1", "500m", "2Gi", 1, 0.5]),
    "intOrString": st.sampled_from([80, "http"]),
}
_OTHERS: Final = st.sampled_from(
    [None, True, 0, -1, 1.5, 10**30, "", "x", "²", [], {}, [None], [[1]], ["x"], {"a": None}, {"name": ["x"]}]
)


@st.composite
def values(draw: st.DrawFn, kind: str, faults: int, depth: int = 0) -> Any:
    """Draw a value of the type; one node in `faults` is anything, with 0 none."""
    if faults and draw(st.integers(1, faults)) == 1:
        return draw(_OTHERS)
    if kind.startswith("["):
        return draw(st.lists(values(kind[1:-1], faults, depth + 1), max_size=2))
    if kind.startswith("{"):
        return draw(st.dictionaries(_NAMES, values(kind[1:-1], faults, depth + 1), max_size=2))
    if kind not in _TYPES:
        return draw(_SCALARS.get(kind, _OTHERS))
    required = [name for name in _TYPES[kind] if name.endswith("!")]
    optional = [name for name in _TYPES[kind] if not name.endswith("!")]
    chosen = draw(st.lists(st.sampled_from(optional), max_size=3, unique=True)) if optional and depth < 8 else []
    return {name.rstrip("!"): draw(values(_TYPES[kind][name], faults, depth + 1)) for name in [*required, *chosen]}


def templates(faults: int) -> st.SearchStrategy[Any]:
    """Return templates that set all that the renderer reads, and other fields now and then."""
    read = ("containers!", "initContainers", "volumes", "securityContext", "tolerations", "imagePullSecrets")
    spec = {name.rstrip("!"): values(_TYPES["PodSpec"][name], faults) for name in read}
    spec = st.fixed_dictionaries({}, optional=spec)
    other = values("PodSpec", faults, 7)
    merged = st.builds(lambda a, b: {**b, **a} if isinstance(b, dict) else b, spec, other)
    return st.fixed_dictionaries({}, optional={"spec": merged, "metadata": values("ObjectMeta", faults)})


def outcome_of(options: Object, platform: Platform, function: Object) -> Object | str:
    """Return the Job, or what the run would be told."""
    meta = {"name": "r", "namespace": "team", "uid": "u-1", "generation": 1}
    spec = {"functionRef": {"name": "my-function"}, **options}
    pinned = PinnedFunction.of_object(function)
    try:
        return build_job({"metadata": meta, "spec": spec}, RunSpec.model_validate(spec), pinned, 1, platform)
    except ValueError as error:
        return in_words(error)


# What is refused for another cause than its type.
_OF_THE_PLATFORM: Final = ("reserved", "two containers have the name", "write the path as")
_QUIET: Final = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=2000, deadline=None, suppress_health_check=_QUIET)
@given(template=templates(faults=12))
def test_a_template_of_wrong_types_is_told(template: Any, platform: Platform, function: Object) -> None:
    outcome = outcome_of({"podTemplate": template}, platform, function)
    assert isinstance(outcome, dict) or "podTemplate" in outcome, outcome


@settings(max_examples=300, deadline=None, suppress_health_check=_QUIET)
@given(affinity=values("Affinity", 12), constraints=values("[TopologySpreadConstraint]", 12))
def test_other_free_form_parts_of_wrong_types_are_told(
    affinity: Any, constraints: Any, platform: Platform, function: Object
) -> None:
    for options in ({"affinity": affinity}, {"topologySpreadConstraints": constraints}):
        outcome = outcome_of(options, platform, function)
        assert isinstance(outcome, dict) or next(iter(options)) in outcome


@settings(max_examples=150, deadline=None, suppress_health_check=_QUIET)
@given(template=templates(faults=0))
def test_what_kubernetes_types_allow_passes(template: Any, platform: Platform, function: Object) -> None:
    outcome = outcome_of({"podTemplate": template}, platform, function)
    assert isinstance(outcome, dict) or any(words in outcome for words in _OF_THE_PLATFORM), outcome


@settings(max_examples=150, deadline=None, suppress_health_check=_QUIET)
@given(template=templates(faults=12))
def test_a_job_of_a_template_has_kubernetes_types(template: Any, platform: Platform, function: Object) -> None:
    outcome = outcome_of({"podTemplate": template}, platform, function)
    if isinstance(outcome, dict):
        kubernetes_validate.validate(outcome, "1.37")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"containers": [{"name": "mlrun", "ports": [1]}]}, "spec.containers[0].ports[0] must be an object, not 1"),
        (
            {"containers": [{"name": "mlrun", "volumeMounts": "x"}]},
            'spec.containers[0].volumeMounts must be a list, not "x"',
        ),
        (
            {"containers": [{"name": "a", "securityContext": [1]}]},
            "spec.containers[0].securityContext must be an object",
        ),
        ({"volumes": [{"name": "v", "image": "x"}]}, 'spec.volumes[0].image must be an object, not "x"'),
        (
            {"volumes": [{"name": "v", "projected": {"sources": [None]}}]},
            "spec.volumes[0].projected.sources[0] must be",
        ),
        (
            {"containers": [{"name": "mlrun", "volumeMounts": [{"name": "v", "mountPath": {}}]}]},
            "mountPath must be a string",
        ),
        ({"containers": [{"name": "mlrun", "env": [{"name": ["x"]}]}]}, "env[0].name must be a string"),
        (
            {"terminationGracePeriodSeconds": "30"},
            'spec.terminationGracePeriodSeconds must be a whole number, not "30"',
        ),
        ({"nodeSelector": {"gpu": True}}, "spec.nodeSelector.gpu must be a string, not true; put it in quotes"),
    ],
)
def test_a_wrong_type_is_told_by_its_path(spec: Object, words: str, platform: Platform, function: Object) -> None:
    outcome = outcome_of({"podTemplate": {"spec": spec}}, platform, function)
    assert isinstance(outcome, str)
    assert words in outcome


@pytest.mark.parametrize(
    "container",
    [
        {"ports": None},
        {"volumeMounts": None},
        {"securityContext": None},
        {"env": None},
        {"resources": {"limits": None}},
    ],
)
def test_null_is_absent_as_in_kubernetes(container: Object, platform: Platform, function: Object) -> None:
    spec = {"containers": [{"name": "mlrun", **container}], "volumes": [{"name": "v", "image": None, "emptyDir": {}}]}
    assert isinstance(outcome_of({"podTemplate": {"spec": spec}}, platform, function), dict)


def test_an_unknown_name_of_any_type_passes(platform: Platform, function: Object) -> None:
    spec = {"tolerations": [{"name": ["x"], "operator": "Exists"}]}  # a toleration has no name: Kubernetes drops it
    assert isinstance(outcome_of({"podTemplate": {"spec": spec}}, platform, function), dict)


def _deep(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"newField": value}
    return value


@pytest.mark.parametrize("make", [lambda: {"newField": "x" * MAX_SIZE}, lambda: _deep(100_000)])
def test_a_part_that_is_too_large_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="larger than 64 KiB, or nested too deeply"):
        checked(make(), "PodSpec", "spec", is_partial=True)


def test_fields_of_a_newer_kubernetes_pass() -> None:
    assert checked({"newField": [{"x": None}]}, "PodSpec", is_partial=True) == {"newField": [{"x": None}]}
