"""Annotations and labels that somebody else wrote: whatever they say, a plan is made (BEHAVIOUR J2)."""

import json
from typing import Any

import pytest
from support.schedule_simulator import ScheduleSimulator

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform

Object = dict[str, Any]
ANNOTATIONS = sorted({value for name, value in vars(constants).items() if name.startswith("ANNOTATION_")})
LABELS = sorted({value for name, value in vars(constants).items() if name.startswith("LABEL_")})
TEXTS = [
    *(
        "",
        " ",
        "²",
        "-1",
        "0",
        "1",
        "9" * 30,
        "9" * 5000,
        "NaN",
        "1e999",
        "true",
        "null",
        "x" * 100_000,
        "\u202e\x1b[2J",
    ),
    *("[]", "{", '"', "[" * 20_000, '{"a":' * 20_000, json.dumps({"ttlSecondsAfterFinished": 10**30})),
    *("2026-99-99T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-23T12:00:00", "@yearly", "a/b"),
]


def marked(objects: list[Object], part: str, name: str, text: str) -> None:
    for obj in objects:
        obj["metadata"].setdefault(part, {})[name] = text


@pytest.mark.parametrize("name", ANNOTATIONS)
def test_a_run_is_planned_whatever_its_objects_annotations_say(world: Any, name: str) -> None:
    world.settle()
    world.pod_runs()
    world.settle()
    for text in TEXTS:
        marked([*world.jobs, *world.pods, world.run], "annotations", name, text)
        world.settle()
    world.later(3600)
    world.settle()
    assert world.status["phase"]


@pytest.mark.parametrize("name", LABELS)
def test_a_run_is_planned_whatever_its_objects_labels_say(world: Any, name: str) -> None:
    world.settle()
    world.pod_runs()
    world.settle()
    for text in ("", "x", "x" * 63, "0", "9" * 30, "true", "other"):
        marked([*world.jobs, *world.pods, world.run], "labels", name, text)
        world.settle()
    assert world.status["phase"]


@pytest.mark.parametrize("name", ANNOTATIONS)
def test_a_schedule_is_planned_whatever_its_objects_annotations_say(
    platform: Platform, function: Object, name: str
) -> None:
    world = ScheduleSimulator(platform, function, schedule="*/5 * * * *")
    world.settle()
    for text in TEXTS:
        world.later(minutes=5)
        world.fire(world.now.replace(second=0, microsecond=0))
        world.settle()
        objects = [*world.children.values(), *world.jobs, world.cron_job, world.run]
        marked([obj for obj in objects if obj], "annotations", name, text)
        world.settle()
    assert world.status["phase"]
