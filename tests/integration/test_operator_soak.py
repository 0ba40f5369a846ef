"""Runs in numbers while the operator is killed again and again; `make prove` does it with 2,000."""

import asyncio

from support.lab import laboratory
from support.soak import Soaked, soak


async def _soaked() -> Soaked:
    async with laboratory() as lab:
        return await soak(lab, 60, rate=6, every=(0.7, 2.5), seconds=150)


def test_sixty_runs_while_the_operator_is_killed_every_two_seconds() -> None:
    outcome = asyncio.run(_soaked())
    assert outcome.broken == []
    assert (outcome.jobs, outcome.succeeded) == (60, 60)
    assert outcome.kills >= 2
