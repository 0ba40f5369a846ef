"""A schedule: its CronJob kept in line, a run for every firing, slots of the past, and the history (BEHAVIOUR C).

A slot's identity is its run's name, which is the name that the CronJob controller gives the slot's Job. So whoever asks
for a slot, and however often, it is one run.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.cron import parse_cron
from mlrun_operator.api.names import cron_job_name, short_hash, slot_of
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.run import RunSpec
from mlrun_operator.api.schedule import SHORT_DEADLINE
from mlrun_operator.api.status import Phase, ScheduleStatus
from mlrun_operator.api.words import in_words
from mlrun_operator.assess.conditions import Verdict
from mlrun_operator.assess.jobs import controlled_by
from mlrun_operator.assess.schedule import (
    BACKFILL,
    CATCH_UP,
    MANUAL,
    SCHEDULE,
    Child,
    Slots,
    children_of,
    tallied,
    timed,
    with_schedule,
)
from mlrun_operator.assess.times import format_time, parse_time
from mlrun_operator.plan.backfill import ahead_of, check_size, walked
from mlrun_operator.plan.case import Case, Object, Plan, fired_job
from mlrun_operator.plan.start import AGAIN, missing, refused, resolve
from mlrun_operator.render.cron_job import build_child, build_cron_job, in_line, kept_failures, kept_successes
from mlrun_operator.render.envelope import PinnedFunction
from mlrun_operator.render.job import EnvelopeTooLargeError

# After this long the CronJob controller does not fire a slot any more, where the operator catches up.
_LATE: Final = timedelta(seconds=SHORT_DEADLINE + 5)
_SOON_AFTER: Final = timedelta(seconds=5)
_CATCH_UP: Final = 100
_MANY: Final = 2000


def keep_schedule(case: Case) -> Plan | None:
    """What a run with a schedule needs next; None for any other run."""
    if "schedule" not in case.spec:
        return None
    return _adopted(case) or _kept(case)


def orphaned(job: Object) -> bool:
    """Whether the Job was fired for a run that has adopted it; where that run is gone, so must the Job be."""
    meta = job["metadata"]
    fired = any(o.get("kind") == "CronJob" and o.get("controller") for o in meta.get("ownerReferences") or ())
    return fired and constants.LABEL_SCHEDULE_UID in (meta.get("labels") or {})


def _adopted(case: Case) -> Plan | None:
    """A run for each Job that fired; where its slot has had its run already, the Job is one too many."""
    children = {child["metadata"]["name"]: child for child in case.seen.children}
    for job in sorted(case.seen.jobs, key=lambda job: str(job["metadata"]["name"])):
        meta = job["metadata"]
        slot = slot_of(meta["name"])
        if not _fired(case, job) or slot is None or meta.get("deletionTimestamp"):
            continue
        child = children.get(meta["name"])
        if child is None:
            return Plan(create=build_child(case.seen.run, meta["name"], SCHEDULE, slot, job=job))
        if fired_job(child) == meta["uid"]:
            return Plan(adopt=(job, child))
        if controlled_by(child, case.meta["uid"]):
            return Plan(delete=job)
    return None


def _fired(case: Case, job: Object) -> bool:
    cron_job = case.seen.cron_job
    return cron_job is not None and controlled_by(job, cron_job["metadata"]["uid"])


@dataclass(frozen=True, slots=True)
class Scene:
    """A schedule whose spec can be read and whose CronJob stands: its slots, what it has done, and its runs."""

    case: Case
    spec: RunSpec
    slots: Slots
    begun: datetime
    ledger: ScheduleStatus
    children: list[Child]

    def with_ledger(self, **changes: object) -> "Scene":
        """The scene with other entries in the ledger."""
        return replace(self, ledger=self.ledger.model_copy(update=changes))

    def make(self, name: str, trigger: str, slot: datetime) -> Plan:
        """The run of that name, as the next step."""
        return Plan(create=build_child(self.case.seen.run, name, trigger, slot))


def _kept(case: Case) -> Plan:
    children = children_of(case.seen.children)
    ledger = tallied(case.before.schedule or ScheduleStatus(), children)
    try:
        spec = RunSpec.model_validate(case.spec)
        check_size(spec.backfill, ledger.backfill, parse_cron(spec.schedule or "", spec.time_zone), case.seen.now)
        rest = _rest(spec, ledger)
        function = resolve(case, spec)
        if function is None:
            return _resting(case, ledger, missing(spec, case.meta["namespace"]))
        step = _in_line(case, spec, function, ledger, rests=rest is not None)
        return step or _going_on(_scene(case, spec, ledger, children), rest)
    except EnvelopeTooLargeError as error:
        return _resting(case, ledger, Verdict(Phase.FAILED, Reason.ENVELOPE_TOO_LARGE, str(error)))
    except ValueError as error:
        return _resting(case, ledger, Verdict(Phase.FAILED, Reason.INVALID_RUN, in_words(error)))


def _rest(spec: RunSpec, ledger: ScheduleStatus) -> Verdict | None:
    """Why nothing is to fire; None while the schedule is on."""
    if spec.stop:
        return Verdict(Phase.STOPPED, Reason.STOPPED, "stopped by spec.stop")
    if (words := _enough(spec, ledger)) is not None:
        return Verdict(Phase.STOPPED, Reason.STOP_AFTER_REACHED, words)
    if spec.suspend:
        return Verdict(Phase.SUSPENDED, Reason.SUSPENDED, EXPLANATIONS[Reason.SUSPENDED].happened)
    return None


def _enough(spec: RunSpec, ledger: ScheduleStatus) -> str | None:
    """Which limit of `stopAfter` is reached, in words."""
    asked = spec.stop_after
    limits = {"succeeded": asked.successes, "failed": asked.failures} if asked else {}
    counts = {"succeeded": ledger.succeeded, "failed": ledger.failed}
    reached = (kind for kind, limit in limits.items() if limit is not None and counts[kind] >= limit)
    return next((f"{counts[kind]} runs {kind}, and stopAfter allows {limits[kind]}" for kind in reached), None)


def _resting(case: Case, ledger: ScheduleStatus, said: Verdict, again: timedelta | None = None) -> Plan:
    """The schedule cannot fire: its CronJob is told so, whatever it was rendered from."""
    cron_job = _ours(case)
    if cron_job is not None and not cron_job["spec"].get("suspend"):
        return Plan(suspend=(cron_job, True))
    ledger = ledger.model_copy(update={"next": None})
    return Plan(status=with_schedule(case.frame, said, ledger, cron_job), requeue=again)


def _ours(case: Case) -> Object | None:
    cron_job = case.seen.cron_job
    return cron_job if cron_job is not None and controlled_by(cron_job, case.meta["uid"]) else None


def _in_line(
    case: Case, spec: RunSpec, function: PinnedFunction, ledger: ScheduleStatus, *, rests: bool
) -> Plan | None:
    """The CronJob as it should be; None where it is."""
    wanted = build_cron_job(case.seen.run, spec, function, case.platform, rests=rests)
    seen, ours = case.seen.cron_job, _ours(case)
    said = refused(case, wanted, taken=seen is not None and ours is None)
    if said is not None:
        return _resting(case, ledger, said, None if said.phase.finished else AGAIN)
    if ours is None:
        return Plan(create=wanted)
    if in_line(ours, wanted):
        return None
    version = {name: ours["metadata"][name] for name in ("resourceVersion", "uid")}
    return Plan(replace={**wanted, "metadata": {**wanted["metadata"], **version}})


def _scene(case: Case, spec: RunSpec, ledger: ScheduleStatus, children: list[Child]) -> Scene:
    cron, prefix = parse_cron(spec.schedule or "", spec.time_zone), cron_job_name(case.meta["name"], case.meta["uid"])
    slots = Slots(cron, prefix, frozenset(child["metadata"]["name"] for child in case.seen.children))
    cron_job: Object = case.seen.cron_job or {"metadata": {}}
    begun = parse_time(cron_job["metadata"].get("creationTimestamp")) or case.seen.now
    return Scene(case, spec, slots, begun, timed(ledger, spec, slots, begun, case.seen.now), children)


def _going_on(scene: Scene, rest: Verdict | None) -> Plan:
    """The runs that nobody but the operator makes, then the history, then the status."""
    upcoming = scene.slots.cron.next(scene.case.seen.now) if rest is None else None
    scene = scene.with_ledger(next=format_time(upcoming) if upcoming else None)
    for step in _steps(rest):
        scene, plan = step(scene)
        if plan is not None:
            return plan
    said = rest or Verdict(Phase.SCHEDULED, Reason.SCHEDULED, "")
    status = with_schedule(scene.case.frame, said, scene.ledger, scene.case.seen.cron_job)
    return Plan(status=status, requeue=_when(scene, upcoming))


Step = Callable[[Scene], tuple[Scene, Plan | None]]


def _steps(rest: Verdict | None) -> tuple[Step, ...]:
    """What may happen: a suspended schedule can still be triggered by hand, a stopped one only loses old runs."""
    if rest is None:
        return _triggered, _caught_up, _backfilled, _pruned
    return (_triggered, _pruned) if rest.phase is Phase.SUSPENDED else (_pruned,)


def _triggered(scene: Scene) -> tuple[Scene, Plan | None]:
    """A run at once for each new `spec.rerun`; the one that the schedule came with is none."""
    asked = scene.spec.rerun
    if not asked or asked == scene.ledger.triggered:
        return scene, None
    name = f"{scene.slots.prefix}-t-{short_hash(asked)}"
    if scene.case.before.phase is not None and name not in scene.slots.taken:
        return scene, scene.make(name, MANUAL, scene.case.seen.now)
    return scene.with_ledger(triggered=asked), None


def _caught_up(scene: Scene) -> tuple[Scene, Plan | None]:
    """Under `catchUp: All` the slots that the CronJob controller has let go, oldest first."""
    policy = scene.spec.catch_up
    if policy is None or policy.policy != "All":
        return scene, None
    handled, late = parse_time(scene.ledger.handled) or scene.begun, scene.case.seen.now - _LATE
    absent = list(islice(scene.slots.open(handled + timedelta(seconds=1), late), _MANY))
    skipped = max(0, len(absent) - (policy.max or _CATCH_UP))
    waiting = absent[skipped] if len(absent) > skipped else None
    room = scene.spec.concurrency_policy == "Allow" or not scene.ledger.active
    if waiting is not None and room and not skipped:
        return scene, scene.make(scene.slots.name(waiting), CATCH_UP, waiting)
    scene = scene.with_ledger(missed=scene.ledger.missed + skipped)
    last = scene.slots.cron.previous(waiting or late)
    if last is None or last <= handled:
        return scene, None
    return scene.with_ledger(handled=format_time(last)), None


def _backfilled(scene: Scene) -> tuple[Scene, Plan | None]:
    """The slots of the past that `spec.backfill` asks for."""
    asked = scene.spec.backfill
    if asked is None:
        return scene.with_ledger(backfill=None), None
    fired = parse_time(((scene.case.seen.cron_job or {}).get("status") or {}).get("lastScheduleTime"))
    bound = max(scene.begun, fired + timedelta(seconds=1)) if fired else scene.begun
    active = sum(child.trigger == BACKFILL and not child.finished for child in scene.children)
    status, slot = walked(asked, scene.ledger.backfill, scene.slots, bound, active)
    if slot is not None:
        return scene, scene.make(scene.slots.name(slot), BACKFILL, slot)
    if status.started == status.total and not active and not status.completion_time:
        status = status.model_copy(update={"completion_time": format_time(scene.case.seen.now)})
    return scene.with_ledger(backfill=status), None


def _pruned(scene: Scene) -> tuple[Scene, Plan | None]:
    """The oldest ended runs beyond the limits; only those that are counted in the record and not needed."""
    recorded = scene.case.before.schedule or ScheduleStatus()
    counted = set(recorded.counted or ())
    ended = [child for child in reversed(scene.children) if child.finished and not child.dying]
    good = [child for child in ended if child.phase == Phase.SUCCEEDED]
    bad = [child for child in ended if child.phase != Phase.SUCCEEDED]
    old = [*good[kept_successes(scene.spec) :], *bad[kept_failures(scene.spec) :]]
    gone = [child for child in old if child.name in counted and not _still_needed(scene.spec, recorded, child)]
    return scene, Plan(delete=gone[-1].run) if gone else None


def _still_needed(spec: RunSpec, recorded: ScheduleStatus, child: Child) -> bool:
    """Whether the slot would be run again if its run went now: a catch-up or a backfill has not passed it yet."""
    if spec.catch_up and spec.catch_up.policy == "All":
        handled = parse_time(recorded.handled)
        if handled is None or child.slot > handled:
            return True
    return ahead_of(spec.backfill, recorded.backfill, child.slot)


def _when(scene: Scene, upcoming: datetime | None) -> timedelta | None:
    """When to look again though nothing happens: after the next slot, and when one has to be caught up."""
    if upcoming is None:
        return None
    again = upcoming + _SOON_AFTER
    if scene.spec.catch_up and scene.spec.catch_up.policy == "All":
        due = scene.slots.cron.next(parse_time(scene.ledger.handled) or scene.begun)
        again = min(again, due + _LATE + timedelta(seconds=1)) if due else again
    return max(again - scene.case.seen.now, timedelta(seconds=1))
