"""Histories: grown from a seed, played in a world, shortened while they still break something, printed as a program."""

import random
import re
from collections.abc import Callable, Sequence
from typing import Final

from support.simulator.rest import come_to_rest
from support.simulator.rules import Call
from support.simulator.themes import next_call, theme_of
from support.simulator.world import World

STEPS: Final = 25
History = Sequence[Call]


def grow(seed: int, steps: int = STEPS, without: str = "") -> tuple[list[Call], World]:
    """Play the history of a seed; return it, and the world at its end.

    Calls that match `without`, a regular expression, are left out: to look behind what is known to be broken.
    """
    dice, world, calls = random.Random(seed), World(), list[Call]()
    theme = theme_of(dice)
    liked, begin = theme.liked(dice), theme.begin(dice)
    while True:
        call = begin.pop(0) if begin else next_call(dice, world, theme, liked)
        while without and not begin and re.search(without, str(call)):
            call = next_call(dice, world, theme, liked)
        calls.append(call)
        _do(world, call)
        if world.broken:
            return calls, world
        if len(calls) == steps:
            come_to_rest(world)
            return calls, world


def play(history: History) -> World:
    """Play a history until something breaks or the world rests; return the world."""
    world = World()
    for call in history:
        _do(world, call)
        if world.broken:
            return world
    come_to_rest(world)
    return world


def _do(world: World, call: Call) -> None:
    getattr(world, call.verb)(*call.args, **call.kwargs)


def shorten(history: History, kind: str) -> list[Call]:
    """Return a history as short as may be that still breaks something of the same kind."""

    def fails(calls: History) -> bool:
        return any(kind_of(words) == kind for words in play(calls).broken)

    calls, size = list(history), max(len(history) // 2, 1)
    while True:
        start, changed = 0, False
        while start < len(calls):
            shorter = calls[:start] + calls[start + size :]
            if fails(shorter):
                calls, changed = shorter, True
            else:
                start += size
        if size == 1 and not changed:
            return _simplified(calls, fails)
        size = max(size // 2, 1)


def _simplified(calls: list[Call], fails: Callable[[History], bool]) -> list[Call]:
    """Return the calls without arguments that are not needed."""
    for place, call in enumerate(calls):
        for name in list(call.kwargs):
            kwargs = {known: value for known, value in calls[place].kwargs.items() if known != name}
            if _needs(call.verb, name):
                continue
            simpler = [*calls[:place], Call(call.verb, call.args, kwargs), *calls[place + 1 :]]
            if fails(simpler):
                calls = simpler
    return calls


def _needs(verb: str, name: str) -> bool:
    return verb not in ("create", "edit", "apply_function") and not (verb == "die" and name == "seconds")


def kind_of(words: str) -> str:
    """Return what was broken, without names, numbers and details."""
    before, _, rest = words.partition(": ")
    text = rest if rest and " " not in before else words
    kept = (
        word
        for word in text.partition("[")[0].split()
        if not any(letter.isdigit() or letter in "-'" for letter in word)
    )
    what = " ".join([*kept][:7])
    changed = words.partition("; changed: ")[2].split(" ")[1:3]
    return f"{what} {' '.join(changed)}".strip()


def program_of(history: History, broken: Sequence[str]) -> str:
    """Return the history as a test that can be pasted."""
    lines = ["def test_…() -> None:", f'    """{"; ".join(broken)}"""', "    world = World()"]
    calls = (f"    {call}" for call in history)
    return "\n".join([*lines, *calls, "    come_to_rest(world)", "    assert not world.broken"])
