"""`convert`: DigitalHub's entities and calls as manifests, or the reason why not."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_operator.api import constants
from mlrun_operator.cli.documents import parse
from mlrun_operator.cli.errors import Exit
from mlrun_operator.cli.problems import check

CODE = "def downloader(context, url):\n    return url.as_df()\n"
FUNCTION: dict[str, Any] = {
    "project": "project-mlrun",
    "name": "my_function",
    "id": "5d4c1f43-93b4-4a5c-8a0c-7a3c5a1b2c3d",
    "kind": "mlrun",
    "key": "store://project-mlrun/functions/mlrun/my_function:5d4c1f43-93b4-4a5c-8a0c-7a3c5a1b2c3d",
    "metadata": {"project": "project-mlrun", "name": "my_function", "labels": ["team"], "embedded": True},
    "spec": {
        "source": {"source": "pipeline.py", "base64": base64.b64encode(CODE.encode()).decode(), "lang": "python"},
        "handler": "downloader",
        "image": "mlrun/mlrun",
        "requirements": [],
        "command": None,
    },
    "status": {"state": "CREATED"},
}
ITEM: dict[str, Any] = {
    "project": "project-mlrun",
    "name": "url-dataitem",
    "kind": "table",
    "key": "store://project-mlrun/dataitems/table/url-dataitem:1",
    "spec": {"path": "https://example.org/employees.csv"},
}
TASK: dict[str, Any] = {
    "project": "project-mlrun",
    "kind": "mlrun+job",
    "spec": {
        "function": "mlrun://project-mlrun/my_function:5d4c1f43-93b4-4a5c-8a0c-7a3c5a1b2c3d",
        "k8s": {
            "node_selector": [{"key": "disk", "value": "ssd"}],
            "volumes": [{"volume_type": "empty_dir", "name": "v", "mount_path": "/v", "spec": {"size_limit": "1Gi"}}],
            "resources": {"cpu": {"requests": "1"}, "mem": {"limits": "1Gi"}},
            "tolerations": [{"key": "gpu", "effect": "NoExecute", "toleration_seconds": 5}],
            "env": [{"name": "A", "value": "1"}],
            "secrets": [],
            "backoff_limit": 3,
        },
    },
}
RUN: dict[str, Any] = {
    "project": "project-mlrun",
    "id": "0f1e2d3c-1111-4222-8333-444455556666",
    "kind": "mlrun+run",
    "spec": {
        "task": "mlrun+job://project-mlrun/my_function:5d4c1f43-93b4-4a5c-8a0c-7a3c5a1b2c3d",
        "inputs": {"url": "store://project-mlrun/dataitems/table/url-dataitem:1"},
        "outputs": {"dataset": "dataset"},
        "parameters": {"x": 1},
        "values": ["count"],
        "local_execution": False,
    },
    "status": {"state": "COMPLETED"},
}


def converted(cli: Any, tmp_path: Path, *values: Any, code: int = 0) -> tuple[list[Any], str]:
    file = tmp_path / "dh.json"
    file.write_text(json.dumps(list(values)))
    said = cli("convert", file)
    assert said.code == code, said.err
    return list(yaml.safe_load_all(said.out)), said.err


def test_function_task_and_run_become_valid_manifests(cli, tmp_path: Path) -> None:
    (function, run), told = converted(cli, tmp_path, RUN, TASK, ITEM, FUNCTION)
    assert function["metadata"]["name"] == "my-function-c64d28"
    assert function["spec"]["name"] == "my_function"
    assert base64.b64decode(function["spec"]["source"]["base64"]).decode() == CODE
    assert function["spec"]["run"] == {
        "nodeSelector": {"disk": "ssd"},
        "volumes": [{"name": "v", "mountPath": "/v", "emptyDir": {"sizeLimit": "1Gi"}}],
        "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
        "tolerations": [{"key": "gpu", "effect": "NoExecute", "tolerationSeconds": 5}],
        "env": [{"name": "A", "value": "1"}],
        "backoffLimit": 3,
    }
    assert run["metadata"]["name"] == "my-function-c64d28-0f1e2d3c"
    assert run["spec"] == {
        "project": "project-mlrun",
        "functionRef": {"name": "my-function-c64d28"},
        "inputs": {"url": {"path": "https://example.org/employees.csv"}},
        "outputs": {"dataset": "dataset"},
        "parameters": {"x": 1},
        "floatParameters": [],
        "values": ["count"],
    }
    assert "base64 is used and source ignored" in told
    assert check(parse(yaml.safe_dump_all([function, run]), "f")) == []


def test_what_a_task_says_becomes_the_functions_run(cli, tmp_path: Path) -> None:
    """F7: `function.export()` writes a function and its tasks, and no run."""
    said = {**TASK["spec"], "schedule": "0 0 * * *", "replicas": 2, "fs_group": 5}
    (function,), told = converted(cli, tmp_path, FUNCTION, {**TASK, "spec": said})
    assert function["spec"]["run"]["env"] == [{"name": "A", "value": "1"}]
    assert function["spec"]["run"]["backoffLimit"] == 3
    assert "schedule '0 0 * * *' is left out" in told
    assert "replicas 2 is left out" in told
    assert check(parse(yaml.safe_dump(function), "f")) == []


def test_a_tasks_options_go_into_its_run_where_the_function_is_elsewhere(cli, tmp_path: Path) -> None:
    (run,), _ = converted(cli, tmp_path, TASK, RUN)
    assert run["spec"]["backoffLimit"] == 3


def test_a_task_alone_names_the_function_that_is_missing(cli, tmp_path: Path) -> None:
    objects, told = converted(cli, tmp_path, TASK, code=Exit.FAILED)
    assert objects == []
    assert "the task's function my_function is not in these files" in told


def test_a_build_task_is_told(cli, tmp_path: Path) -> None:
    build = {"kind": "mlrun+build", "spec": {"function": TASK["spec"]["function"], "commands": ["pip install x"]}}
    (function,), told = converted(cli, tmp_path, FUNCTION, build)
    assert function["kind"] == "MlrunFunction"
    assert "the task mlrun+build of project-mlrun/my_function is left out" in told
    assert "pip install x" in told


@pytest.mark.parametrize(
    ("more", "lost"),
    [
        ({"force_build": False}, ""),
        ({"force_build": True, "source": {"source": "x.py"}, "image": "i", "handler": "h", "requirements": ["a"]},
         "force_build, source, image, handler, requirements: left out"),
        ({"function_spec": {"handler": "h"}, "job_spec": {"k8s": {"backoff_limit": 7}}}, "function_spec: left out"),
    ],
    ids=["0.5", "0.5 after a build", "0.3 and 0.4"],
)  # fmt: skip
def test_a_run_as_the_original_wrote_it_is_converted(cli, tmp_path: Path, more: dict[str, Any], lost: str) -> None:
    """F6: its entity holds fields that are no arguments of a run; they are noted, not refused."""
    (_, run), told = converted(cli, tmp_path, FUNCTION, ITEM, {**RUN, "spec": {**RUN["spec"], **more}})
    assert run["spec"]["parameters"] == {"x": 1}
    assert lost in told
    assert ("left out" in told) == bool(lost)
    assert run["spec"].get("backoffLimit") == (7 if "job_spec" in more else None)


def test_a_typing_error_in_a_call_is_refused(cli, tmp_path: Path) -> None:
    _, told = converted(cli, tmp_path, {"run": {"function": "f", "inputz": {"a": "b"}}}, code=Exit.FAILED)
    assert "inputz: is no argument of run" in told


def test_our_own_project_export_is_converted(cli, tmp_path: Path) -> None:
    """F20: it holds the manifests; dataitems of it are written into the runs."""
    own = {
        "apiVersion": constants.API_VERSION,
        "kind": "MlrunFunction",
        "metadata": {"name": "a"},
        "spec": {"project": "p", "source": {"code": CODE}, "handler": "downloader"},
    }
    held = {"name": "a", "key": "mlrun://p/a", "embedded": True, "object": own}
    item = {"name": "t", "key": ITEM["key"], "metadata": {}, "spec": ITEM["spec"]}
    project = {"kind": "project", "name": "p", "metadata": {}, "spec": {"functions": [held], "dataitems": [item]}}
    (function,), told = converted(cli, tmp_path, project)
    assert function == own
    assert told == ""


def test_a_project_export_is_taken_apart(cli, tmp_path: Path) -> None:
    project = {
        "kind": "project",
        "name": "p",
        "spec": {"functions": [FUNCTION, {"name": "other"}], "dataitems": [ITEM]},
    }
    (function,), told = converted(cli, tmp_path, project, code=Exit.FAILED)
    assert function["kind"] == "MlrunFunction"
    assert "functions other: is not embedded in the project; export it by itself" in told


def test_the_arguments_of_the_old_calls_are_taken(cli, tmp_path: Path) -> None:
    calls = {
        "new_function": {
            "project": "p",
            "name": "fn",
            "kind": "mlrun",
            "source": {"code": CODE},
            "handler": "downloader",
        },
        "run": {"action": "job", "inputs": {"url": "https://example.org/x.csv"}, "outputs": {"dataset": "dataset"}},
    }
    (function, run), _ = converted(cli, tmp_path, calls)
    assert function["spec"]["source"] == {"code": CODE}
    assert run["metadata"]["name"] == "fn-1"
    assert run["spec"]["functionRef"] == {"name": "fn"}
    assert run["spec"]["inputs"] == {"url": "https://example.org/x.csv"}


def test_a_key_that_the_files_do_not_hold_is_kept_with_a_note(cli, tmp_path: Path) -> None:
    (_, run), told = converted(cli, tmp_path, FUNCTION, RUN)
    assert run["spec"]["inputs"] == {"url": "store://project-mlrun/dataitems/table/url-dataitem:1"}
    assert "note: " in told
    assert "must be in the operator's store" in told


def test_a_quartz_schedule_becomes_a_cronjobs(cli, tmp_path: Path) -> None:
    scheduled = {**RUN, "spec": {**RUN["spec"], "schedule": "30 0/15 8-18 ? * 2-6"}}
    (_, run), told = converted(cli, tmp_path, FUNCTION, ITEM, scheduled)
    assert run["spec"]["schedule"] == "0-59/15 8-18 * * 1-5"
    assert "schedule: it fires at second 0, not at second 30" in told


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({**FUNCTION, "kind": "python"}, "kind 'python' cannot be converted"),
        ({"name": "f", "kind": "container", "source": {}}, "a function of kind 'container' cannot be converted"),
        ({**RUN, "spec": {**RUN["spec"], "task": "mlrun+build://p/f:1"}}, "Build the image outside"),
        ({**RUN, "spec": {**RUN["spec"], "profile": "gpu"}}, "there are no profiles"),
        ({**RUN, "spec": {**RUN["spec"], "schedule": "0 0 12 L * ?"}}, "'L' as day of the month"),
        ({**FUNCTION, "spec": {}}, "source: is missing"),
        ({"apiVersion": "v1", "kind": "Secret"}, "Secret is a Kubernetes object already"),
        ({"action": "job", "inputs": {}}, "which function it runs is not told"),
        ({"x": 1}, "is neither an entity nor the arguments of new_function or run"),
        ("text", "is neither an entity nor the arguments of a call"),
    ],
)
def test_what_cannot_be_converted_says_why(cli, tmp_path: Path, value: Any, words: str) -> None:
    objects, told = converted(cli, tmp_path, value, code=Exit.FAILED)
    assert objects == []
    assert words in told
    assert told.startswith("refused: ") or "\nrefused: " in told


def test_namespace_and_json(cli, tmp_path: Path) -> None:
    file = tmp_path / "dh.json"
    file.write_text(json.dumps(ITEM))
    assert cli("convert", file).code == Exit.FAILED
    file.write_text(json.dumps([FUNCTION, ITEM, TASK, RUN]))
    said = json.loads(cli("convert", file, "-n", "team", "--json").out)
    assert [item["metadata"]["namespace"] for item in said["items"]] == ["team", "team"]
    assert said["refusals"] == []
