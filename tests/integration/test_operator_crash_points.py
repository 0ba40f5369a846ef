"""The operator dies at every request of a happy run, and at delicate moments of what users do besides.

`make prove` has every moment of every scenario.
"""

import asyncio
import re

import pytest
from support.crashes import Outcome, Point, all_of, points_of
from support.lab import laboratory


async def _survived(scenario: str, when: str, kind: str) -> list[Outcome]:
    """Undisturbed, and with a death at the last request of this kind."""
    async with laboratory() as lab:
        undisturbed = await all_of(lab, [Point(scenario)])
        last = max(k for k, request in enumerate(undisturbed[0].requests, 1) if re.match(kind, request))
        return [*undisturbed, *await all_of(lab, [Point(scenario, last, when)])]


async def _survived_all() -> list[Outcome]:
    async with laboratory() as lab:
        undisturbed = await all_of(lab, [Point("happy")])
        return [*undisturbed, *await all_of(lab, points_of(undisturbed[0]))]


def test_killed_at_any_request_of_a_happy_run() -> None:
    undisturbed, *outcomes = asyncio.run(_survived_all())
    assert {str(o.point): o.broken for o in (undisturbed, *outcomes) if o.broken} == {}
    assert [str(o.point) for o in outcomes if not o.died] == []
    writes = [request for request in undisturbed.requests if not request.startswith("GET")]
    assert len(writes) <= 8, f"at most four objects and four events: {writes}"


@pytest.mark.parametrize(
    ("scenario", "when", "kind"),
    [
        ("stop", "after", r"DELETE .*/jobs/"),
        ("rerun", "after", r"POST .*/jobs "),
        ("firings", "after", r"POST .*/mlrunruns "),
    ],
)
def test_killed_at_a_delicate_moment(scenario: str, when: str, kind: str) -> None:
    outcomes = asyncio.run(_survived(scenario, when, kind))
    assert {str(o.point): o.broken for o in outcomes if o.broken} == {}
