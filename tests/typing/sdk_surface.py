"""The SDK as a typed program uses it. Not run: type checkers read it, and must agree with every `assert_type`."""

from typing import Any, assert_type

import pandas as pd

import mlrun_operator as dh
from mlrun_operator import aio

project = dh.get_or_create_project("demo")
assert_type(project, dh.Project)
item = project.new_dataitem(name="d", kind="table", path="x.csv", labels=["a"])
assert_type(item, dh.DataItem)
assert_type(item.key, str)
assert_type(item.as_df(), pd.DataFrame)
assert_type(item.download("folder", overwrite=True), str)
function = project.new_function(
    name="f", kind="mlrun", source={"source": "pipeline.py"}, handler="h", image="mlrun/mlrun"
)
assert_type(function, dh.Function)
assert_type(dh.new_function("f", source="pipeline.py", run={"backoff_limit": 1}), dh.Function)
run = function.run("job", inputs={"url": item.key}, outputs={"dataset": "dataset"}, backoff_limit=1, wait=True)
assert_type(run, dh.Run)
assert_type(run.wait(10, check=False), dh.Run)
assert_type(function.run("job", dry_run=True), dict[str, Any])
assert_type(run.refresh(), dh.Run)
assert_type(run.outputs(as_key=True), dict[str, Any])
assert_type(run.results(), dh.Results)
assert_type(run.results(live=True).progress, float | None)
assert_type(run.results(live=True).pods, dict[int, dh.Results])
assert_type(run.logs(follow=True), dh.Log)
assert_type(run.state, str)
assert_type(project.list_runs(), list[dh.Run])
assert_type(dh.list_functions("demo"), list[dh.Function])
assert_type(project.get_model("m"), dh.Model)
assert_type(project.export(), str)
assert_type(dh.from_yaml(function.to_yaml()), list[dh.Function | dh.Run])


async def twin() -> None:
    same = await aio.get_or_create_project("demo")
    assert_type(same, aio.AsyncProject)
    made = await same.new_function(name="f", source={"code": "…"})
    assert_type(made, aio.AsyncFunction)
    assert_type(await made.run("job", parameters={"x": 1}), aio.AsyncRun)
    assert_type(await made.run("job", dry_run=True), dict[str, Any])
    assert_type(await (await made.run("job")).results(live=True), dh.Results)


def wrong() -> None:
    project.new_function(name=3)  # type: ignore[arg-type]
    function.run("job", backoff_limit="three")  # type: ignore[call-overload]
    run.wait(timeout="long")  # type: ignore[arg-type]
    dh.get_function()  # type: ignore[call-arg]
