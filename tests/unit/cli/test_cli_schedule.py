"""The verbs of schedules."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.standin_api import StandIn

from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.cli import describing, scheduling
from mlrun_operator.cli.errors import Exit

NOW = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def api(api: StandIn) -> StandIn:
    spec = {"functionRef": {"name": "train"}, "schedule": "*/15 * * * *", "timeZone": "Europe/Rome"}
    api.put("mlrunruns", {"metadata": {"name": "nightly"}, "spec": spec, "status": {"phase": "Scheduled"}})
    api.put("mlrunruns", {"metadata": {"name": "plain"}, "spec": {"functionRef": {"name": "train"}}})
    return api


def spec_of(api: StandIn, name: str) -> Any:
    return next(obj["spec"] for path, obj in api.objects.items() if path.endswith(f"/{name}"))


def test_an_expression_says_when_it_fires(cli) -> None:
    said = cli("schedule", "next", "0 6 29 2 *", "-c", "2", "--zone", "Europe/Rome")
    assert [line.split()[0][4:] for line in said.out.splitlines()] == ["-02-29T05:00:00Z"] * 2
    assert json.loads(cli("schedule", "next", "@daily", "--json", "-c", "1").out)[0].endswith("T00:00:00Z")
    assert "never" in cli("schedule", "next", "0 0 31 2 *").err


@pytest.mark.parametrize("words", [["61 * * * *"], ["* * * *"], ["0 0 * * *", "--zone", "Mars/Base"]])
def test_a_wrong_expression_is_told(cli, words: list[str]) -> None:
    assert cli("schedule", "next", *words).code == Exit.USAGE


def test_a_row_has_what_comes_and_what_was() -> None:
    run = {
        "metadata": {"name": "nightly"},
        "spec": {"schedule": "@daily"},
        "status": {
            "phase": "Scheduled",
            "schedule": {
                "nextScheduleTime": "2026-11-25T00:00:00Z",
                "lastScheduleTime": "2026-11-24T00:00:00Z",
                "succeeded": 7,
                "missed": 1,
            },
        },
    }
    shown = dict(zip(scheduling.HEADS, scheduling.row(run, NOW), strict=True))
    assert shown["next"] == "in 11h59m"
    assert shown["last"] == "12h0m ago"
    assert (shown["succeeded"], shown["failed"], shown["missed"]) == ("7", "0", "1")


def test_a_schedule_is_listed_held_and_let_go(cli, api: StandIn) -> None:
    assert [line.split()[0] for line in cli("schedule", "list").out.splitlines()] == ["NAME", "nightly"]
    assert cli("schedule", "list", "-n", "nowhere").err == "no schedules in namespace nowhere\n"
    assert cli("schedule", "suspend", "nightly").out == "mlrunrun/nightly suspended\n"
    assert spec_of(api, "nightly")["suspend"] is True
    assert "it would fire" in cli("schedule", "next", "nightly", "-c", "1").err
    assert cli("schedule", "resume", "nightly").out == "mlrunrun/nightly resumed\n"
    assert "suspend" not in spec_of(api, "nightly")
    assert "plain is no schedule" in cli("schedule", "suspend", "plain").err


def test_a_stopped_schedule_is_not_triggered_since_that_would_start_it_again(cli, api: StandIn) -> None:
    spec_of(api, "nightly")["stop"] = True
    said = cli("schedule", "trigger", "nightly")
    assert said.code == Exit.USAGE
    assert "nightly is stopped" in said.err
    assert "rerun nightly" in said.err
    assert spec_of(api, "nightly")["stop"] is True


def test_a_backfill_counts_its_slots(cli, api: StandIn) -> None:
    words = ["--from", "2026-01-31", "--to", "2026-01-31T01:00+00:00"]
    assert cli("schedule", "backfill", "nightly", *words, "--dry-run").out.splitlines() == [
        "2026-01-31T00:00:00Z",
        "2026-01-31T00:15:00Z",
        "2026-01-31T00:30:00Z",
        "2026-01-31T00:45:00Z",
    ]
    said = cli("schedule", "backfill", "nightly", *words, "--parallelism", "4", "--newest-first")
    assert said.out == "mlrunrun/nightly backfills 4 slots\n"
    assert spec_of(api, "nightly")["backfill"] == {
        "from": "2026-01-31T00:00:00Z",
        "to": "2026-01-31T01:00:00Z",
        "parallelism": 4,
        "order": "NewestFirst",
    }


def test_a_backfill_leaves_to_the_schedule_what_it_may_still_fire(cli, api: StandIn) -> None:
    """By the rule of the operator."""
    cron = parse_cron("0 * * * *")
    run: Any = {"metadata": {"creationTimestamp": "2026-11-01T00:30:00Z"}, "spec": {"schedule": "0 * * * *"}}
    hours = NOW.replace(hour=0, minute=0, second=0), NOW.replace(hour=23)

    def count(now: datetime = NOW) -> int:
        return len(scheduling.past_slots(run, cron, *hours, now))

    assert count() == count(NOW.replace(minute=30)) == 12, "noon may fire late"
    run["status"] = {"schedule": {"lastScheduleTime": "2026-11-24T12:00:00Z"}}
    assert count() == 13, "noon has fired"
    run["status"], run["spec"]["catchUp"] = {}, {"policy": "None"}
    assert (count(), count(NOW.replace(minute=30))) == (12, 13), "but not too late"
    api.put("mlrunruns", {"metadata": {"name": "resting"}, "spec": {"schedule": "@daily", "suspend": True}})
    said = cli("schedule", "backfill", "resting", "--from", "2026-01-01", "--to", "2026-01-03")
    assert said.out == "mlrunrun/resting backfills 2 slots, once it is resumed\n"


def test_a_backfill_that_is_too_large_is_not_asked_for(cli, api: StandIn) -> None:
    said = cli("schedule", "backfill", "nightly", "--from", "2025-01-01", "--to", "2026-01-01")
    assert said.code == Exit.USAGE
    assert "more than 10000 slots" in said.err
    assert "backfill" not in spec_of(api, "nightly")


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [
        ("2026-02-01", "2026-01-01", "--from must be before --to"),
        ("yesterday", "2026-01-01", "--from yesterday: is no time"),
        ("2999-01-01", "2999-01-02", "has no slot from 2999-01-01 to 2999-01-02 that is past"),
    ],
)
def test_a_wrong_range_is_told(cli, api: StandIn, begin: str, end: str, words: str) -> None:
    said = cli("schedule", "backfill", "nightly", "--from", begin, "--to", end)
    assert said.code == Exit.USAGE
    assert words in said.err


def test_a_schedule_is_submitted_and_rendered_as_a_cron_job(cli, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("def f(context):\n    return 1\n")
    words = [
        f"{tmp_path}/p.py:f",
        "--name",
        "n",
        "--schedule",
        "*/5 * * * *",
        "--time-zone",
        "Europe/Rome",
        "--dry-run",
    ]
    (tmp_path / "all.yaml").write_text(cli("run", *words).out)
    cron_job = json.loads(cli("render", tmp_path / "all.yaml", "--json").out)
    assert cron_job["kind"] == "CronJob"
    assert (cron_job["spec"]["schedule"], cron_job["spec"]["timeZone"]) == ("*/5 * * * *", "Europe/Rome")
    assert cli("run", *words[:-1], "--wait").code == Exit.USAGE
    assert "Five fields" not in cli("validate", tmp_path / "all.yaml").err


def test_a_schedule_is_described() -> None:
    run = {
        "metadata": {"name": "nightly", "namespace": "team"},
        "spec": {"functionRef": {"name": "f"}, "schedule": "@daily"},
        "status": {
            "phase": "Scheduled",
            "schedule": {"nextScheduleTime": "2026-11-25T00:00:00Z", "succeeded": 7, "missed": 1},
        },
    }
    page = describing.text(run, [], NOW).splitlines()
    assert "Schedule:     @daily in UTC" in page
    assert "Next:         2026-11-25T00:00:00Z (in 11h59m)" in page
    assert "Runs:         7 succeeded, 1 missed" in page
