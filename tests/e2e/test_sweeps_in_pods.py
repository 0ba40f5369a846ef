"""A sweep whose points are pods: one is killed for its memory, and the user stops the rest; all of it is told."""

import json

from support.kube import Kube, eventually, function, run
from support.store import read_parquet

POINT = """
import time


def handler(context, x: int):
    context.log_result("square", x * x)
    if x == 2:
        hoard = [bytearray(64 * 1024 * 1024) for _ in range(64)]
    if x > 3:
        time.sleep(600)
"""


def test_a_stopped_fan_out_keeps_what_its_points_made(kube: Kube) -> None:
    values = {"params": {"x": [1, 2, 3, *range(4, 12)]}, "placement": "FanOut", "parallelism": 4}
    limits = {"limits": {"memory": "700Mi"}}
    kube.apply(
        function("square", code=POINT),
        run("squares", "square", hyperparameters={**values, "selector": "max.square"}, resources=limits),
    )
    ended = eventually(lambda: _ended(kube), "the first three points", 240)
    assert ended == ("0,2", "1")
    kube.patch("squares", stop=True)
    status = kube.finished("squares", 180)
    assert (status["phase"], status["reason"]) == ("Stopped", "Stopped"), status["message"]
    told = "stopped by spec.stop; 2 of 11 points succeeded, 1 failed, 8 were skipped"
    assert status["message"].startswith(told), json.dumps(status)
    assert status["sweep"]["best"]["parameters"] == {"x": 3}
    assert status["results"]["square"] == 9
    table = read_parquet(kube.facts, status["outputs"]["iteration_results"]["path"])
    killed = table[table["param.x"] == 2].iloc[0]
    assert killed["state"] == "error"
    assert "memory limit" in killed["error"]


def _ended(kube: Kube) -> tuple[str, str] | None:
    """The indexes that have succeeded and failed, once they are three."""
    found = next((job["status"] for job in kube.jobs("squares")), {})
    done, failed = found.get("completedIndexes", ""), found.get("failedIndexes", "")
    return (done, failed) if done == "0,2" and failed else None
