"""Every documented argument, in DigitalHub's shapes and in ours, becomes the resource; what cannot is named."""

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.sdk.arguments import FunctionArguments, RunArguments
from mlrun_operator.sdk.errors import InvalidArgument, NotSupported
from mlrun_operator.sdk.translate import RunRequest, function_object, function_spec, run_object, run_spec
from mlrun_operator.sdk.translate.declared import declared_names
from mlrun_operator.sdk.translate.floats import declared
from mlrun_operator.sdk.translate.run import check_action
from mlrun_operator.sdk.translate.shapes import camel, snake
from mlrun_operator.sdk.translate.source import LargeFile

REQUEST = RunRequest("project-mlrun", "team", "my-function-c64d28", "my_function")
CODE = {"code": "def handler(context):\n    return 1\n"}


def spec(**given: Any) -> dict[str, Any]:
    """The run's spec without what every run has."""
    found = run_spec(REQUEST, given, lambda text, _: text)
    assert found.pop("functionRef")["name"] == "my-function-c64d28"
    assert found.pop("project") == "project-mlrun"
    return found


def function(**given: Any) -> dict[str, Any]:
    found, large = function_spec("project-mlrun", "my_function", "mlrun", {"source": CODE, **given})
    assert large is None
    return found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"node_selector": [{"key": "disk", "value": "ssd"}]}, {"nodeSelector": {"disk": "ssd"}}),
        ({"nodeSelector": {"disk": "ssd"}}, {"nodeSelector": {"disk": "ssd"}}),
        (
            {"resources": {"cpu": {"requests": "1", "limits": "2"}, "mem": {"limits": "1Gi"}, "gpu": {"limits": 1}}},
            {"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi", "gpu": 1}}},
        ),
        ({"resources": {"cpu": 0.5, "mem": "64Mi"}}, {"resources": {"requests": {"cpu": "0.5", "memory": "64Mi"}}}),
        ({"resources": {"limits": {"memory": "1Gi"}}}, {"resources": {"limits": {"memory": "1Gi"}}}),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "value": "1"}]}),
        ({"envs": {"A": True, "B": 2}}, {"env": [{"name": "A", "value": "true"}, {"name": "B", "value": "2"}]}),
        (
            {"env": [{"name": "A", "value_from": {"secret_key_ref": {"name": "s", "key": "k"}}}]},
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
        ),
        ({"secrets": ["db-password"]}, {"secrets": ["db-password"]}),
        (
            {"secrets": ["db-password", "API_KEY", "TOKEN"]},
            {"secrets": ["db-password", {"name": "mlrun-project-project-mlrun", "keys": ["API_KEY", "TOKEN"]}]},
        ),
        (
            {"tolerations": [{"key": "gpu", "effect": "NoExecute", "toleration_seconds": 5}]},
            {"tolerations": [{"key": "gpu", "effect": "NoExecute", "tolerationSeconds": 5}]},
        ),
        ({"backoff_limit": 3}, {"backoffLimit": 3}),
        ({"backoffLimit": 0}, {"backoffLimit": 0}),
        ({"priority_class": "high"}, {"priorityClassName": "high"}),
        ({"values": ["score"]}, {"values": ["score"]}),
        ({"outputs": {"dataset": "clean"}}, {"outputs": {"dataset": "clean"}}),
        ({"outputs": ["dataset"]}, {"outputs": {"dataset": "dataset"}}),
        (
            {"parameters": {"x": (1, 2), "y": None}},
            {"parameters": {"x": [1, 2], "y": None}, "floatParameters": []},
        ),
        ({"parameters": {}}, {}),
    ],
)
def test_an_option_becomes_the_resources_field(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert spec(**given) == expected


@pytest.mark.parametrize("match", ["match_expressions", "matchExpressions"])
def test_affinity_is_taken_in_snake_and_camel_case(match: str) -> None:
    terms = [{match: [{"key": "my_zone", "operator": "In", "values": ["a_b"]}]}]
    given = {"node_affinity": {"required_during_scheduling_ignored_during_execution": {"node_selector_terms": terms}}}
    found = spec(affinity=given)["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert found == {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "my_zone", "operator": "In", "values": ["a_b"]}]}]
    }


def test_names_of_the_users_own_are_left_alone_within_camel_cased_objects() -> None:
    pod = {"pod_affinity_term": {"label_selector": {"match_labels": {"my_app": "x"}}, "topology_key": "host_name"}}
    found = spec(affinity={"pod_affinity": {"preferred": [pod]}})["affinity"]["podAffinity"]["preferred"][0]
    assert found["podAffinityTerm"] == {"labelSelector": {"matchLabels": {"my_app": "x"}}, "topologyKey": "host_name"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"volume_type": "config_map", "spec": {"name": "settings", "items": [{"key": "a", "path": "b"}]}},
            {"configMap": {"name": "settings", "items": [{"key": "a", "path": "b"}]}},
        ),
        ({"volume_type": "secret", "spec": {"secret_name": "tls"}}, {"secret": {"secretName": "tls"}}),
        (
            {"volume_type": "persistent_volume_claim", "spec": {"claim_name": "data"}},
            {"persistentVolumeClaim": {"claimName": "data"}},
        ),
        (
            {"volume_type": "persistent_volume_claim", "spec": {"size": "1Gi", "storage_class": "fast"}},
            {"ephemeral": {"size": "1Gi", "storageClassName": "fast"}},
        ),
        ({"volume_type": "empty_dir"}, {"emptyDir": {}}),
        ({"volumeType": "empty_dir", "spec": {"size_limit": "1Gi"}}, {"emptyDir": {"sizeLimit": "1Gi"}}),
        (
            {"config_map": {"name": "settings"}, "read_only": True},
            {"configMap": {"name": "settings"}, "readOnly": True},
        ),
    ],
)
def test_volumes_are_taken_in_both_shapes(given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = spec(volumes=[{"name": "v", "mount_path": "/data", **given}])["volumes"]
    assert found == [{"name": "v", "mountPath": "/data", **expected}]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"node_selectr": {}}, "node_selectr: is no argument of run. Did you mean node_selector?"),
        ({"nodeSelector": {}, "node_selector": {}}, "is given twice"),
        ({"node_selector": [{"key": "a"}]}, "node_selector.0.value: is missing"),
        ({"node_selector": {"key": "disk", "value": "ssd"}}, "node_selector: one entry of a list is no list"),
        ({"node_selector": {"disk": "a b"}}, "node_selector.disk: 'a b' is no value of a label"),
        ({"resources": {"ram": "1Gi"}}, "resources.ram: is no resource"),
        ({"resources": {"mem": {"limits": "1 GB"}}}, "resources.limits.memory: '1 GB' is not a quantity"),
        ({"resources": {"cpu": {"requests": 2, "limits": 1}}}, "resources: requests.cpu 2 must be less than or equal"),
        (
            {"volumes": [{"name": "v", "mount_path": "/d", "empty_dir": {"size_limit": "lots"}}]},
            "volumes.0.emptyDir.sizeLimit: 'lots' is not a quantity",
        ),
        ({"inputs": {"url": "ftp://h/x"}}, "url: ftp:// cannot be read"),
        ({"parameters": {"x": np.array([5])}}, "parameters.x: ndarray cannot travel in a run"),
        ({"parameters": {"x": [np.array([[7.5]])]}}, "parameters.x.0: ndarray cannot travel in a run"),
        ({"parameters": {"x": np.array([1, 2])}}, "parameters.x: ndarray cannot travel in a run"),
        ({"parameters": {"x": pd.Series([3])}}, "parameters.x: Series cannot travel in a run"),
        ({"resources": {"mem": {"max": "1Gi"}}}, "resources.mem.max: is neither requests nor limits"),
        ({"volumes": [{"volume_type": "nfs", "name": "v", "mount_path": "/d"}]}, "volumes.0.volume_type: 'nfs'"),
        ({"volumes": [{"name": "v", "mount_path": "data", "empty_dir": {}}]}, "volumes.0.mountPath: "),
        ({"env": [{"value": "1"}]}, "env.0.name: is missing"),
        ({"env": {"HOME": "/root"}}, "env.0.name: HOME is set by the platform"),
        ({"secrets": "db"}, "secrets: must be a list"),
        ({"backoff_limit": -1}, "backoff_limit: Input should be greater than or equal to 0 (given: -1)"),
        ({"tolerations": [{"effect": "Never"}]}, "tolerations.0.effect"),
        ({"inputs": ["url"]}, "inputs: must be a dictionary"),
        ({"inputs": {"url": 3}}, "inputs.url: must be a key, a path or a dataitem, not int 3"),
        ({"inputs": {"url": "store://nope"}}, "inputs: "),
        ({"outputs": {"a": "b/c"}}, "outputs.a"),
        ({"parameters": {"x": {"y": object}}}, "parameters.x.y: type cannot travel in a run"),
        ({"parameters": {"x": float("nan")}}, "parameters.x: nan is no JSON number"),
        ({"name": "a b"}, "name: 'a b' is not a name"),
        ({"labels": 3}, "labels: must be a list"),
        ({"labels": {"a b": ""}}, "labels.a b: is no name of a Kubernetes label"),
    ],
)
def test_an_error_names_the_argument(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        run_object(REQUEST, run_spec(REQUEST, given, lambda text, _: text), given)
    assert words in str(caught.value)


def test_scalars_of_numpys_are_numbers() -> None:
    parameters = {"a": np.int64(5), "b": np.float32(0.5), "c": np.array(7), "d": np.bool_(True)}
    assert spec(parameters=parameters)["parameters"] == {"a": 5, "b": 0.5, "c": 7, "d": True}


@pytest.mark.parametrize(
    ("given", "words"),
    [({"profile": "gpu"}, "there are no profiles"), ({"args": ["-x"]}, "use parameters")],
)
def test_what_digitalhub_had_and_we_have_not_is_refused_with_words(given: dict[str, Any], words: str) -> None:
    with pytest.raises(NotSupported, match=words):
        spec(**given)


@pytest.mark.parametrize("name", ["schedule", "replicas", "hyperparameters"])
def test_an_argument_is_taken_exactly_when_the_resource_has_its_field(name: str) -> None:
    value: Any = {"schedule": "0 * * * *", "replicas": 2, "hyperparameters": {"params": {"x": [1, 2]}}}[name]
    if name in RunSpec.model_fields:
        assert name in spec(**{name: value})
    else:
        with pytest.raises(NotSupported, match=f"{name} is not supported by this version"):
            spec(**{name: value})


GRID = {"x": [1, 2], "y": ["a"]}


class Options:
    """mlrun's HyperParamOptions, as far as we care."""

    def to_dict(self) -> dict[str, Any]:
        return {"selector": "min.loss", "max_errors": 1}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"hyperparams": GRID}, {"params": GRID}),
        (
            {"hyperparams": GRID, "hyper_param_options": Options()},
            {"params": GRID, "selector": "min.loss", "maxErrors": 1},
        ),
        (
            {
                "hyperparams": GRID,
                "hyper_param_options": {"strategy": "list", "parallel_runs": 4, "stop_condition": "x>1"},
            },
            {"params": GRID, "strategy": "list", "parallelism": 4, "placement": "FanOut", "stopCondition": "x>1"},
        ),
        ({"hyperparams": GRID, "hyper_param_options": {"parallel_runs": 1}}, {"params": GRID}),
        ({"hyper_param_options": {"param_file": "s3://b/x.csv"}}, {"paramFile": "s3://b/x.csv"}),
        ({"parameters": {"hyperparams": GRID, "selector": "max.score"}}, {"params": GRID, "selector": "max.score"}),
        (
            {"hyperparameters": {"params": {"my_name": range(3)}, "max_iterations": 2, "strategy": "random"}},
            {"params": {"my_name": [0, 1, 2]}, "maxIterations": 2, "strategy": "random"},
        ),
    ],
)
def test_a_sweep_may_be_said_in_mlruns_words_and_in_ours(given: dict[str, Any], expected: dict[str, Any]) -> None:
    if expected.get("strategy") == "list":
        given["hyperparams"] = expected["params"] = {"x": [1, 2], "y": ["a", "b"]}
    assert spec(**given)["hyperparameters"] == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"hyperparams": {"x": "abc"}}, "'abc' is no list of values"),
        ({"hyperparams": {"x": 3}}, "3 is no list of values"),
        ({"hyperparams": {"x": [*range(40)], "y": [*range(40)]}}, "1600 points"),
        ({"hyperparams": GRID, "hyper_param_options": {"strategy": "custom"}}, "strategy"),
        ({"hyperparams": GRID, "replicas": 2}, "replicas: not with hyperparameters"),
    ],
)
def test_a_sweep_that_cannot_be_is_told_before_it_is_submitted(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        spec(**given)


@pytest.mark.parametrize(("action", "hint"), [("build", "Build the image outside"), ("serve", "is 'job'")])
def test_only_the_action_job_is_known(action: str, hint: str) -> None:
    check_action("job")
    with pytest.raises(NotSupported, match=hint):
        check_action(action)


def test_mlruns_own_inputs_among_the_parameters_become_inputs_as_documented() -> None:
    given = {
        "inputs": {"mlrun-input-param-name": "store://p/dataitem/table/my_dataitem"},
        "outputs": {"mlrun-input-param-name": "my-output-name"},
        "parameters": {"inputs": {"key": "s3://bucket/value.csv"}, "n": 3},
        "values": ["simple-mlrun-output-value-name"],
    }
    assert spec(**given) == {
        "inputs": {
            "mlrun-input-param-name": "store://p/dataitem/table/my_dataitem",
            "key": "s3://bucket/value.csv",
        },
        "outputs": {"mlrun-input-param-name": "my-output-name"},
        "parameters": {"n": 3},
        "floatParameters": [],
        "values": ["simple-mlrun-output-value-name"],
    }


FLOATS = {"a": 1.0, "b": -0.0, "c": 1, "d": [0.5, 2.0], "e": 1e3, "f": 0.5, "g": True}


def test_whole_floats_are_declared_since_kubernetes_stores_them_as_integers() -> None:
    """Fault F4."""
    found = spec(parameters=FLOATS, hyperparams={"rate": [0.5, 1.0], "depth": [1, 2]})
    pointers = ["/parameters/a", "/parameters/b", "/parameters/d", "/parameters/e", "/hyperparameters/params/rate"]
    assert found["floatParameters"] == pointers
    assert found["parameters"] == {**FLOATS, "b": "-0.0"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"parameters": {"x": 2}}, []),
        ({"hyperparams": {"x": [2]}}, []),
        ({"parameters": {"x": np.float32(2)}}, ["/parameters/x"]),
        ({"hyperparams": {"x": np.array([1.0, 2.0])}}, ["/hyperparameters/params/x"]),
        ({"parameters": {"x": 0.5, "y": "1.0"}}, None),
        ({"parameters": {"x": 1.0}, "float_parameters": ["/parameters/y"]}, ["/parameters/y"]),
        ({"parameters": {"x": 1.0}, "floatParameters": []}, []),
    ],
)
def test_a_run_says_of_whole_numbers_alone_which_are_floats(given: dict[str, Any], expected: list[str] | None) -> None:
    assert spec(**given).get("floatParameters") == expected


