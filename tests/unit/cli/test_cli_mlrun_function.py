"""MLRun's own functions: `convert` makes MlrunFunctions of them, and the other verbs say so."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_operator.cli.documents import parse
from mlrun_operator.cli.errors import Exit
from mlrun_operator.cli.problems import check
from mlrun_operator.sdk.errors import InvalidArgument
from mlrun_operator.sdk.foreign.mlrun_function import is_mlrun_function
from mlrun_operator.sdk.translate.source import source

CODE = "def handler(context, x=1):\n    return x\n"
# As mlrun 1.12's `function.export()` writes it.
FUNCTION: dict[str, Any] = {
    "kind": "job",
    "metadata": {"name": "load-dataset", "tag": ""},
    "verbose": False,
    "spec": {
        "image": "",
        "command": "",
        "description": "d",
        "default_handler": "handler",
        "filename": "/home/me/load_data.py",
        "entry_points": {"handler": {"name": "handler", "lineno": 1}},
        "state_thresholds": {"executing": "24h"},
        "disable_auto_mount": False,
        "build": {
            "functionSourceCode": base64.b64encode(CODE.encode()).decode(),
            "base_image": "mlrun/mlrun",
            "origin_filename": "/home/me/load_data.py",
            "code_origin": "/home/me/load_data.py",
            "requirements": ["pandas"],
        },
    },
}


def with_spec(build: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {**FUNCTION, "spec": {**FUNCTION["spec"], "build": {**FUNCTION["spec"]["build"], **(build or {})}, **spec}}


def converted(cli: Any, tmp_path: Path, value: Any, code: int = 0) -> tuple[list[Any], str]:
    file = tmp_path / "function.yaml"
    file.write_text(yaml.safe_dump(value))
    said = cli("convert", file)
    assert said.code == code, said.err
    return list(yaml.safe_load_all(said.out)), said.err


def made(cli: Any, tmp_path: Path, value: Any) -> tuple[dict[str, Any], str]:
    """The spec of the one function, which is valid; and what is told."""
    objects, told = converted(cli, tmp_path, value)
    assert check(parse(yaml.safe_dump_all(objects), "f")) == []
    return objects[0]["spec"], told


def test_an_exported_function_becomes_ours_without_a_note(cli, tmp_path: Path) -> None:
    (function,), told = converted(cli, tmp_path, FUNCTION)
    assert function == {
        "apiVersion": "mlrun-operator.dev/v1alpha1",
        "kind": "MlrunFunction",
        "metadata": {"name": "load-dataset"},
        "spec": {
            "name": "load-dataset",
            "description": "d",
            "source": {"code": CODE, "fileName": "load_data.py"},
            "handler": "handler",
            "requirements": ["pandas"],
            "image": "mlrun/mlrun",
        },
    }
    assert told == ""


@pytest.mark.parametrize("kind", ["job", "", "local", "handler"])
def test_every_kind_that_runs_to_an_end_is_taken(cli, tmp_path: Path, kind: str) -> None:
    assert made(cli, tmp_path, {**FUNCTION, "kind": kind})[0]["handler"] == "handler"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("nuclio", "serves requests"),
        ("remote", "serves requests"),
        ("serving", "serves requests"),
        ("application", "serves requests"),
        ("dask", "needs a Dask cluster"),
        ("spark", "needs the Spark operator"),
        ("remote-spark", "needs a Spark service"),
        ("mpijob", "needs the MPI operator"),
        ("databricks", "runs in Databricks"),
    ],
)
def test_every_other_kind_is_refused_with_what_to_do(cli, tmp_path: Path, kind: str, words: str) -> None:
    _, told = converted(cli, tmp_path, {**FUNCTION, "kind": kind}, code=Exit.FAILED)
    assert f"function.yaml:1: MLRun function load-dataset: kind {kind} {words}" in told
    assert "; " in told


def test_the_options_of_its_pods_are_those_of_its_runs(cli, tmp_path: Path) -> None:
    options = {
        "resources": {"requests": {"memory": "1G", "cpu": 1}, "limits": {"nvidia.com/gpu": 1}},
        "env": [{"name": "A", "value": "1"}, {"name": "B"}],
        "node_selector": {"disk": "ssd"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "service_account": "sa",
        "image_pull_secret": "registry",
        "priority_class_name": "high",
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}, {"name": "h", "flexVolume": {}}],
        "volume_mounts": [{"name": "v", "mountPath": "/mnt"}, {"name": "h", "mountPath": "/User"}],
    }
    spec, told = made(cli, tmp_path, with_spec(**options))
    assert spec["run"] == {
        "resources": options["resources"],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "serviceAccountName": "sa",
        "imagePullSecrets": ["registry"],
        "priorityClassName": "high",
        "volumes": [{"name": "v", "mountPath": "/mnt", "persistentVolumeClaim": {"claimName": "c"}}],
    }
    assert told.splitlines() == [
        f"note: {tmp_path}/function.yaml:1: volume h at /User is left out: its kind is flexVolume"
    ]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (with_spec(workdir="/x"), "spec.workdir is left out"),
        (with_spec({"builder_env": {"A": "1"}}), "spec.build.builder_env is left out"),
        (with_spec({"commands": ["apt-get install x"]}), "build command 'apt-get install x' is left out"),
        (with_spec({"commands": ["pip install -U x"]}), "build command 'pip install -U x' is left out"),
        (with_spec({"commands": "apt-get install x"}), "'apt-get install x' is left out; images are not built here"),
        *(
            (with_spec({"commands": [command]}), f"build command {command!r} is left out")
            for command in (
                "pip install a && echo done",
                "pip install a; echo done",
                "pip install a || true",
                "pip install a | cat",
                "pip install a > log.txt",
                "pip install $(cat packages)",
                "pip install `cat packages`",
                "pip install a==$VERSION",
                "pip install 'a",
                "pip install .",
                "pip install",
            )
        ),
        (with_spec(image=".mlrun/func-a"), "which MLRun built for itself, is left out: mlrun/mlrun is in its place"),
        (with_spec(default_handler="", entry_points={"a": {}, "b": {}}), "set spec.handler to one of a, b"),
    ],
)
def test_what_is_not_carried_is_a_note(cli, tmp_path: Path, value: Any, words: str) -> None:
    _, told = made(cli, tmp_path, value)
    assert words in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("command", ["pip install a==1 'b[x]'", "python -m pip install a==1 b[x]"])
def test_plain_pip_commands_become_requirements(cli, tmp_path: Path, command: str) -> None:
    spec, told = made(cli, tmp_path, with_spec({"commands": [command]}))
    assert (spec["requirements"], told) == (["pandas", "a==1", "b[x]"], "")


@pytest.mark.parametrize("requirement", ["pandas >= 1.0", 'x; python_version < "3.8"'])
def test_a_quoted_requirement_is_one_entry(cli, tmp_path: Path, requirement: str) -> None:
    build = {"commands": [f"pip install '{requirement}' b"], "requirements": []}
    assert made(cli, tmp_path, with_spec(build))[0]["requirements"] == [requirement, "b"]


@pytest.mark.parametrize(
    ("build", "spec"), [({"requirements": "x"}, {}), ({"requirements": []}, {"requirements": "x"})]
)
def test_a_text_of_requirements_is_a_list_of_one(cli, tmp_path: Path, build: Any, spec: Any) -> None:
    assert made(cli, tmp_path, with_spec(build, **spec))[0]["requirements"] == ["x"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"resources": "x"}, "spec.resources must be a map, not 'x'"),
        ({"volume_mounts": ["a"]}, "spec.volume_mounts[0] must be a map, not 'a'"),
        ({"volumes": {"name": "v"}}, "spec.volumes must be a list, not {'name': 'v'}"),
        ({"env": ["A=1"]}, "spec.env[0] must be a map, not 'A=1'"),
        ({"default_handler": True}, "spec.default_handler must be a text, not True"),
        ({"requirements": [1]}, "spec.requirements[0] must be a text, not 1"),
    ],
)
def test_a_field_of_another_shape_is_refused(cli, tmp_path: Path, spec: Any, words: str) -> None:
    told = converted(cli, tmp_path, with_spec(**spec), code=Exit.FAILED)[1]
    assert f"function.yaml:1: MLRun function load-dataset: {words}" in told


def test_a_build_of_another_shape_is_refused(cli, tmp_path: Path) -> None:
    value = {**FUNCTION, "spec": {**FUNCTION["spec"], "build": "x"}}
    assert "spec.build must be a map, not 'x'" in converted(cli, tmp_path, value, code=Exit.FAILED)[1]


@pytest.mark.parametrize(
    ("build", "spec", "source_"),
    [
        (
            {"source": "git://github.com/o/r.git#refs/heads/main"},
            {"command": "src/train.py"},
            {"source": "git+https://github.com/o/r.git#main", "handler": "src/train.py"},
        ),
        ({"source": "s3://b/code.zip"}, {}, {"source": "zip+s3://b/code.zip"}),
        ({}, {"command": "https://host/train.py"}, {"source": "https://host/train.py"}),
    ],
)
def test_code_elsewhere_is_named_in_our_form(cli, tmp_path: Path, build: Any, spec: Any, source_: Any) -> None:
    value = with_spec({"functionSourceCode": "", **build}, **spec)
    assert made(cli, tmp_path, value)[0]["source"] == source_


@pytest.mark.parametrize(
    ("build", "spec", "words"),
    [
        ({}, {}, "holds no code"),
        ({}, {"command": "/app/train.py"}, "its code is /app/train.py of its image"),
        ({"source": "v3io:///code.tar.gz"}, {}, "is neither a repository (git://) nor a .zip"),
    ],
)
def test_code_that_is_out_of_reach_is_a_refusal(cli, tmp_path: Path, build: Any, spec: Any, words: str) -> None:
    value = with_spec({"functionSourceCode": "", **build}, **spec)
    assert words in converted(cli, tmp_path, value, code=Exit.FAILED)[1]


@pytest.mark.parametrize(
    ("build", "name"),
    [
        ({"origin_filename": "/a/b.ipynb"}, "b.py"),
        ({"origin_filename": "C:\\a\\d.py"}, "d.py"),
        ({"origin_filename": "", "code_origin": "https://github.com/o/r.git#abc:/a/c.py"}, "c.py"),
        ({"origin_filename": "", "code_origin": ""}, "load_dataset.py"),
    ],
)
def test_the_file_has_its_origins_name(cli, tmp_path: Path, build: Any, name: str) -> None:
    assert made(cli, tmp_path, with_spec(build, filename=""))[0]["source"]["fileName"] == name


def test_the_functions_of_an_mlrun_project_are_taken_out(cli, tmp_path: Path) -> None:
    project = {
        "kind": "project",
        "metadata": {"name": "p"},
        "spec": {"functions": [{"name": "load-dataset", "spec": FUNCTION}, {"name": "other", "url": "hub://describe"}]},
    }
    (function,), told = converted(cli, tmp_path, project, code=Exit.FAILED)
    assert function["metadata"]["name"] == "load-dataset"
    assert "functions other: is not embedded in the project" in told


@pytest.mark.parametrize("verb", ["validate", "apply", "render"])
def test_verbs_on_manifests_name_convert(cli, tmp_path: Path, verb: str) -> None:
    file = tmp_path / "function.yaml"
    file.write_text(json.dumps(FUNCTION))
    said = cli(verb, file)
    if verb != "render":
        assert "this is an MLRun function; `mlrunctl convert" in said.out + said.err
    assert said.code != 0


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("function.yaml", ("is an MLRun function", "mlrunctl run load-dataset")),
        ("ours.yaml", ("holds manifests", "mlrunctl apply")),
        ("other.json", ("is neither a .py file nor a manifest",)),
        ("missing.yaml", ("does not exist",)),
        ("hub://describe", ("MLRun's hub", "functions/src/describe/function.yaml", "mlrunctl convert")),
        ("hub://default/feature-selection:v1", ("functions/src/feature_selection/function.yaml",)),
        ("db://p/f", ("the database of an MLRun server", "mlrunctl convert")),
        (
            "https://host/train.py",
            ("cannot run https://host/train.py: `run` takes a file or a function's name", "source.source"),
        ),
        ("train.ipynb", ("train.ipynb does not exist",)),
    ],
)
def test_run_says_what_else_it_was_given(
    cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("function.yaml").write_text(yaml.safe_dump(FUNCTION))
    Path("ours.yaml").write_text("apiVersion: mlrun-operator.dev/v1alpha1\nkind: MlrunFunction\n")
    Path("other.json").write_text("{}")
    said = cli("run", what)
    assert said.code == Exit.USAGE
    assert [word for word in words if word not in said.err] == []


@pytest.mark.parametrize("what", ["hub://describe", "db://p/f", "function.yaml"])
def test_the_sdk_names_convert_as_well(what: str) -> None:
    with pytest.raises(InvalidArgument, match=r"mlrunctl convert function\.yaml"):
        source(what)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"kind": "job"},
        {"kind": "job", "metadata": {}, "spec": {"build": {}}},
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}, "spec": {"image": "x"}},
        {"kind": "mlrun", "name": "a", "metadata": {"name": "a"}, "spec": {"image": "x"}},
        {"kind": "table", "metadata": {"name": "a"}, "spec": {"image": "x"}},
    ],
)
def test_other_documents_are_not_mlruns_functions(value: Any) -> None:
    assert not is_mlrun_function(value)
