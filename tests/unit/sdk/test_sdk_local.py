"""Runs on this machine, by the real wrapper and the real mlrun; and everything that needs no run at all."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import mlrun_operator as dh
from mlrun_operator import aio
from mlrun_operator.cli import describing
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.cluster.server_clock import utc_now
from mlrun_operator.sdk import errors
from mlrun_operator.sdk.backends.local.backend import LocalBackend
from mlrun_operator.sdk.session import Session

NOTHING = {"code": "def handler(context):\n    return 1\n"}
INLINE = {
    "apiVersion": "mlrun-operator.dev/v1alpha1",
    "kind": "MlrunRun",
    "metadata": {"name": "r", "namespace": "local"},
    "spec": {"function": {"name": "f", "source": NOTHING, "handler": "handler"}},
}


def test_a_failure_is_raised_with_the_users_own_words_and_retried_as_often_as_asked(home: Path) -> None:
    code = """
import os, pathlib
def handler(context, folder):
    tries = pathlib.Path(folder) / "tries"
    tries.write_text((tries.read_text() if tries.exists() else "") + "x")
    print("token", os.environ["TOKEN"])
    if len(tries.read_text()) < 3:
        raise KeyError("colum")
    return len(tries.read_text())
"""
    project = dh.get_or_create_project("demo")
    project.new_secret("TOKEN", "hush")
    function = project.new_function("flaky", source={"code": code}, handler="handler")
    run = function.run(parameters={"folder": str(home)}, secrets=["TOKEN"], backoff_limit=1, wait=False)
    with pytest.raises(errors.RunFailed) as caught:
        run.wait(60)
    assert caught.value.reason == "HandlerFailed"
    assert "KeyError: 'colum'" in str(caught.value)
    assert 'raise KeyError("colum")' in caught.value.details
    assert [attempt.exit_code for attempt in run.attempts] == [1, 1]
    assert [line.attempt for line in run.logs() if line == "token hush"] == [1, 2]
    again = run.rerun().wait(60)
    assert (again.state, again.result("return"), again.status["execution"]["number"]) == ("COMPLETED", 3, 2)
    assert (home / "home" / "secrets" / "demo.json").stat().st_mode & 0o077 == 0


def test_numbers_keep_their_types_here_as_in_a_cluster(home: Path) -> None:
    """Fault F4."""
    code = "def handler(context, rate: float, **given):\n    return repr({'rate': rate, **given})\n"
    function = dh.new_function("types", source={"code": code}, handler="handler")
    given = {"rate": 1, "a": 1.0, "b": -0.0, "c": [0.5, 2.0], "d": 1e3}
    run = function.run(parameters=given, log_info=False, wait=True)
    assert run.result("return") == repr(given)
    assert run.to_yaml().count("'-0.0'") == 1


def test_variables_in_variables_are_expanded_as_in_a_pod(home: Path) -> None:
    """Fault F18."""
    code = (
        "import os\ndef handler(context):\n    return {k: os.environ[k] for k in ('OUT', 'LITERAL', 'PW', 'LATER')}\n"
    )
    function = dh.new_function("variables", source={"code": code}, handler="handler")
    env = {"BASE": "/data", "OUT": "$(BASE)/out", "LITERAL": "$$(BASE)", "PW": "pa$$word $x", "LATER": "$(Z) $(HOME"}
    run = function.run(env={**env, "Z": "z"}, log_info=False, wait=True)
    expected = {"OUT": "/data/out", "LITERAL": "$(BASE)", "PW": "pa$word $x", "LATER": "$(Z) $(HOME"}
    assert run.result("return") == expected


def test_a_parameter_that_the_handler_has_not_is_a_warning_of_the_run(home: Path) -> None:
    """Of a handler with `context`, which may ask for it; a cluster's run has the same condition."""
    function = dh.new_function("typo", source={"code": "def h(context, a=1):\n    return a\n"}, handler="h")
    run = function.run(parameters={"aa": 7}, log_info=False, wait=True)
    assert run.result("return") == 1
    (condition,) = run.status["conditions"]
    assert (condition["type"], condition["status"]) == ("Warnings", "True")
    assert "'aa'" in condition["message"]
    assert f"Warnings   {condition['message']}" in describing.text(run.to_dict(), [], utc_now())
    assert "conditions" not in function.run(parameters={"a": 7}, log_info=False, wait=True).status


