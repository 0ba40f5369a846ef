"""Sweeps that fan out, on a real API server: points, their collector, and what ends them early."""

from typing import Any

import pytest
from support.kube import Kube, Object, Refused, eventually, function, run
from support.operators import Operator

from mlrun_operator.api import constants
from mlrun_operator.api.values.names import collector_name

FAILS: Object = {"exit": 1, "reason": "HandlerFailed", "message": "ValueError: no"}
DONE: Object = {"points": 8, "succeeded": 7, "failed": 1, "best": {"iteration": 3, "parameters": {"p": 3}}}


def sweep(**more: Any) -> Object:
    return {"params": {"p": [1, 2, 3, 4], "q": ["a", "b"]}, "placement": "FanOut", **more}


def collectors(kube: Kube) -> list[Object]:
    return [job for job in kube.all("jobs") if constants.ANNOTATION_COLLECTS in job["metadata"]["annotations"]]


def test_eight_points_of_which_one_fails_are_collected_by_an_operator_that_was_killed(
    kube: Kube, operator: Operator
) -> None:
    wish = {"sleep": 1, "points": {"5": FAILS}, "collect": {"sweep": DONE, "results": {"score": 9}}}
    limits = {"requests": {"cpu": "10m"}}
    kube.apply(
        function("fn"),
        run("grid", parameters=wish, backoffLimit=1, resources=limits, hyperparameters=sweep(parallelism=4)),
    )
    status = kube.reaches("grid", phase="Running")
    operator.kill()
    (points,) = kube.jobs("grid")
    eventually(lambda: kube.get("job", points["metadata"]["name"])["status"].get("failedIndexes"), "a failed point")
    kube.apply(function("fn", code="def handler(context):\n    return 2\n"))  # the collector is of the first one
    operator.start()
    status = kube.finished("grid")
    assert (status["phase"], status["results"]["score"]) == ("Succeeded", 9)
    assert status["message"] == "7 of 8 points succeeded, 1 failed; the best is point 3"
    assert status["sweep"]["progress"] == "8/8"
    assert status["attemptCount"] == 10
    uid = kube.get("mlr", "grid")["metadata"]["uid"]
    (collector,) = collectors(kube)
    assert collector["metadata"]["name"] == collector_name("grid", uid, 1)
    assert collector["metadata"]["ownerReferences"][0]["uid"] == uid
    kube.delete("mlr", "grid")
    eventually(lambda: not kube.jobs("grid"), "both Jobs go with the run")


def test_what_ends_a_sweep_early_keeps_what_is_there(kube: Kube, operator: Operator) -> None:
    """Too many failures by Kubernetes itself, a deadline, and the user's stop."""
    slow = {"sleep": 60, "collect": {"sweep": {"points": 8, "succeeded": 2, "skipped": 6}, "results": {"kept": 1}}}
    quick: Object = {"1": {"sleep": 0}, "2": {"sleep": 0}}
    judged = {
        **FAILS,
        "exit": 2,
        "message": "2 of 8 points failed",
        "sweep": {"points": 8, "succeeded": 0, "failed": 2},
    }
    kube.apply(
        function("fn"),
        run("failing", parameters={**FAILS, "collect": judged}, hyperparameters=sweep(parallelism=2, maxErrors=1)),
        run("late", parameters={**slow, "points": quick}, hyperparameters=sweep(), activeDeadlineSeconds=12),
        run("halted", parameters={**slow, "points": quick}, hyperparameters=sweep(parallelism=3)),
    )
    eventually(lambda: _done(kube, "halted") == "0,1", "two points")
    kube.reaches("halted", phase="Running")
    kube.patch("halted", stop=True)
    status = kube.finished("halted")
    assert (status["phase"], status["reason"], status["results"]["kept"]) == ("Stopped", "Stopped", 1)
    assert status["message"] == "stopped by spec.stop; 2 of 8 points succeeded, 6 were skipped"
    eventually(
        lambda: [job for job in kube.jobs("halted") if job["spec"].get("suspend")] == [], "the points' Job is gone"
    )
    status = kube.finished("failing")
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "HandlerFailed", "2 of 8 points failed")
    assert status["attemptCount"] <= 5
    status = kube.finished("late")
    assert (status["phase"], status["reason"], status["results"]["kept"]) == ("Failed", "DeadlineExceeded", 1)
    assert status["message"].endswith("2 of 8 points succeeded, 6 were skipped")
    assert "8/8" in kube.kubectl("get", "mlr", "late", "-o", "wide")


def _done(kube: Kube, name: str) -> str | None:
    found: str | None = next((job["status"].get("completedIndexes") for job in kube.jobs(name)), None)
    return found


def test_a_schedules_run_fans_out_and_is_collected(kube: Kube, operator: Operator) -> None:
    wish = {"collect": {"sweep": DONE, "results": {"score": 9}}}
    kube.apply(function("fn"), run("nightly", parameters=wish, hyperparameters=sweep(), schedule="0 0 29 2 *"))
    status = kube.reaches("nightly", phase="Scheduled")
    slot = f"{status['cronJobName']}-28401120"  # the CronJob controller's name for a Job of that minute
    kube.kubectl("create", "job", slot, f"--from=cronjob/{status['cronJobName']}")
    eventually(lambda: [r for r in kube.all("mlr") if r["metadata"]["name"] == slot], "its run")
    status = kube.finished(slot)
    assert (status["phase"], status["results"]["score"]) == ("Succeeded", 9)
    (collector,) = collectors(kube)
    child = kube.get("mlr", slot)["metadata"]
    assert collector["metadata"]["ownerReferences"][0]["uid"] == child["uid"]
    assert collector["metadata"]["annotations"][constants.ANNOTATION_COLLECTS] == slot


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"hyperparameters": {}}, "set exactly one of params and paramFile"),
        (
            {"hyperparameters": {"params": {"x": [1]}, "paramFile": "s3://b/x.csv"}},
            "exactly one of params and paramFile",
        ),
        ({"hyperparameters": {"paramFile": "s3://b/x.csv", "placement": "FanOut"}}, "FanOut needs params"),
        ({"hyperparameters": {"params": {"x": [1]}, "parallelism": 2}}, "parallelism needs placement FanOut"),
        ({"hyperparameters": {"params": {"x": [1]}, "seed": 1}}, "need strategy random"),
        ({"hyperparameters": {"params": {"x": [1]}, "selector": "max."}}, "selector"),
        ({"hyperparameters": sweep(), "replicas": 2}, "replicas: not with hyperparameters"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_at_apply(kube: Kube, spec: Object, words: str) -> None:
    with pytest.raises(Refused) as refused:
        kube.apply(run("bad", **spec))
    assert words in str(refused.value)
