"""Schedules on a real cluster, with the real CronJob controller."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.kube import Kube, Object, Refused, eventually, function, hourly, run
from support.operators import Operator, operator_of

from mlrun_operator.api import constants

_MINUTE = "* * * * *"


def children(kube: Kube, schedule: str) -> list[Object]:
    """The runs that the schedule made, oldest slot first."""
    found = [r for r in kube.all("mlr") if any(o["name"] == schedule for o in r["metadata"].get("ownerReferences", ()))]
    return sorted(found, key=lambda child: str(child["metadata"]["annotations"][constants.ANNOTATION_SCHEDULED_TIME]))


def succeeded(kube: Kube, schedule: str) -> list[Object]:
    return [child for child in children(kube, schedule) if child.get("status", {}).get("phase") == "Succeeded"]


def fired(kube: Kube) -> list[Object]:
    """The Jobs that the CronJob controller made."""
    jobs = kube.all("jobs")
    return [job for job in jobs if any(o["kind"] == "CronJob" for o in job["metadata"].get("ownerReferences", ()))]


def test_firings_become_runs_also_those_that_nobody_saw(kube: Kube, operator: Operator) -> None:
    kube.apply(
        function("fn"),
        run("tick", schedule=_MINUTE, parameters={"results": {"a": 1}}, successfulRunsHistoryLimit=2),
        run("slow", schedule=_MINUTE, parameters={"sleep": 65}),
        run("newest", schedule=_MINUTE, parameters={"sleep": 300}, concurrencyPolicy="Replace"),
        run("held", schedule=_MINUTE, suspend=True, catchUp={"policy": "All"}),
    )
    status = kube.reaches("tick", phase="Scheduled")
    assert status["schedule"]["nextScheduleTime"].endswith(":00Z")
    (first,) = eventually(lambda: succeeded(kube, "tick"), "the first firing", 80)
    assert first["status"]["results"] == {"a": 1, "execution": 1}
    assert first["metadata"]["name"] == first["status"]["jobName"]

    operator.kill()
    unseen = eventually(
        lambda: [job for job in fired(kube) if _of(job, "tick") and job["status"].get("succeeded")][1:],
        "a second firing that ends while no operator runs",
        90,
    )
    operator.start()
    eventually(lambda: len(succeeded(kube, "tick")) == 2, "the run of the firing that nobody saw", 30)
    assert len(unseen) == 1
    assert succeeded(kube, "tick")[1]["status"]["results"] == {"a": 1, "execution": 1}

    kube.patch("held", suspend=None)
    kube.patch("tick", suspend=True)
    kube.reaches("tick", phase="Suspended")
    kube.patch("tick", suspend=None)
    kube.reaches("tick", phase="Scheduled")
    done = eventually(lambda: _counts(kube, "tick", succeeded=3), "the third firing", 90)
    assert done["lastScheduleTime"] > first["metadata"]["annotations"][constants.ANNOTATION_SCHEDULED_TIME]
    eventually(lambda: len(children(kube, "tick")) == 2, "the history of two")
    eventually(lambda: sum(_of(job, "tick") for job in fired(kube)) == 2, "the Jobs go with their runs")

    eventually(lambda: len(children(kube, "slow")) >= 2, "Forbid fires again after a long run", 90)
    (old, *_), (*_, new) = ([child["status"] for child in children(kube, "newest")] for _ in range(2))
    assert (old["phase"], old["reason"], new["phase"]) == ("Stopped", "Replaced", "Running")
    eventually(lambda: _caught_up(kube, "held"), "the slots that passed while the schedule rested", 200)
    columns = kube.kubectl("get", "mlr", "tick").splitlines()
    assert columns[1].split()[1:7] == ["Scheduled", "fn", "*", "*", "*", "*"]


@pytest.mark.parametrize("name", ["try-it", "try-1764150000000"])
def test_a_job_that_somebody_makes_of_the_cron_job_is_a_run(kube: Kube, operator: Operator, name: str) -> None:
    kube.apply(function("fn"), run("yearly", schedule="@yearly", parameters={"results": {"a": 1}}))
    status = kube.reaches("yearly", phase="Scheduled")
    kube.kubectl("create", "job", name, f"--from=cronjob/{status['cronJobName']}")
    eventually(lambda: succeeded(kube, "yearly"), "its run", 60)
    (made,) = children(kube, "yearly")
    assert made["metadata"]["name"] == made["status"]["jobName"] == name
    assert made["metadata"]["annotations"][constants.ANNOTATION_TRIGGER] == "Manual"
    told = eventually(lambda: _counts(kube, "yearly", succeeded=1), "it is counted")
    assert "lastScheduleTime" not in told
    assert told.get("missed", 0) == 0


def test_an_edited_job_template_is_put_right_once(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"), run("yearly", schedule="@yearly"))
    name = kube.reaches("yearly", phase="Scheduled")["cronJobName"]

    def cron_job() -> Object:
        return next(obj for obj in kube.all("cronjobs") if obj["metadata"]["name"] == name)

    rendered = cron_job()
    edit = {"spec": {"jobTemplate": {"spec": {"backoffLimit": 7}}}}
    kube.kubectl("patch", "cronjob", name, "--type=merge", "-p", json.dumps(edit))
    eventually(lambda: cron_job()["spec"] == rendered["spec"], "it is as it was rendered")
    generation = cron_job()["metadata"]["generation"]
    assert generation == rendered["metadata"]["generation"] + 2, "the edit, and one write"
    kube.patch("yearly", successfulRunsHistoryLimit=5)
    eventually(lambda: cron_job()["spec"]["successfulJobsHistoryLimit"] == 65, "the next change")
    assert cron_job()["metadata"]["generation"] == generation + 1


def test_a_backfill_runs_each_slot_once_whatever_dies(kube: Kube, operator: Operator) -> None:
    now = datetime.now(UTC)
    begin = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=20)
    asked = {"from": _stamp(begin), "to": _stamp(now + timedelta(days=1)), "parallelism": 4}
    spec: Object = {"schedule": hourly(), "parameters": {"sleep": 1}, "backfill": asked}
    kube.apply(function("fn"), run("past", **spec, successfulRunsHistoryLimit=2))
    made: set[str] = set()

    def watched() -> Object:
        made.update(child["metadata"]["name"] for child in children(kube, "past"))
        assert sum(c.get("status", {}).get("phase") != "Succeeded" for c in children(kube, "past")) <= 4
        return dict(kube.status("past").get("schedule", {}).get("backfill") or {})

    eventually(lambda: watched().get("startedSlots", 0) >= 6, "a third of it")
    operator.kill()
    watched()
    operator.start()
    done = eventually(lambda: watched() if watched().get("completionTime") else None, "the rest", 120)
    total = done["total"]
    assert total in (20, 21)
    assert done["progress"] == f"{total}/{total}"
    assert _counts(kube, "past", succeeded=total), "none twice, none lost"
    assert len(made) <= total
    eventually(lambda: len(children(kube, "past")) == 2, "the history of two")


# Six minutes of slots: it belongs to `make prove`.
@pytest.mark.skipif("PROVE" not in os.environ, reason="six minutes long; `make prove` has it")
def test_the_hours_of_a_rest_are_made_up_for_and_none_twice(kube: Kube, operator: Operator) -> None:
    """The CronJob controller fires the newest of them, the backfill all before."""
    kube.apply(function("fn"), run("rests", schedule=_MINUTE, suspend=True, successfulRunsHistoryLimit=100))
    kube.reaches("rests", phase="Suspended")
    begin = datetime.now(UTC)
    eventually(lambda: datetime.now(UTC) > begin + timedelta(minutes=4), "four minutes pass", 250)
    asked = {"from": _stamp(begin), "to": _stamp(datetime.now(UTC)), "parallelism": 10}
    kube.patch("rests", suspend=None, backfill=asked)
    done = eventually(
        lambda: kube.status("rests")["schedule"].get("backfill", {}).get("completionTime"), "it ends", 150
    )
    assert done
    kube.patch("rests", suspend=True)
    kube.reaches("rests", phase="Suspended")
    triggers = [child["metadata"]["annotations"][constants.ANNOTATION_TRIGGER] for child in children(kube, "rests")]
    assert triggers.count("Backfill") >= 2
    assert "Schedule" in triggers
    slots = [child["metadata"]["annotations"][constants.ANNOTATION_SCHEDULED_TIME] for child in children(kube, "rests")]
    first, last = (datetime.fromisoformat(slot) for slot in (slots[0], slots[-1]))
    assert len(slots) == (last - first) / timedelta(minutes=1) + 1, "each minute, once"
    eventually(lambda: len(succeeded(kube, "rests")) == len(slots), "all of them ran")
    assert all(child["status"]["results"]["execution"] == 1 for child in succeeded(kube, "rests"))


def test_two_operators_make_one_run_of_each_slot(kube: Kube, tmp_path: Path) -> None:
    """A backfill and firings, while the leader dies and the standby takes over."""
    (tmp_path / "standby").mkdir()
    lease = {"MLRUN_OPERATOR_LEASE_NAMESPACE": kube.namespace}
    with operator_of(kube, tmp_path, **lease) as leader, operator_of(kube, tmp_path / "standby", **lease) as standby:
        leader.start()
        eventually(lambda: "is the leader" in leader.log.read_text(), "the first one leads", 30)
        standby.start()
        standby.ready()
        now = datetime.now(UTC)
        asked = {"from": _stamp(now - timedelta(minutes=20)), "to": _stamp(now + timedelta(days=1)), "parallelism": 2}
        spec: Object = {"schedule": _MINUTE, "parameters": {"sleep": 1}, "backfill": asked}
        kube.apply(function("fn"), run("twice", **spec, successfulRunsHistoryLimit=100))
        eventually(lambda: len(succeeded(kube, "twice")) >= 4, "a part of it", 60)
        leader.kill()
        done = eventually(lambda: _done(kube, "twice"), "the standby does the rest", 180)
    assert done["startedSlots"] == done["total"] >= 20
    made = children(kube, "twice")
    assert len({child["metadata"]["annotations"][constants.ANNOTATION_SCHEDULED_TIME] for child in made}) == len(made)
    owners = [job["metadata"]["labels"][constants.LABEL_RUN_UID] for job in kube.all("jobs")]
    assert len(owners) == len(set(owners)), "no run has two Jobs"


def _done(kube: Kube, schedule: str) -> Object | None:
    backfill: Object = (kube.status(schedule).get("schedule") or {}).get("backfill") or {}
    return backfill if backfill.get("completionTime") else None


def test_a_schedule_is_triggered_changed_and_cleared_by_hand(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"), run("yearly", schedule="@yearly", parameters={"results": {"a": 1}}))
    kube.reaches("yearly", phase="Scheduled")
    kube.patch("yearly", rerun="now")
    (child,) = eventually(lambda: succeeded(kube, "yearly"), "the run that was asked for")
    assert child["metadata"]["annotations"][constants.ANNOTATION_TRIGGER] == "Manual"

    kube.patch("yearly", parameters={"results": {"a": 2}}, rerun="again")
    again = eventually(lambda: succeeded(kube, "yearly")[1:], "the run after the change")
    assert again[0]["status"]["results"]["a"] == 2

    kube.delete("mlr", "yearly")
    eventually(lambda: not kube.all("mlr") and not kube.all("cronjobs") and not kube.all("jobs"), "all of it is gone")


def test_a_schedule_that_cannot_be_is_refused_at_once(kube: Kube) -> None:
    for spec, words in (
        ({"schedule": "61 * * * *"}, "write five fields"),
        ({"schedule": "@every 5m"}, "@every is not supported"),
        ({"timeZone": "Europe/Rome"}, "set schedule for"),
        ({"schedule": "@daily", "stopAfter": {}}, "set successes or failures"),
        (
            {"schedule": "@daily", "backfill": {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}},
            "from must be before to",
        ),
    ):
        with pytest.raises(Refused, match=words):
            kube.apply(run("no", **spec))
    kube.apply(run("plain"))
    with pytest.raises(Refused, match="cannot become a schedule"):
        kube.patch("plain", schedule="@daily")


def _counts(kube: Kube, schedule: str, **wanted: int) -> Object | None:
    seen: dict[str, Any] = kube.status(schedule)["schedule"]
    return seen if all(seen.get(name) == count for name, count in wanted.items()) else None


def _of(job: Object, schedule: str) -> bool:
    return bool(job["metadata"]["annotations"][constants.ANNOTATION_SCHEDULE] == schedule)


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _caught_up(kube: Kube, schedule: str) -> bool:
    """Whether a run that catches up has succeeded."""
    notes = (child["metadata"]["annotations"] for child in succeeded(kube, schedule))
    return any(note[constants.ANNOTATION_TRIGGER] == "CatchUp" for note in notes)
