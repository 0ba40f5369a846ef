"""Runs, sweeps and a schedule while the operator is killed again and again; `make prove` does it with 2,000."""

import asyncio

from support.lab import laboratory
from support.soak import Soaked, soak


async def _soaked() -> Soaked:
    async with laboratory() as lab:
        return await soak(lab, 60, rate=6, every=(0.7, 2.5), seconds=200)


def test_sixty_runs_while_the_operator_is_killed_every_two_seconds() -> None:
    outcome = asyncio.run(_soaked())
    assert outcome.broken == []
    # Three sweeps with two Jobs each; six slots and three firings of the schedule.
    assert (outcome.jobs, outcome.succeeded, outcome.children) == (60 + 3 + 9, 60, 9)
    assert outcome.kills >= 2
