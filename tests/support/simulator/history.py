"""Histories: made of a seed, played in a world, shortened while they still break something, printed as a program."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from support.simulator.rest import come_to_rest
from support.simulator.world import CODE, World

STEPS: Final = 25


@dataclass(frozen=True)
class Call:
    """One step: a verb of `World` and its arguments."""

    verb: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        given = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        return f"world.{self.verb}({', '.join(given)})"


History = Sequence[Call]


def play(history: History) -> World:
    """Play a history until something breaks or the world rests; return the world."""
    world = World()
    for call in history:
        getattr(world, call.verb)(*call.args, **call.kwargs)
        if world.broken:
            return world
    come_to_rest(world)
    return world


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
            if _needs(calls[place].verb, name):
                continue
            simpler = [*calls[:place], Call(call.verb, call.args, kwargs), *calls[place + 1 :]]
            if fails(simpler):
                calls = simpler
    return calls


def _needs(verb: str, name: str) -> bool:
    return verb not in ("create", "edit", "apply_function") and not (verb == "die" and name == "seconds")


def kind_of(words: str) -> str:
    """Return what was broken, without names and numbers."""
    text = words.split(": ", 1)[-1]
    return " ".join(word for word in text.split()[:6] if not any(letter.isdigit() for letter in word))


def program_of(history: History, broken: Sequence[str]) -> str:
    """Return the history as a test that can be pasted."""
    lines = ["def test_…() -> None:", f'    """{"; ".join(broken)}"""', "    world = World()"]
    return "\n".join([*lines, *(f"    {call}" for call in history), "    come_to_rest(world)", "    assert not world.broken"])


# Making them.

_RUNS: Final = ("a", "a", "a", "b")
_REASONS: Final = (
    ("Succeeded", 0),
    ("Succeeded", 0),
    ("HandlerFailed", 1),
    ("InputUnavailable", 69),
    ("OutputMissing", 65),
    ("Terminated", 143),
    ("", 1),
)


def make(seed: int, steps: int = STEPS) -> list[Call]:
    """Return the history of a seed."""
    dice = random.Random(seed)
    calls = [Call("create", ("a",), _spec(dice))]
    verbs, weights = zip(*_VERBS, strict=True)
    focus = dice.choices(verbs, weights, k=6)
    while len(calls) < steps:
        verb = dice.choice(focus) if dice.random() < 0.35 else dice.choices(verbs, weights)[0]
        made = verb(dice)
        calls += made if isinstance(made, list) else [made]
    return calls[:steps]


def _spec(dice: random.Random) -> dict[str, Any]:
    """Return the spec of a run, a plain one most of the time."""
    spec: dict[str, Any] = {}
    for chance, name, values in (
        (0.35, "backoffLimit", (1, 2)),
        (0.2, "replicas", (2, 3)),
        (0.1, "activeDeadlineSeconds", (20, 60)),
        (0.1, "pendingDeadlineSeconds", (30,)),
        (0.1, "maxDisruptions", (0, 1)),
        (0.1, "ttlSecondsAfterFinished", (0, 30)),
        (0.1, "nodeSelector", ({"disk": "nowhere"},)),
        (0.1, "podTemplate", (_SIDECAR,)),
        (0.1, "stop", (True,)),
        (0.1, "suspend", (True,)),
        (0.1, "function", (_inline(), _inline(image="example.org/typo:1"))),
        (0.1, "functionRef", ({"name": "fn", "onChange": "Rerun"},)),
    ):
        if dice.random() < chance:
            spec[name] = dice.choice(values)
    if "function" in spec:
        spec.pop("functionRef", None)
    return spec


_SIDECAR: Final = {"spec": {"containers": [{"name": "mlrun"}, {"name": "proxy", "image": "example.org/proxy:1"}]}}


def _inline(**more: Any) -> dict[str, Any]:
    return {"source": {"code": CODE}, "handler": "handler", **more}


def _edit(dice: random.Random) -> Call:
    name, spec = dice.choice(_RUNS), dice.choice(_EDITS)(dice)
    return Call("edit", (name,), spec)


_EDITS: Final[tuple[Callable[[random.Random], dict[str, Any]], ...]] = (
    lambda dice: {"parameters": {"x": dice.randint(1, 4)}},
    lambda dice: {"parameters": {"x": dice.randint(1, 4)}},
    lambda dice: {"stop": dice.choice((True, None))},
    lambda dice: {"stop": True},
    lambda dice: {"stop": None},
    lambda dice: {"stop": None, "rerun": dice.choice("rst")},
    lambda dice: {"rerun": dice.choice((*"rst", None))},
    lambda dice: {"suspend": dice.choice((True, None))},
    lambda dice: {"suspend": None},
    lambda dice: {"nodeSelector": dice.choice((None, {"disk": "nowhere"}))},
    lambda dice: {"nodeSelector": None},
    lambda dice: {"backoffLimit": dice.choice((0, 2))},
    lambda dice: {"activeDeadlineSeconds": dice.choice((10, None))},
    lambda dice: {"ttlSecondsAfterFinished": dice.choice((0, 60, None))},
    lambda dice: {"maxDisruptions": dice.choice((0, 2))},
    lambda dice: {"replicas": dice.choice((2, 3, None))},
    lambda dice: {"env": dice.choice(([], None, [{"name": "A", "value": "b"}]))},
    lambda dice: {"functionRef": {"name": "fn", "onChange": dice.choice(("Rerun", None))}},
)


def _function(dice: random.Random) -> Call:
    spec: dict[str, Any] = dice.choice(
        (
            {"source": {"code": f"{CODE}# {dice.randint(1, 3)}\n"}},
            {"image": dice.choice(("example.org/typo:1", None))},
            {"image": None},
            {"run": {"backoffLimit": dice.choice((0, 1))}},
            {"run": {"ttlSecondsAfterFinished": dice.choice((10, 20))}},
            {"description": "words"},
            {"maxConcurrentRuns": dice.choice((1, None))},
        )
    )
    return Call("apply_function", (), spec)


def _end(dice: random.Random) -> Call:
    reason, code = dice.choice(_REASONS)
    return Call("pod_ends", (_small(dice), reason, code))


def _small(dice: random.Random) -> int:
    return dice.choice((0, 0, 0, 1, 2))


def _pod(verb: str) -> Callable[[random.Random], Call]:
    return lambda dice: Call(verb, (_small(dice),))


_Verb = Callable[[random.Random], Call | list[Call]]
_WATCHES: Final = ("mlrunruns", "jobs", "pods", "mlrunfunctions")
_VERBS: Final[tuple[tuple[_Verb, float], ...]] = (
    (_pod("pod_runs"), 14),
    (_end, 10),
    (_edit, 18),
    (_function, 4),
    (lambda dice: Call("wait", (dice.choice((1, 5, 11, 35, 61, 400)),)), 12),
    (lambda dice: Call("create", (dice.choice(_RUNS),), _spec(dice)), 4),
    (lambda dice: Call("delete", (dice.choice(_RUNS),)), 2),
    (lambda dice: Call("hold_by_finalizer", (dice.choice(_RUNS),)), 1),
    (lambda dice: Call("drop_finalizer", (dice.choice(_RUNS),)), 1),
    (lambda dice: Call("delete_function"), 0.5),
    (_pod("pod_is_killed"), 2),
    (lambda dice: Call("sidecar_ends", (_small(dice), dice.choice((0, 3)))), 2),
    (lambda dice: Call("evict", (_small(dice),), {"own_limit": dice.random() < 0.3}), 3),
    (_pod("lose_node"), 2),
    (_pod("remove_node"), 1),
    (_pod("return_node"), 1),
    (_pod("delete_pod"), 2),
    (_pod("force_delete"), 1),
    (lambda dice: Call("sigterm", (dice.choice((0, 3, 20, 40)), dice.choice((0, 143)))), 2),
    (
        lambda dice: Call(
            "delete_job", (_small(dice), dice.choice(("Background", "Background", "Foreground", "Orphan")))
        ),
        3,
    ),
    (
        lambda dice: Call(
            "patch_job",
            (
                _small(dice),
                dice.choice(
                    ("suspend", "resume", "backoffLimit", "deadline", "labels", "manager", "annotations", "owner")
                ),
            ),
        ),
        2,
    ),
    (lambda dice: Call("refuse_pods", (), {"refused": dice.random() < 0.6}), 0.5),
    (lambda dice: Call("restart"), 2),
    (
        lambda dice: Call(
            "die",
            (dice.randint(1, 6),),
            {"after": dice.random() < 0.5, "seconds": dice.choice((0, 0, 20, 120))},
        ),
        4,
    ),
    (
        lambda dice: Call(
            "interrupt",
            (dice.randint(1, 4), "edit"),
            {"name": "a", **dice.choice(_EDITS)(dice)},
        ),
        2,
    ),
    (lambda dice: Call("interrupt", (dice.randint(1, 4), "delete_job"), {"number": 0}), 1),
    (
        lambda dice: Call(
            "refuse",
            (
                *dice.choice((("POST", "jobs"), ("POST", "jobs"), ("PUT status", "mlrunruns"), ("DELETE", "jobs"))),
                dice.choice(("quota", "policy", "webhook", "conflict", "busy", "lost")),
                dice.randint(1, 3),
            ),
        ),
        2,
    ),
    (lambda dice: Call("cut_off", (), {"cut": dice.random() < 0.5}), 1),
    (lambda dice: Call("hold", (dice.choice(_WATCHES),)), 2),
    (lambda dice: Call("release"), 2),
    (lambda dice: Call("lose", (dice.choice(_WATCHES),)), 1),
    (lambda dice: Call("double", (dice.choice(_WATCHES),)), 0.5),
    (lambda dice: Call("step_clock", (dice.choice((40, 3600)),)), 1),
)
