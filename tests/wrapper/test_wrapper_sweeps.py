"""A sweep in one process: every point by mlrun's engine, what failed beside what is kept, and the best as the run's."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from support.servers import OPEN_BUCKET, S3Server
from sweep_runs import counts, data, entity, run_json, sweep, table
from wrapper_runs import Ended, WrapperRun

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.store import NotFoundError

TRAINS = """
    import pandas as pd

    def handler(context, depth: int, rate: float, epochs: int = 1):
        assert isinstance(depth, int)
        context.log_result("accuracy", depth * rate)
        context.log_result("epochs", epochs)
        if (depth, rate) == (4, 0.5):
            raise ValueError("the tree is too deep")
        context.log_dataset("errors", df=pd.DataFrame({"depth": [depth]}))
        context.log_model("net", body=b"%d" % depth, model_file="net.bin", metrics={"accuracy": depth * rate})
        context.log_artifact("note.txt", body=f"point {context.iteration}")
"""


@pytest.fixture(scope="module")
def store(s3: S3Server) -> StoreInfo:
    return StoreInfo(root=f"s3://{OPEN_BUCKET}/sweeps", endpoint=s3.endpoint, anonymous=True)


@pytest.fixture(scope="module")
def grid(store: StoreInfo, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Eight points, of which the last one fails; one name is a parameter of the run as well."""
    content = sweep(
        store,
        TRAINS,
        params={"depth": [1, 2, 3, 4], "rate": [0.25, 0.5]},
        selector="max.accuracy",
        parameters={"epochs": 7, "rate": 9},
        outputs={"net": "model", "iteration_results": "all"},
    )
    return WrapperRun(tmp_path_factory.mktemp("grid"), content).end()


def test_one_point_may_fail_and_the_best_of_the_others_is_the_run_s(grid: Ended) -> None:
    assert grid.code == 0, grid.log
    told = grid.result.sweep
    assert told is not None
    assert told.best is not None
    assert counts(grid) == (7, 1, 0)
    assert (told.best.iteration, told.best.parameters) == (7, {"depth": 3, "rate": 0.5})
    assert grid.result.results == {"accuracy": 1.5, "epochs": 7, "best_iteration": 7}
    assert grid.result.message == ""
    assert "point 8 failed: ValueError: the tree is too deep" in grid.result.warnings
    assert "'rate' is in parameters and in hyperparameters; each point has its own value" in grid.result.warnings
    assert "point 7 of 8: depth=3, rate=0.5" in grid.log
    assert 'raise ValueError("the tree is too deep")' in grid.log


def test_the_best_point_s_outputs_are_the_run_s_and_refer_to_the_point_s_data(grid: Ended, store: StoreInfo) -> None:
    outputs = grid.result.outputs

    assert {name: info.kind for name, info in outputs.items()} == {
        "errors": "table",
        "model": "model",
        "note.txt": "artifact",
        "all": "table",
        "parallel_coordinates": "artifact",
    }
    assert data(store, outputs["note.txt"].path) == b"point 7"
    assert data(store, f"{outputs['model'].path}net.bin") == b"3"
    assert table(store, grid, "errors")["depth"].tolist() == [3]
    assert outputs["errors"].preview == {"cols": [{"name": "depth", "value": [3]}], "rows": 1}
    latest, point = entity(store, "store://demo/model/model/model"), entity(store, "store://demo/model/model/model-7")
    assert str(latest.key) == outputs["model"].key
    assert latest.path == point.path
    assert latest.spec["metrics"] == {"accuracy": 1.5}
    assert [each["type"] for each in latest.metadata["relationships"]] == ["produced_by", "copy_of"]
    assert latest.metadata["relationships"][1]["dest"] == str(point.key)


def test_every_point_s_own_outputs_stay(grid: Ended, store: StoreInfo) -> None:
    for iteration in range(1, 8):
        note = entity(store, f"store://demo/artifact/artifact/note.txt-{iteration}")
        assert note.path is not None
        assert data(store, note.path) == f"point {iteration}".encode()
    with pytest.raises(NotFoundError):
        entity(store, "store://demo/artifact/artifact/note.txt-8")
    points = run_json(store, grid)["points"]
    assert [each["state"] for each in points] == ["completed"] * 7 + ["error"]
    assert points[1]["outputs"]["model"]["key"] == str(entity(store, "store://demo/model/model/model-2").key)


def test_all_points_are_a_table_with_a_preview(grid: Ended, store: StoreInfo) -> None:
    expected = pd.DataFrame(
        {
            "iter": range(1, 9),
            "state": ["completed"] * 7 + ["error"],
            "param.depth": [1, 2, 3, 4] * 2,
            "param.rate": [0.25] * 4 + [0.5] * 4,
            "output.accuracy": [0.25, 0.5, 0.75, 1.0, 0.5, 1.0, 1.5, 2.0],
            "output.epochs": [7] * 8,
            "error": [None] * 7 + ["ValueError: the tree is too deep"],
        }
    )

    assert_frame_equal(table(store, grid, "all"), expected)
    kept = entity(store, grid.result.outputs["all"].key)
    assert kept.spec["schema"]["fields"][:3] == [
        {"name": "iter", "type": "integer"},
        {"name": "state", "type": "string"},
        {"name": "param.depth", "type": "integer"},
    ]
    preview = grid.result.outputs["all"].preview
    assert preview is not None
    assert preview["rows"] == 8
    assert preview["cols"][4] == {"name": "output.accuracy", "value": expected["output.accuracy"].tolist()}