def test_more_floats_among_integers_than_pointers_are_refused() -> None:
    with pytest.raises(
        InvalidArgument,
        match=r"^parameters: 300 whole floats are among integers.*floatParameters can name at most 256.*into an input",
    ):
        spec(parameters={"x": [1, 1.0] * 300})


HINTS = ["a", "df:dataset[file_format='csv']", {"key": "m", "artifact_type": "model", "labels": {"a": "1"}}]


class Hint:
    """As mlrun.LogHint, a model of pydantic 1."""

    artifact_type = None

    def dict(self, *, exclude_defaults: bool) -> dict[str, Any]:
        return {"key": "df", "itemized": True} if exclude_defaults else {}


def test_log_hints_may_be_texts_dictionaries_and_mlruns_own() -> None:
    """Fault A11."""
    assert spec(returns=[*HINTS, Hint()])["returns"] == [*HINTS, {"key": "df", "itemized": True}]
    assert function(returns=[*HINTS, Hint()])["returns"] == [*HINTS, {"key": "df", "itemized": True}]


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        ("a b", "'a b' is not a log hint, such as df, df:dataset"),
        ("a:data set", "is not a log hint"),
        ("", "is not a log hint"),
        ("a:dataset[", "is not a log hint"),
        ({"artifact_type": "dataset"}, r"a log hint needs a key: .*artifact_type: dataset\}$"),
        ({"key": ""}, "a log hint needs a key"),
        *(
            (yaml.safe_load(f"- {text}")[0], rf"so write {re.escape(text.replace(' ', ''))} without the space$")
            for text in ("df: dataset", "df: dataset[file_format='csv']")
        ),
        ({"df": 1}, r"artifact_type: dataset\}$"),
        ({"df": "dataset", "x": "model"}, r"artifact_type: dataset\}$"),
        ({}, r"artifact_type: dataset\}$"),
        ({"key": "a", "x": object()}, "returns.0.x: object cannot travel"),
    ],
)
def test_what_is_no_log_hint_is_refused_with_words(hint: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        spec(returns=[hint])


def manifest(parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "MlrunRun", "metadata": {"name": "r"}, "spec": {"parameters": parameters, **more}}


def test_an_applied_manifest_declares_its_floats() -> None:
    assert declared(manifest({"x": 1.0, "y": -0.0}))["spec"] == {
        "parameters": {"x": 1.0, "y": "-0.0"},
        "floatParameters": ["/parameters/x", "/parameters/y"],
    }


@pytest.mark.parametrize(
    "written", [manifest({"x": 1}), manifest({"x": 1.0}, floatParameters=[]), {"kind": "MlrunFunction", "spec": {}}]
)
def test_a_manifest_without_floats_is_applied_as_it_is(written: dict[str, Any]) -> None:
    """Otherwise a newer version would run each finished run with an integer again."""
    assert declared(written) is written


def test_an_input_may_be_a_list_a_map_a_reference_or_digitalhubs_dictionary() -> None:
    entity = {"key": "store://p/dataitems/table/t:1", "metadata": {}, "spec": {"path": "x.csv"}}
    given = {"a": ["s3://b/1", "s3://b/2"], "m": {"train": "s3://b/t"}, "r": {"path": "s3://b/x", "format": "csv"}}
    assert spec(inputs={**given, "e": entity})["inputs"] == {**given, "e": "store://p/dataitems/table/t:1"}


def test_a_function_has_its_original_name_project_and_labels() -> None:
    found = function(
        handler="handler",
        image="mlrun/mlrun",
        tag="v1",
        requirements="pandas\n# comment\n\nscipy==1.11",
        description="cleans",
        git_source="https://git.example.org/team/repo",
        embedded=False,
    )
    obj = function_object("project-mlrun", found, {"labels": ["experimental", "team:blue"]}, "team")
    assert obj["metadata"] == {
        "name": "my-function-c64d28",
        "namespace": "team",
        "labels": {"experimental": "", "team": "blue", "mlrun-operator.dev/project": "project-mlrun"},
    }
    assert obj["spec"] == {
        "name": "my_function",
        "project": "project-mlrun",
        "source": CODE,
        "handler": "handler",
        "image": "mlrun/mlrun",
        "tag": "v1",
        "requirements": ["pandas", "scipy==1.11"],
        "description": "cleans",
        "gitSource": "https://git.example.org/team/repo",
        "embedded": False,
    }


def test_of_several_sources_base64_wins_over_code_and_code_over_source() -> None:
    text = base64.b64encode(b"def h(): ...").decode()
    with pytest.warns(UserWarning, match="base64 is used and code and source ignored"):
        assert function(source={"source": "x.py", "code": "y", "base64": text})["source"] == {
            "base64": text,
            "fileName": "x.py",
        }
    with pytest.warns(UserWarning, match="code is used and source ignored"):
        assert function(source={"source": "x.py", "code": "y"})["source"] == {"code": "y", "fileName": "x.py"}


def test_a_local_file_travels_as_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pipeline.py").write_text("def handler(context): ...\n")
    monkeypatch.chdir(tmp_path)
    expected = {"code": "def handler(context): ...\n", "fileName": "pipeline.py"}
    for written in ({"source": "pipeline.py"}, "pipeline.py", Path("pipeline.py")):
        assert function(source=written)["source"] == expected


@pytest.mark.parametrize("name", ["a\\b.py", "a\nb.py", "\udce9.py"])
def test_a_name_that_no_resource_can_hold_is_left_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("def handler(context): ...\n")
    assert function(source=tmp_path / name)["source"] == {"code": "def handler(context): ...\n"}


def test_a_large_local_file_is_left_for_the_store(tmp_path: Path) -> None:
    file = tmp_path / "large.py"
    file.write_text("#" * (129 * 1024))
    _, large = function_spec("p", "f", "mlrun", {"source": {"source": str(file)}})
    assert large == LargeFile(file, file.read_bytes())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "source: has none of source, code and base64"),
        ({"source": "missing.py"}, "source.source: missing.py does not exist"),
        ({"source": "."}, "source.source: . is neither a .py file nor a notebook"),
        ({"source": "ftp://x/y.py"}, "source.source: source: the scheme must be one of"),
        ({"base64": "!"}, "source.base64"),
        ({"code": "x", "lang": "java"}, "source.lang: lang: only python is supported"),
        ({"code": "x", "file_name": "a/b.py"}, "source.file_name: source.fileName is the name of the .py file"),
        ({"source": "s3://b/a.py", "file_name": "b.py"}, "source: source.fileName is the name of inline code"),
        ({"cod": "x"}, "source.cod: is no argument of source. Did you mean code?"),
        (3, "source: must be a dictionary"),
    ],
)
def test_a_source_that_is_none_is_named(given: Any, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        function_spec("p", "f", "mlrun", {"source": given})
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"uuid": "x"}, "uuid: 'x' is not a uuid"),
        ({"uuid": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}, "is not a uuid of version 4"),
        ({"handler": "a b"}, "handler: handler is the name of a function"),
        ({"run": {"backof_limit": 1}}, "run.backof_limit: is no argument of run. Did you mean backoff_limit?"),
        ({"run": {"resources": {"ram": 1}}}, "run.resources.ram: is no resource"),
        ({"handlr": "x"}, "Did you mean handler?"),
    ],
)
def test_a_functions_argument_that_cannot_be_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        function(**given)
    assert words in str(caught.value)