@pytest.mark.parametrize(
    ("name", "value"),
    [("params", {"epochs": 1}), ("inputs", {"a": 1}), ("returns", ["x", 2]), ("hyperparams", {"a": 1})],
)
def test_a_parameter_that_the_handler_declares_is_its_own(home: Path, name: str, value: object) -> None:
    """Although mlrun's run_function has an argument of that name."""
    code = f"def h(context, {name}):\n    return repr({name})\n"
    function = dh.new_function("own", source={"code": code}, handler="h")
    run = function.run(parameters={name: value}, log_info=False, wait=True)
    assert run.result("return") == repr(value)


def test_a_manifest_of_floats_says_which_they_are(home: Path) -> None:
    run = {**INLINE, "spec": {**INLINE["spec"], "parameters": {}}}
    text = json.dumps(run).replace('"parameters": {}', '"parameters": {"a": 1.0, "b": 1e3, "c": 1}')
    (read,) = dh.from_yaml(text)
    assert read.spec["floatParameters"] == ["/parameters/a", "/parameters/b"]


def test_a_run_is_stopped_followed_and_timed_out(home: Path) -> None:
    code = "import time\ndef handler(context):\n    print('begun', flush=True)\n    time.sleep(60)\n"
    function = dh.new_function("slow", source={"code": code}, handler="handler")
    run = function.run(wait=False, termination_grace_period_seconds=5)
    for line in run.logs(follow=True):
        if line == "begun":
            break
    run.stop()
    with pytest.raises(errors.RunStopped):
        run.wait(60)
    assert run.state == "STOPPED"
    run.stop()
    with pytest.raises(errors.WaitTimeout):  # it runs again: a stop of what has ended is no stop of what follows
        run.rerun().wait(1)
    run.stop()
    late = function.run(wait=False, active_deadline_seconds=1)
    with pytest.raises(errors.RunFailed, match="DeadlineExceeded"):
        late.wait(60)


@pytest.mark.parametrize("how", ["stop", "close"])
async def test_a_run_that_is_stopped_before_its_process_is_there_never_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    building, built = asyncio.Event(), asyncio.Event()

    async def slowly(home: Path) -> str:
        building.set()
        await built.wait()
        return sys.executable

    monkeypatch.setattr("mlrun_operator.sdk.backends.local.backend.interpreter", slowly)
    backend = LocalBackend(home=tmp_path)
    run = await aio.AsyncRun(Session(backend), INLINE).save()
    await building.wait()
    closing = asyncio.create_task(backend.close() if how == "close" else run.stop())
    await asyncio.sleep(0)
    built.set()
    await closing
    with pytest.raises(errors.RunStopped):
        await run.wait(60)
    assert (run.state, run.attempts) == ("STOPPED", [])


async def test_a_stop_while_the_process_is_being_made_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend, real = LocalBackend(home=tmp_path), asyncio.create_subprocess_exec
    run = aio.AsyncRun(Session(backend), INLINE)

    async def stopping(*_: str, **__: object) -> asyncio.subprocess.Process:
        process = await real("sleep", "60")
        await run.stop()
        await asyncio.sleep(0)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", stopping)
    with pytest.raises(errors.RunStopped):
        await (await run.save()).wait(20)


def test_what_is_asked_for_while_a_run_goes_on_comes_after_its_end(home: Path) -> None:
    function = dh.new_function("seven", source={"code": "def handler(context):\n    return 7\n"}, handler="handler")
    run = function.run(submit=False).submit().rerun().wait(120)
    assert (run.state, run.status["execution"]["number"], run.result("return")) == ("COMPLETED", 2, 7)


