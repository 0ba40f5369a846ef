"""The rules by which histories are made: what may happen in a world as it is now, and how often it does."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from support.simulator.objects import is_deleting
from support.simulator.world import CODE, TEAM, World


@dataclass(frozen=True)
class Call:
    """One step: a verb of `World` and its arguments."""

    verb: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        given = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        return f"world.{self.verb}({', '.join(given)})"


@dataclass(frozen=True, slots=True)
class Rule:
    """A step that may come, how often, and when it makes sense."""

    weight: float
    make: Callable[[random.Random, World], Call]
    fits: Callable[[World], bool] = lambda _: True


Values = dict[str, Any]
_NAMES: Final = ("a", "a", "a", "b")
_WATCHES: Final = ("mlrunruns", "jobs", "pods", "mlrunfunctions", "cronjobs")
SIDECAR: Final = {"spec": {"containers": [{"name": "mlrun"}, {"name": "proxy", "image": "example.org/proxy:1"}]}}
NOWHERE: Final = {"disk": "nowhere"}
_TYPO: Final = "example.org/typo:1"
_MISSING: Final = [{"env": "TOKEN", "name": "missing", "key": "token"}]
_ENDS: Final = (
    ("Succeeded", 0),
    ("Succeeded", 0),
    ("Succeeded", 0),
    ("HandlerFailed", 1),
    ("InputUnavailable", 69),
    ("OutputMissing", 65),
    ("Terminated", 143),
    ("", 1),
)


def spec(dice: random.Random) -> Values:
    """Return the spec of a new run: a plain one most of the time."""
    made: Values = {}
    for chance, name, values in (
        (0.35, "backoffLimit", (1, 2)),
        (0.2, "replicas", (2, 3)),
        (0.1, "activeDeadlineSeconds", (20, 60)),
        (0.1, "pendingDeadlineSeconds", (30,)),
        (0.1, "maxDisruptions", (0, 1)),
        (0.1, "ttlSecondsAfterFinished", (0, 30)),
        (0.1, "nodeSelector", (NOWHERE,)),
        (0.1, "podTemplate", (SIDECAR,)),
        (0.05, "stop", (True,)),
        (0.05, "suspend", (True,)),
        (0.1, "function", (_inline(), _inline(image=_TYPO))),
        (0.1, "functionRef", ({"name": "fn", "onChange": "Rerun"},)),
    ):
        if dice.random() < chance:
            made[name] = dice.choice(values)
    if "function" in made:
        made.pop("functionRef", None)
    return made


def _inline(**more: Any) -> Values:
    return {"source": {"code": CODE}, "handler": "handler", **more}


def _schedule(dice: random.Random) -> Values:
    return {
        "schedule": "*/10 * * * *",
        "concurrencyPolicy": dice.choice(("Forbid", "Replace", "Allow")),
        **({"backoffLimit": 1} if dice.random() < 0.3 else {}),
        **({"successfulRunsHistoryLimit": 1} if dice.random() < 0.3 else {}),
    }


_EDITS: Final[tuple[Callable[[random.Random], Values], ...]] = (
    lambda dice: {"parameters": {"x": dice.randint(1, 4)}},
    lambda dice: {"parameters": {"x": dice.randint(1, 4)}},
    lambda dice: {"stop": dice.choice((True, None))},
    lambda dice: {"stop": True},
    lambda dice: {"stop": None},
    lambda dice: {"stop": None, "rerun": dice.choice("rst")},
    lambda dice: {"rerun": dice.choice((*"rst", None))},
    lambda dice: {"suspend": dice.choice((True, None))},
    lambda dice: {"suspend": None},
    lambda dice: {"nodeSelector": dice.choice((None, NOWHERE))},
    lambda dice: {"nodeSelector": None},
    lambda dice: {"backoffLimit": dice.choice((0, 2))},
    lambda dice: {"activeDeadlineSeconds": dice.choice((10, None))},
    lambda dice: {"ttlSecondsAfterFinished": dice.choice((0, 60, None))},
    lambda dice: {"maxDisruptions": dice.choice((0, 2))},
    lambda dice: {"replicas": dice.choice((2, 3, None))},
    lambda dice: {"env": dice.choice(([], None, [{"name": "A", "value": "b"}]))},
)


def edits(dice: random.Random) -> Values:
    """Return what an edit of a run changes."""
    return dice.choice(_EDITS)(dice)


def _edit(dice: random.Random, _: World) -> Call:
    return Call("edit", (dice.choice(_NAMES),), edits(dice))


def _change_function(dice: random.Random, _: World) -> Call:
    return Call(
        "apply_function",
        (),
        dice.choice(
            (
                {"source": {"code": f"{CODE}# {dice.randint(1, 3)}\n"}},
                {"image": dice.choice((_TYPO, None))},
                {"image": None},
                {"run": {"backoffLimit": dice.choice((0, 1))}},
                {"run": {"ttlSecondsAfterFinished": dice.choice((10, 20))}},
                {"description": "words"},
                {"maxConcurrentRuns": dice.choice((1, 1, None))},
            )
        ),
    )


def _create(dice: random.Random, world: World) -> Call:
    absent = [name for name in "abs" if world.server.get("mlrunruns", TEAM, name) is None]
    name = dice.choice(absent or ["b"])
    return Call("create", (name,), _schedule(dice) if name == "s" else spec(dice))


def _pod_numbers(world: World, phase: str | None = None) -> list[int]:
    pods = world.live_pods()
    return [n for n, pod in enumerate(pods) if phase is None or pod["status"].get("phase") == phase]


def _on_pod(verb: str, phase: str | None = None) -> Callable[[random.Random, World], Call]:
    return lambda dice, world: Call(verb, (dice.choice(_pod_numbers(world, phase)),))


def _end(dice: random.Random, world: World) -> Call:
    return Call("pod_ends", (dice.choice(_pod_numbers(world, "Running")), *dice.choice(_ENDS)))


def _on_job(verb: str, *options: Any) -> Callable[[random.Random, World], Call]:
    return lambda dice, world: Call(
        verb, (dice.randrange(len(world.server.all("jobs"))), *([dice.choice(options)] if options else ()))
    )


def _has_pods(phase: str | None = None) -> Callable[[World], bool]:
    return lambda world: bool(_pod_numbers(world, phase))


def _has_jobs(world: World) -> bool:
    return bool(world.server.objects["jobs"])


def _has_silent_node(world: World) -> bool:
    return bool(world.kubelet.silent_nodes) and _has_pods()(world)


def _is_deleting(world: World) -> bool:
    return any(is_deleting(run) for run in world.server.all("mlrunruns"))


def _simple(verb: str, *values: Any) -> Callable[[random.Random, World], Call]:
    return lambda dice, _: Call(verb, (dice.choice(values),) if values else ())


_JOB_CHANGES: Final = ("suspend", "resume", "backoffLimit", "deadline", "labels", "manager", "annotations", "owner")
_REFUSED: Final = (
    ("POST", "jobs"),
    ("POST", "jobs"),
    ("PUT status", "mlrunruns"),
    ("DELETE", "jobs"),
    ("PATCH", "jobs"),
    ("DELETE", "pods"),
)
RULES: Final[tuple[Rule, ...]] = (
    Rule(16, _on_pod("pod_runs", "Pending"), _has_pods("Pending")),
    Rule(12, _end, _has_pods("Running")),
    Rule(18, _edit),
    Rule(4, _change_function),
    Rule(12, _simple("wait", 1, 5, 11, 35, 61, 400, 601)),
    Rule(4, _create, lambda world: len(world.server.objects["mlrunruns"]) < 3),
    Rule(2, lambda dice, _: Call("delete", (dice.choice(_NAMES),))),
    Rule(1, lambda dice, _: Call("hold_by_finalizer", (dice.choice(_NAMES),))),
    Rule(3, lambda dice, _: Call("drop_finalizer", (dice.choice(_NAMES),)), _is_deleting),
    Rule(0.5, _simple("delete_function")),
    Rule(2, _on_pod("pod_is_killed", "Running"), _has_pods("Running")),
    Rule(
        2,
        lambda dice, world: Call("sidecar_ends", (dice.choice(_pod_numbers(world, "Running")), dice.choice((0, 3)))),
        lambda world: (
            any(len(pod["spec"]["containers"]) > 1 for pod in world.live_pods()) and _has_pods("Running")(world)
        ),
    ),
    Rule(
        3,
        lambda dice, world: Call("evict", (dice.choice(_pod_numbers(world)),), {"own_limit": dice.random() < 0.3}),
        _has_pods(),
    ),
    Rule(2, _on_pod("lose_node"), _has_pods()),
    Rule(1, _on_pod("remove_node"), _has_pods()),
    Rule(2, _on_pod("return_node"), _has_silent_node),
    Rule(2, _on_pod("delete_pod"), _has_pods()),
    Rule(1, _on_pod("force_delete"), _has_pods()),
    Rule(2, lambda dice, _: Call("sigterm", (dice.choice((0, 3, 20, 40)), dice.choice((0, 143))))),
    Rule(3, _on_job("delete_job", "Background", "Background", "Foreground", "Orphan"), _has_jobs),
    Rule(0.3, _on_job("hold_job"), _has_jobs),
    Rule(2, _on_job("patch_job", *_JOB_CHANGES), _has_jobs),
    Rule(0.5, lambda dice, _: Call("refuse_pods", (), {"refused": dice.random() < 0.6})),
    Rule(2, _simple("restart")),
    Rule(
        4,
        lambda dice, _: Call(
            "die", (dice.randint(1, 6),), {"after": dice.random() < 0.5, "seconds": dice.choice((0, 0, 20, 120))}
        ),
    ),
    Rule(
        2,
        lambda dice, _: Call("interrupt", (dice.randint(1, 4), "edit"), {"name": "a", **dice.choice(_EDITS)(dice)}),
    ),
    Rule(1, lambda dice, _: Call("interrupt", (dice.randint(1, 4), "delete_job"), {"number": 0})),
    Rule(
        2,
        lambda dice, _: Call(
            "refuse",
            (
                *dice.choice(_REFUSED),
                dice.choice(("quota", "policy", "webhook", "conflict", "busy", "lost")),
                dice.randint(1, 3),
            ),
        ),
    ),
    Rule(1, lambda dice, world: Call("cut_off", (), {"cut": not world.is_cut_off})),
    Rule(2, _simple("hold", *_WATCHES)),
    Rule(3, _simple("release"), lambda world: world.has_late_watches),
    Rule(1, _simple("lose", *_WATCHES)),
    Rule(0.5, _simple("double", *_WATCHES)),
    Rule(1, _simple("step_clock", 40, 3600, -40)),
)