def test_other_kinds_of_functions_are_refused() -> None:
    with pytest.raises(NotSupported, match="kind 'python' is not supported"):
        function_spec("p", "f", "python", {"source": CODE})


def test_a_run_is_named_by_its_function_and_five_characters_unless_it_says_a_name() -> None:
    named = run_object(REQUEST, {"name": "My_Run"}, {"labels": {"team": "blue"}})
    assert named["metadata"]["name"].startswith("my-run-")
    assert named["metadata"]["labels"] == {
        "team": "blue",
        "mlrun-operator.dev/project": "project-mlrun",
        "mlrun-operator.dev/function": "my_function",
    }
    names = {run_object(REQUEST, {}, {})["metadata"]["name"] for _ in range(50)}
    assert len(names) == 50
    assert all(name.startswith("my-function-c64d28-") and len(name) == 24 for name in names)


def test_the_declared_arguments_are_all_that_a_run_and_a_function_may_be_given() -> None:
    own = {"function", "function_ref", "project", "action", "stop", "rerun"}
    assert set(RunSpec.model_fields) - own <= set(RunArguments.__annotations__)
    assert set(FunctionSpec.model_fields) - {"name", "project"} <= set(FunctionArguments.__annotations__)


@given(st.sampled_from(sorted(RunSpec.model_fields)))
def test_every_field_of_a_run_has_one_name_in_each_case(name: str) -> None:
    assert snake(camel(name)) == name
    assert camel(camel(name)) == camel(name)
    assert RunSpec.model_fields[name].alias == camel(name)