def test_the_asynchronous_twin_does_the_same_with_names_that_kubernetes_has_not(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a\n1\n2\n")
    code = {"code": "def handler(context, data):\n    return {'rows': len(data.as_df())}\n"}

    async def work() -> aio.AsyncRun:
        await aio.connect("local", home=tmp_path, quiet=True)
        project = await aio.get_or_create_project("my_project")
        item = await project.new_dataitem("my_dataitem", kind="table", path=tmp_path / "data.csv")
        function = await aio.new_function("my_function", source=code, handler="handler")
        assert function.key.startswith("store://my_project/function/mlrun/my_function:")
        run = await function.run(action="job", inputs={"data": item.key}, values=["return"], wait=False)
        waiting = asyncio.create_task(run.wait(60))
        lines = [line async for line in run.logs(follow=True)]
        assert lines[-1] == "mlrun-wrapper: succeeded: 0 outputs, 1 results"
        assert await waiting is run
        assert await run.values() == await run.results() == {"return": {"rows": 2}}
        await aio.disconnect()
        return run

    assert asyncio.run(work()).project == "my_project"


def test_functions_are_made_found_changed_and_deleted(home: Path) -> None:
    project = dh.get_or_create_project("demo")
    function = project.new_function("My_Function", source=NOTHING, handler="handler", labels={"team": "blue"})
    assert function.labels == ["team:blue"]
    for identifier in (
        "My_Function",
        function.key,
        function.function_string,
        f"mlrun+job://demo/My_Function:{function.id}",
    ):
        assert project.get_function(identifier).object_name == function.object_name
        assert dh.get_function(identifier).key == function.key
    changed = project.update_function("My_Function", description="better", requirements=["pandas"])
    assert (changed.description, changed.uuid, changed.labels) == ("better", function.uuid, ["team:blue"])
    assert changed.source == NOTHING
    other = dh.new_function("My_Function", project="other", source=NOTHING, handler="handler")
    assert other.object_name != function.object_name
    assert [each.name for each in project.list_functions()] == ["My_Function"]
    assert dh.list_projects() == ["demo", "other"]
    dh.delete_function("My_Function")
    with pytest.raises(errors.NotFound, match="project demo has no function 'My_Function'"):
        project.get_function("My_Function")
    assert dh.get_function(other.key).project == "other"
    dh.delete_project("other")
    assert dh.list_projects() == []


def test_a_manifest_comes_back_as_it_went(home: Path) -> None:
    function = dh.new_function(
        "f", project="demo", source={"code": "def handler(context):\n    print('a: b')\n"}, handler="handler"
    )
    run = function.run(parameters={"x": [1, 2]}, inputs={"d": "s3://b/k.csv"}, env={"A": "1"}, submit=False)
    assert not run.saved
    text = function.to_yaml() + "---\n" + run.to_yaml()
    assert "    code: |\n" in text
    assert "uid" not in text
    read = dh.from_yaml(text)
    assert [type(each) for each in read] == [dh.Function, dh.Run]
    assert read[0].to_yaml() + "---\n" + read[1].to_yaml() == text
    (home / "run.yaml").write_text(text.replace("parameters:", "parametrs:"))
    with pytest.raises(errors.InvalidArgument, match=r"MlrunRun f-\w+: spec\.parametrs: is not known here"):
        dh.from_yaml(home / "run.yaml")


def test_a_project_is_exported_and_imported(home: Path) -> None:
    project = dh.get_or_create_project("demo", description="about")
    project.new_function("whole", source=NOTHING, handler="handler")
    project.new_function("elsewhere", source=NOTHING, handler="handler", embedded=False)
    project.new_model("m", path="s3://bucket/model.pkl", framework="sklearn", labels=["old"])
    file = project.export()
    dh.delete_project("demo")
    with pytest.warns(UserWarning, match="which is not here"):
        again = dh.import_project(file)
    assert (again.name, again.description) == ("demo", "about")
    assert [each.name for each in again.list_functions()] == ["whole"]
    model = again.get_model("m")
    assert (model.path, model.spec["framework"], model.metadata["labels"]) == (
        "s3://bucket/model.pkl",
        "sklearn",
        ["old"],
    )


def test_a_project_of_digitalhub_is_imported_with_its_functions(home: Path) -> None:
    """F4: they arrive as `mlrunctl convert` makes them; what cannot is told, not lost."""
    code = {"source": "f.py", "base64": base64.b64encode(NOTHING["code"].encode()).decode(), "lang": "python"}
    functions: list[dict[str, Any]] = [
        {"project": "theirs", "name": "f", "kind": "mlrun", "spec": {"source": code, "handler": "handler"}},
        {"project": "theirs", "name": "q", "kind": "dbt", "spec": {"source": {}}},
    ]
    tasks = [{"kind": "mlrun+job", "spec": {"function": "mlrun://theirs/f:1", "backoff_limit": 3}}]
    project = {"kind": "project", "name": "theirs", "spec": {"functions": functions, "tasks": tasks}}
    (home / "project.yaml").write_text(json.dumps(project))
    with pytest.warns(UserWarning, match="project file") as told:
        again = dh.import_project(home / "project.yaml")
    assert any("kind 'dbt' cannot be converted" in str(each.message) for each in told)
    (function,) = again.list_functions()
    assert function.name == "f"
    assert function.to_dict()["spec"]["run"] == {"backoffLimit": 3}


def test_a_notebook_runs(home: Path) -> None:
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": ["def handler(context, a: int = 1):\n", "    return a + 1\n"],
    }
    (home / "train.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}))
    function = dh.new_function("train", project="demo", source="train.ipynb", handler="handler")
    run = function.run(parameters={"a": 4}, wait=True)
    assert run.results()["return"] == 5


def test_a_dataframe_is_written_and_read_back(home: Path) -> None:
    item = dh.new_dataitem("t", project="demo")
    with pytest.raises(errors.InvalidArgument, match="it holds no data"):
        item.as_df()
    frame = pd.DataFrame({"a": [1, 2]})
    for extension in ("parquet", "csv"):
        path = item.write_df(frame, extension)
        assert path.endswith(f"t.{extension}")
        assert_frame_equal(dh.get_dataitem(item.key).as_df(), frame)
    assert item.preview().columns == ["a"]
    newer = dh.new_dataitem("t", project="demo", path="s3://bucket/newer.csv")
    assert dh.get_dataitem("t", project="demo").key == newer.key
    assert [each.key for each in dh.list_dataitems("demo")] == [newer.key]
    dh.delete_dataitem(newer.key)
    dh.disconnect()
    dh.connect("local", home=home / "home", quiet=True)
    assert dh.get_dataitem("t", project="demo").key == item.key
    dh.delete_dataitem("t", project="demo")
    with pytest.raises(errors.NotFound, match="has no dataitem 't' that is known here"):
        dh.get_dataitem("t", project="demo")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"inputs": {"url": "missing.csv"}}, "inputs.url: 'missing.csv' does not exist"),
        (
            {"inputs": {"url": "store://demo/dataitem/table/none"}},
            "inputs.url: store://demo/dataitem/table/none is not",
        ),
        ({"schedule": "* * * * *"}, "schedule is not supported"),
        ({"replicas": 2}, "replicas is not supported"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_submitted(home: Path, arguments: dict, words: str) -> None:  # type: ignore[type-arg]
    function = dh.new_function("f", project="demo", source=NOTHING, handler="handler")
    with pytest.raises(errors.SdkError, match=words):
        function.run(**arguments)
    assert function.runs() == []


def test_a_dry_run_gives_the_job(home: Path) -> None:
    function = dh.new_function("f", project="demo", source=NOTHING, handler="handler")
    job = function.run(resources={"mem": {"limits": "1Gi"}}, dry_run=True)
    assert job["kind"] == "Job"
    assert job["spec"]["template"]["spec"]["containers"][0]["resources"] == {"limits": {"memory": "1Gi"}}
    assert function.runs() == []


def test_a_run_whose_program_has_ended_has_failed(home: Path) -> None:
    function = dh.new_function("f", project="demo", source=NOTHING, handler="handler")
    run = function.run(suspend=True)
    assert run.state == "CREATED"
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    folder = home / "home" / "runs" / str(run.uuid)
    folder.mkdir(parents=True)
    (folder / "owner").write_text(ended.stdout.strip())
    file = home / "home" / "objects" / "local" / "mlrunruns" / f"{run.name}.json"
    status = {"phase": "Running", "observedGeneration": 1, "execution": {"number": 1, "hash": "v1-0"}}
    file.write_text(json.dumps({**json.loads(file.read_text()), "status": status}))
    with pytest.raises(errors.RunFailed, match="the program that started this local run ended before it"):
        run.wait(10)
    (folder / "owner").write_text(str(os.getpid()))
    file.write_text(json.dumps({**json.loads(file.read_text()), "status": status}))
    assert run.refresh().state == "RUNNING"


@pytest.mark.parametrize("recorded", ["v1-d2c5d435c82321c4", "v9-0123456789abcdef"])
async def test_a_hash_of_another_version_starts_nothing(recorded: str, tmp_path: Path) -> None:
    """The folder of an earlier, or of a newer, SDK: only an edit that is known to be one runs again."""
    backend = LocalBackend(home=tmp_path)
    held = await backend.create(RUNS, {**INLINE, "spec": {**INLINE["spec"], "suspend": True}})
    file = next((tmp_path / "objects").rglob("r.json"))
    status = {"phase": "Succeeded", "execution": {"number": 1, "hash": recorded, "generation": 1}}
    file.write_text(json.dumps({**held, "status": status}))
    run = await backend.merge(RUNS, "local", "r", {"spec": {"suspend": None}})
    assert run["status"]["phase"] == "Succeeded"
    if recorded.startswith("v1-"):
        run = await backend.merge(RUNS, "local", "r", {"spec": {"parameters": {"x": 1}}})
        assert (run["status"]["phase"], run["status"]["execution"]["number"]) == ("Pending", 2)
    await backend.close()


async def test_a_store_in_s3_is_at_the_server_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLRUN_OPERATOR_HOME", str(tmp_path))
    monkeypatch.setenv("MLRUN_OPERATOR_STORE", "s3://runs/{namespace}")
    monkeypatch.setenv("S3_ENDPOINT_URL", "http://minio:9000")
    (store,) = await LocalBackend().stores("team")
    assert (store.root, store.endpoint) == ("s3://runs/team", "http://minio:9000")
