"""What histories are about: plain runs, sweeps, schedules, Kueue, backups, or all of them at once."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from support.simulator.rules import RULES, Call, Rule, Values, edits, spec
from support.simulator.world import World

_RUN_NAMES: Final = ("a", "a", "a", "b")


@dataclass(frozen=True, slots=True)
class Theme:
    """How a history begins, and which steps it has beside those of all histories."""

    name: str
    begin: Callable[[random.Random], list[Call]]
    rules: tuple[Rule, ...] = ()

    def liked(self, dice: random.Random) -> list[Rule]:
        """Return the rules that one history prefers."""
        own = dice.sample(self.rules, min(2, len(self.rules)))
        return [*dice.sample(RULES, 6), *own]


def theme_of(dice: random.Random) -> Theme:
    """Return the theme of a history."""
    return dice.choices(THEMES, _WEIGHTS)[0]


def next_call(dice: random.Random, world: World, theme: Theme, liked: list[Rule]) -> Call:
    """Return a step that makes sense in this world, those that are liked more often."""
    rules = liked if dice.random() < 0.35 else (*RULES, *theme.rules)
    fitting = [rule for rule in rules if rule.fits(world)] or [rule for rule in RULES if rule.fits(world)]
    rule = dice.choices(fitting, [rule.weight for rule in fitting])[0]
    return rule.make(dice, world)


# Sweeps.


def hyperparameters(dice: random.Random) -> Values:
    """Return a sweep of a few points."""
    return {
        "params": {"p": [1, 2, 3, 4][: dice.choice((1, 2, 3, 3, 4))]},
        "placement": "FanOut",
        "parallelism": dice.choice((1, 2, 4)),
        "maxErrors": dice.choice((0, 1, 1, 4)),
    }


def _sweep(dice: random.Random) -> Values:
    chosen = {name: value for name, value in spec(dice).items() if name not in ("replicas", "podTemplate")}
    return {**chosen, "hyperparameters": hyperparameters(dice)}


def _edit_sweep(dice: random.Random, _: World) -> Call:
    return Call("edit", (dice.choice(_RUN_NAMES),), {"hyperparameters": hyperparameters(dice), "replicas": None})


def _run_pods(dice: random.Random, world: World) -> Call:
    return Call("pods_run", (dice.choice((2, 4)),))


_SWEEP_RULES: Final = (
    Rule(1, _edit_sweep),
    Rule(12, _run_pods, lambda world: bool(world.live_pods())),
    Rule(6, lambda dice, _: Call("pods_end", (dice.choice((2, 4)), *dice.choice((("Succeeded", 0), ("", 1)))))),
    Rule(2, lambda *_: Call("delete_job", (0,))),
    Rule(2, lambda *_: Call("edit", ("a",), {"suspend": True})),
    Rule(3, lambda *_: Call("edit", ("a",), {"suspend": None})),
)


# Schedules.


def _schedule(dice: random.Random) -> Values:
    chosen: Values = {
        "schedule": dice.choice(("*/10 * * * *", "*/10 * * * *", "*/5 * * * *", "0 * * * *")),
        "concurrencyPolicy": dice.choice(("Forbid", "Replace", "Allow")),
    }
    for chance, name, make in (
        (0.3, "backoffLimit", lambda: 1),
        (0.3, "successfulRunsHistoryLimit", lambda: dice.choice((0, 1))),
        (0.3, "failedRunsHistoryLimit", lambda: dice.choice((0, 2))),
        (0.4, "backfill", lambda: _backfill(dice)),
        (0.3, "catchUp", lambda: _catch_up(dice)),
        (0.1, "stopAfter", lambda: {dice.choice(("successes", "failures")): dice.choice((1, 2))}),
        (0.1, "startingDeadlineSeconds", lambda: dice.choice((30, 200))),
        (0.1, "timeZone", lambda: "Asia/Kathmandu"),
        (0.1, "suspend", lambda: True),
        (0.1, "hyperparameters", lambda: hyperparameters(dice)),
        (0.1, "rerun", lambda: "r"),
        (0.1, "ttlSecondsAfterFinished", lambda: 0),
        (0.1, "runTtlSecondsAfterFinished", lambda: 0),
    ):
        if dice.random() < chance:
            chosen[name] = make()
    return chosen


def _backfill(dice: random.Random) -> Values:
    """Return a backfill of a few slots; histories begin at 12:00."""
    return {
        "from": dice.choice(("2026-11-23T11:25:00Z", "2026-11-23T11:40:00Z")),
        "to": dice.choice(("2026-11-23T12:00:00Z", "2026-11-23T12:25:00Z")),
        "parallelism": dice.choice((1, 2, 3)),
        **({"order": "NewestFirst"} if dice.random() < 0.4 else {}),
    }


def _catch_up(dice: random.Random) -> Values:
    return dice.choice(({"policy": "All"}, {"policy": "All"}, {"policy": "All", "max": 2}, {"policy": "None"}))


_SCHEDULE_EDITS: Final[tuple[Callable[[random.Random], Values], ...]] = (
    lambda dice: {"suspend": dice.choice((True, None))},
    lambda dice: {"suspend": None, "stop": None},
    lambda dice: {"stop": dice.choice((True, None))},
    lambda dice: {"rerun": dice.choice("rst")},
    lambda dice: {"rerun": dice.choice("rst")},
    lambda dice: {"backfill": dice.choice((None, _backfill(dice), _backfill(dice)))},
    lambda dice: {"backfill": _backfill(dice), "suspend": None},
    lambda dice: {"catchUp": dice.choice((None, _catch_up(dice)))},
    lambda dice: {"schedule": dice.choice(("*/10 * * * *", "*/5 * * * *", "15 * * * *"))},
    lambda dice: {"concurrencyPolicy": dice.choice(("Forbid", "Replace", "Allow"))},
    lambda dice: {"successfulRunsHistoryLimit": dice.choice((0, 1, None))},
    lambda dice: {"stopAfter": dice.choice((None, {"successes": 3}))},
    lambda dice: {"parameters": {"x": dice.randint(1, 4)}},
)


def _on_schedule(dice: random.Random, _: World) -> Call:
    return Call("edit", ("s",), dice.choice(_SCHEDULE_EDITS)(dice))


def _has_schedule(world: World) -> bool:
    return any("schedule" in run["spec"] for run in world.server.all("mlrunruns"))


def _rename(dice: random.Random, _: World) -> Call:
    return Call("rename", dice.choice((("s", "t"), ("t", "s"))))


_SCHEDULE_RULES: Final = (
    Rule(14, _on_schedule, _has_schedule),
    Rule(8, lambda dice, _: Call("wait", (dice.choice((66, 300, 601, 1300)),))),
    Rule(8, lambda *_: Call("pods_run", (4,)), lambda world: bool(world.live_pods())),
    Rule(8, lambda dice, _: Call("pods_end", (4, *dice.choice((("Succeeded", 0), ("HandlerFailed", 1)))))),
    Rule(2, lambda *_: Call("pods_by_themselves")),
    Rule(2, lambda dice, _: Call("die", (1,), {"after": True, "seconds": dice.choice((700, 2500))})),
    Rule(1, lambda dice, _: Call("step_clock", (dice.choice((40, 3600)),))),
    Rule(1, lambda *_: Call("trigger_cron_job")),
    Rule(0.5, lambda *_: Call("delete_cron_job")),
    Rule(1, lambda dice, _: Call("patch_cron_job", (), dice.choice(({"suspend": True}, {"schedule": "1 1 1 1 1"})))),
    Rule(0.5, lambda *_: Call("delete", ("s",))),
    Rule(0.5, _rename, _has_schedule),
    Rule(1, lambda dice, _: Call("delete_child", (dice.choice((0, 1, 2)),))),
    Rule(1, lambda dice, _: Call("edit_child", (dice.choice((0, 1)),), edits(dice))),
    Rule(1, lambda dice, _: Call("refuse", ("POST", "mlrunruns", dice.choice(("quota", "lost", "conflict")), 2))),
    Rule(1, lambda dice, _: Call("refuse", ("PUT", "cronjobs", dice.choice(("policy", "conflict", "lost")), 2))),
)


# Kueue.


def _begin_with_kueue(dice: random.Random) -> list[Call]:
    install = Call("install_kueue", (dice.choice((1, 1, 2)),), {"manages_all": dice.random() < 0.2})
    if dice.random() < 0.15:
        return [install, Call("create_queued", ("s",), _schedule(dice))]
    chosen = _sweep(dice) if dice.random() < 0.2 else spec(dice)
    return [install, Call("create_queued" if dice.random() < 0.9 else "create", ("a",), chosen)]


def _has_workloads(world: World) -> bool:
    return bool(world.server.objects["workloads"])


def _number(dice: random.Random, world: World) -> int:
    return dice.randrange(len(world.server.objects["workloads"]))


_KUEUE_RULES: Final = (
    Rule(4, lambda dice, _: Call("create_queued", (dice.choice("ab"),), spec(dice))),
    Rule(8, lambda dice, world: Call("preempt", (_number(dice, world),)), _has_workloads),
    Rule(
        4,
        lambda dice, world: Call("activate", (_number(dice, world),), {"active": dice.random() < 0.5}),
        _has_workloads,
    ),
    Rule(3, lambda dice, _: Call("set_quota", (dice.choice((0, 1, 2)),))),
    Rule(3, lambda dice, _: Call("edit", (dice.choice(_RUN_NAMES),), {"suspend": dice.choice((True, None))})),
    Rule(2, lambda dice, world: Call("patch_job", (0, dice.choice(("suspend", "resume", "queue")))), _has_workloads),
)


# Backups, GitOps and copies.


def _begin_backed_up(dice: random.Random) -> list[Call]:
    kind = dice.random()
    chosen = _sweep(dice) if kind < 0.15 else _schedule(dice) if kind < 0.35 else spec(dice)
    name = "s" if "schedule" in chosen else "a"
    return [*([Call("delete_function")] if dice.random() < 0.2 else []), Call("create", (name,), chosen)]


_ORDERS: Final = (
    ("mlrunfunctions", "mlrunruns"),
    ("mlrunruns", "mlrunfunctions"),
    ("mlrunruns",),
    ("mlrunfunctions", "mlrunruns", "jobs"),
    ("cronjobs", "jobs", "mlrunruns", "mlrunfunctions"),
)


def _restore(dice: random.Random, _: World) -> Call:
    return Call("restore", dice.choice(_ORDERS), {"status": dice.choice(("", "", "with", "late"))})


def _has_backup(world: World) -> bool:
    return world.backup is not None


_BACKUP_RULES: Final = (
    Rule(6, lambda *_: Call("back_up")),
    Rule(3, lambda *_: Call("lose_namespace"), _has_backup),
    Rule(8, _restore, _has_backup),
    Rule(3, lambda *_: Call("roll_back"), _has_backup),
    Rule(4, lambda dice, _: Call("recreate", (dice.choice((*_RUN_NAMES, "s")),))),
    Rule(4, lambda dice, _: Call("copy", (dice.choice((0, 0, 1, 2)), dice.choice("bcd")))),
    Rule(2, lambda *_: Call("apply_function")),
    Rule(4, lambda *_: Call("pods_run", (4,)), lambda world: bool(world.live_pods())),
    Rule(4, lambda *_: Call("pods_end", (4, "Succeeded", 0)), lambda world: bool(world.live_pods())),
)


def _one(name: str, make: Callable[[random.Random], Values]) -> Callable[[random.Random], list[Call]]:
    return lambda dice: [Call("create", (name,), make(dice))]


def _any(dice: random.Random) -> list[Call]:
    """Return the beginning of a history of everything at once."""
    first = dice.choice((_begin_with_kueue, _begin_backed_up, _one("s", _schedule), _one("a", _sweep)))
    return first(dice)


PLAIN: Final = Theme("plain", _one("a", spec))
THEMES: Final = (
    PLAIN,
    Theme("sweeps", _one("a", _sweep), _SWEEP_RULES),
    Theme("schedules", _one("s", _schedule), _SCHEDULE_RULES),
    Theme("kueue", _begin_with_kueue, _KUEUE_RULES),
    Theme("backups", _begin_backed_up, _BACKUP_RULES),
    Theme("all", _any, (*_SWEEP_RULES, *_SCHEDULE_RULES, *_KUEUE_RULES, *_BACKUP_RULES)),
)
_WEIGHTS: Final[tuple[Any, ...]] = (35, 17, 20, 12, 11, 5)