def test_an_object_of_a_feature_store_is_refused_with_what_to_do() -> None:
    class FeatureVector:
        pass

    with pytest.raises(InvalidArgument, match=r"inputs.v: a FeatureVector is in MLRun's feature store.*to_parquet"):
        spec(inputs={"v": FeatureVector()})


@pytest.mark.parametrize(
    ("handler", "code", "names"),
    [
        ("h", "def h(a, /, params, *, returns=None, **rest): pass", {"a", "params", "returns"}),
        ("h", "async def h(inputs): pass", {"inputs"}),
        ("h", "def h(a): pass\ndef h(params): pass", {"params"}),
        ("C::m", "class C:\n    def m(self, params): pass\ndef m(a): pass", {"self", "params"}),
        ("other:h", "def h(params): pass", set()),
        ("h", "h = print", set()),
        ("h", "def h(:", set()),
    ],
)
def test_what_a_handler_declares_is_read_from_the_code_that_travels(handler: str, code: str, names: set[str]) -> None:
    assert declared_names({"handler": handler, "source": {"code": code}}) == names
    assert declared_names({"handler": handler, "source": {"source": "git+https://h/r", "handler": "h.py"}}) == set()


def test_mlruns_arguments_among_the_parameters_are_taken_out_unless_the_handler_declares_them() -> None:
    given = {"parameters": {"params": {"a": 1}}}
    own = replace(REQUEST, declared=frozenset({"params"}))
    assert run_spec(REQUEST, given, lambda text, _: text)["parameters"] == {"a": 1}
    assert run_spec(own, given, lambda text, _: text)["parameters"] == {"params": {"a": 1}}