def test_all_points_are_a_picture(grid: Ended, store: StoreInfo) -> None:
    picture = ET.fromstring(data(store, grid.result.outputs["parallel_coordinates"].path))

    lines = [each for each in picture.iter() if "line" in each.attrib.get("class", "").split()]
    assert len(lines) == 8
    assert lines[-1].attrib["class"] == "line best"


def test_with_one_failure_too_many_no_new_point_starts_and_what_was_done_is_kept(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = """
        def handler(context, x):
            context.log_result("y", x)
            assert x not in (2, 4), f"no {x}"
    """
    ended = run(sweep(file_store, code, params={"x": [1, 2, 3, 4, 5, 6]}, maxErrors=1, selector="y"))

    assert (ended.code, ended.reason) == (1, "HandlerFailed")
    assert ended.result.message == (
        "2 of 6 points failed, and maxErrors is 1; the first: point 2: AssertionError: no 2"
    )
    assert counts(ended) == (2, 2, 2)
    assert ended.result.results == {"y": 3, "best_iteration": 3}
    states = ["completed", "error", "completed", "error", "skipped", "skipped"]
    assert table(file_store, ended)["state"].tolist() == states
    with pytest.raises(NotFoundError):
        entity(file_store, "store://demo/dataitem/table/iteration_results")


def test_a_script_s_points_come_from_a_file_until_the_stop_condition_holds(
    run: Callable[..., Ended], file_store: StoreInfo, tmp_path: Path
) -> None:
    code = """
        import mlrun

        context = mlrun.get_or_create_ctx("train")
        depth = context.get_param("depth")
        context.log_result("loss", float("nan") if depth == 1 else 1 / depth)
        if depth > 1:
            context.log_result("accuracy", 1 - 1 / depth)
    """
    (tmp_path / "points.csv").write_text("depth,name\n1,a\n2,b\n4,c\n8,d\n")
    ended = run(
        sweep(
            file_store,
            code,
            None,
            paramFile=f"file://{tmp_path}/points.csv",
            stopCondition="accuracy >= 0.75",
            selector="min.loss",
        )
    )

    assert ended.code == 0, ended.log
    assert counts(ended) == (3, 0, 1)
    assert ended.result.results == {"loss": 0.25, "accuracy": 0.75, "best_iteration": 3}
    assert "stopCondition at point 1: NameError: name 'accuracy' is not defined" in ended.result.warnings
    found = table(file_store, ended)
    assert found["param.depth"].tolist() == [1, 2, 4, 8]
    assert found["output.loss"].isna().tolist() == [True, False, False, True]
    assert found["error"].tolist()[3] == "stopCondition 'accuracy >= 0.75' held at point 3"
    assert [each.name for each in ended.result.inputs] == ["hyperparameters.paramFile"]


def test_a_process_that_is_killed_leaves_the_finished_points(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = """
        import os, signal

        def handler(context, x):
            context.log_result("y", x)
            context.log_artifact("note.txt", body=str(x))
            if x == 3:
                os.kill(os.getpid(), signal.SIGKILL)
    """
    ended = run(sweep(file_store, code, params={"x": [1, 2, 3, 4]}, selector="y"))

    assert (ended.code, ended.reason) == (1, "HandlerFailed")
    assert ended.result.message == "the function's process was killed by SIGKILL"
    assert counts(ended) == (2, 1, 1)
    assert ended.result.results == {"y": 2, "best_iteration": 2}
    assert data(file_store, ended.result.outputs["note.txt"].path) == b"2"
    assert table(file_store, ended)["state"].tolist() == ["completed", "completed", "error", "skipped"]


def test_sigterm_keeps_the_finished_points_and_starts_no_new_one(
    start: Callable[..., WrapperRun], file_store: StoreInfo
) -> None:
    code = """
        import time

        def handler(context, x):
            context.log_result("y", x)
            if x == 2:
                print("point sleeps")
                time.sleep(60)
    """
    process = start(sweep(file_store, code, params={"x": [1, 2, 3]}, selector="y"))
    process.wait_for("point sleeps")
    process.terminate()
    ended = process.end()

    assert ended.reason == "Terminated"
    assert counts(ended) == (1, 0, 2)
    assert ended.result.results == {"y": 1, "best_iteration": 1}
    assert table(file_store, ended)["state"].tolist() == ["completed", "stopped", "skipped"]


def test_points_that_lack_an_output_fail_and_a_selector_without_a_number_is_told(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = """
        import pandas as pd

        def handler(context, x):
            context.log_result("loss", float("inf"))
            if x == 2:
                context.log_dataset("out", df=pd.DataFrame({"x": [x]}))
    """
    ended = run(sweep(file_store, code, params={"x": [1, 2]}, selector="min.loss", outputs={"out": "o"}, maxErrors=1))

    assert (ended.code, ended.reason) == (65, "OutputMissing")
    assert ended.result.message.startswith(
        "selector 'min.loss': none of the 1 points that succeeded has such a number; they logged no numbers"
    )
    assert counts(ended) == (1, 1, 0)
    assert table(file_store, ended)["error"].tolist() == [
        "output 'out' was not produced; the run produced loss",
        None,
    ]
