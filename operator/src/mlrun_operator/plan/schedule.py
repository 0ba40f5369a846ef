"""A schedule: its CronJob kept in line, a run for every firing, slots of the past, and the history (BEHAVIOUR C).

A slot's identity is its run's name, which is the name that the CronJob controller gives the slot's Job. So whoever asks
for a slot, and however often, it is one run.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from pydantic import ValidationError

from mlrun_operator.api import constants
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.schedule import SHORT_DEADLINE, child_spec
from mlrun_operator.api.v1alpha1.status import BackfillStatus, Phase, ScheduleStatus
from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.api.values.names import cron_job_name, short_hash, slot_of
from mlrun_operator.api.words import in_words
from mlrun_operator.assess import conditions as cond
from mlrun_operator.assess.conditions import Verdict
from mlrun_operator.assess.jobs import controlled_by
from mlrun_operator.assess.schedule import (
    BACKFILL,
    CATCH_UP,
    MANUAL,
    SCHEDULE,
    SETTLED,
    Child,
    Firing,
    Slots,
    children_of,
    passed,
    tallied,
    timed,
    with_schedule,
)
from mlrun_operator.assess.status import recorded
from mlrun_operator.assess.times import format_time, parse_time
from mlrun_operator.plan.backfill import ahead_of, begun, goes_on, recounted, too_large, walked
from mlrun_operator.plan.context import Case, Object, Plan, fired_job
from mlrun_operator.plan.start import AGAIN, missing, refused, resolve, restored
from mlrun_operator.render.cron_job import build_child, build_cron_job, in_line, kept_failures, kept_successes
from mlrun_operator.render.envelope import PinnedFunction
from mlrun_operator.render.execution import execution_hash
from mlrun_operator.render.job import EnvelopeTooLargeError

# After this long the CronJob controller does not fire a slot any more, where the operator catches up.
_LATE: Final = timedelta(seconds=SHORT_DEADLINE) + SETTLED
_SOON_AFTER: Final = timedelta(seconds=5)
_CATCH_UP: Final = 100
_MANY: Final = 2000
_CROWD: Final = 200
_NOT_AGAIN: Final = (
    "this schedule came back from a backup without its status, so its backfill is not run again; ask for another range "
    "or order of it"
)
_NO_COUNTS: Final = (
    "it came back from a backup without its counts, which stopAfter goes by; set spec.rerun to a new value to run it "
    "and go on"
)


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


def awaits(schedule: Object | None, run: Object) -> bool:
    """Whether the schedule that made the run needs it still: its end is not counted, or its slot would be run again."""
    child, written = Child.of(run), recorded(schedule or {}).schedule
    if schedule is None or child is None or written is None:
        return False
    try:
        spec = RunSpec.model_validate(schedule["spec"])
    except ValidationError:
        return True  # it is not known what it asks for
    return child.name not in (written.counted or ()) or _still_needed(spec, written, child)


def _adopted(case: Case) -> Plan | None:
    """A run for each Job that the CronJob owns; where its slot has had its run already, the Job is one too many."""
    children = {child["metadata"]["name"]: child for child in case.seen.children}
    for job in sorted(case.seen.jobs, key=lambda job: str(job["metadata"]["name"])):
        meta = job["metadata"]
        if not _fired(case, job) or meta.get("deletionTimestamp"):
            continue
        child, slot = children.get(meta["name"]), slot_of(meta["name"], case.meta["uid"])
        if child is None and slot and passed(case.before.schedule.backfill if case.before.schedule else None, slot):
            return Plan(delete=job)
        if child is None:
            return Plan(create=_as_fired(case, job, slot))
        if fired_job(child) == meta["uid"]:
            return Plan(adopt=(job, child))
        if controlled_by(child, case.meta["uid"]):
            return Plan(delete=job)
    return None


def _as_fired(case: Case, job: Object, slot: datetime | None) -> Object:
    """The run of a Job; without a slot somebody made the Job by hand (`kubectl create job --from=cronjob/…`).

    It has the spec that the Job was fired with, where another run still has that: it was edited since.
    """
    trigger = SCHEDULE if slot else MANUAL
    slot = slot or parse_time(job["metadata"].get("creationTimestamp")) or case.seen.now
    child = build_child(case.seen.run, job["metadata"]["name"], trigger, slot, job=job)
    fired = (job["metadata"].get("annotations") or {}).get(constants.ANNOTATION_HASH)
    specs = (known["spec"] for known in (child, *case.seen.children))
    fitting = next((spec for spec in specs if execution_hash(spec) == fired), child["spec"])
    return {**child, "spec": child_spec(fitting)}


def _fired(case: Case, job: Object) -> bool:
    cron_job = case.seen.cron_job
    return cron_job is not None and controlled_by(job, cron_job["metadata"]["uid"])


@dataclass(frozen=True, slots=True)
class Scene:
    """A schedule whose spec can be read and whose CronJob stands: its slots, what it has done, and its runs.

    `backfill` is the one that is asked for, as far as it is; `bound` the moment from which on a CronJob controller may
    fire, by whatever clock, where it matters.
    """

    case: Case
    spec: RunSpec
    slots: Slots
    begun: datetime
    ledger: ScheduleStatus
    children: list[Child]
    backfill: BackfillStatus | None
    bound: datetime

    def with_ledger(self, **changes: object) -> "Scene":
        """The scene with other entries in the ledger."""
        return replace(self, ledger=self.ledger.model_copy(update=changes))

    def make(self, name: str, trigger: str, slot: datetime) -> Plan:
        """The run of that name, as the next step."""
        return Plan(create=build_child(self.case.seen.run, name, trigger, slot))

    def make_up(self, trigger: str, slot: datetime) -> Plan:
        """The run of a slot that nothing has fired; that the CronJob has not is asked directly: a watch may be late."""
        if slot > self.begun and not self.case.seen.confirmed:
            return Plan(confirm=True)
        return self.make(self.slots.name(slot), trigger, slot)


def _kept(case: Case) -> Plan:
    children = children_of(case.seen.children)
    ledger = _asked_for(case, tallied(case.before.schedule or ScheduleStatus(), children))
    try:
        spec = RunSpec.model_validate(case.spec)
        ledger = _restored_ledger(case, spec, ledger)
        if _counts_are_lost(case, spec):
            return _resting(case, ledger, Verdict(Phase.STOPPED, Reason.RESTORED, _NO_COUNTS))
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


def _asked_for(case: Case, ledger: ScheduleStatus) -> ScheduleStatus:
    """The ledger with the `spec.rerun` whose run is there; the one that a schedule comes with asks for none."""
    asked = case.spec.get("rerun")
    if not isinstance(asked, str) or not asked:
        return ledger
    name = _by_hand(case, asked)
    there = any(child["metadata"]["name"] == name for child in case.seen.children)
    return ledger.model_copy(update={"triggered": asked}) if there or case.before.schedule is None else ledger


def _by_hand(case: Case, asked: str) -> str:
    """The name of the run that `spec.rerun` asks for: the same until a status is written, which remembers that run."""
    prefix = cron_job_name(case.meta["name"], case.meta["uid"])
    return f"{prefix}-t-{short_hash(f'{case.before.observed_generation} {asked}')}"


def _restored_ledger(case: Case, spec: RunSpec, ledger: ScheduleStatus) -> ScheduleStatus:
    """The ledger of a schedule that has just come back from a backup: its backfill counts as done."""
    if case.before.schedule is not None or spec.backfill is None or not restored(case):
        return ledger
    known = begun(spec.backfill, parse_cron(spec.schedule or "", spec.time_zone), case.seen.now)
    done = known.model_copy(update={"completion_time": format_time(case.seen.now)})
    return ledger.model_copy(update={"backfill": done})


def _counts_are_lost(case: Case, spec: RunSpec) -> bool:
    """Whether the schedule has to wait for `spec.rerun`, since it might have come to its end before it was restored."""
    if spec.stop_after is None or not restored(case):
        return False
    before = case.before
    seen = before.schedule.triggered if before.schedule else None
    return before.schedule is None or (before.reason == Reason.RESTORED and spec.rerun in (None, "", seen))


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
    since = parse_time(cron_job["metadata"].get("creationTimestamp")) or case.seen.now
    expression, ledger = ledger.expression, timed(ledger, spec, slots, since, case.seen.now)
    if goes_on(spec.backfill, ledger.backfill) and ledger.backfill and expression != ledger.expression:
        ledger = ledger.model_copy(update={"backfill": recounted(ledger.backfill, cron)})
    known = ledger.backfill if goes_on(spec.backfill, ledger.backfill) else None
    if spec.backfill is None or (known and known.completion_time):
        return Scene(case, spec, slots, since, ledger, children, known, since)
    fired = parse_time((cron_job.get("status") or {}).get("lastScheduleTime"))
    firing = Firing(cron, since, fired, (cron_job.get("spec") or {}).get("startingDeadlineSeconds"))
    backfill = known or begun(spec.backfill, cron, firing.begins(case.seen.now))
    return Scene(case, spec, slots, since, ledger, children, backfill, firing.begins(case.seen.now - SETTLED))


def _going_on(scene: Scene, rest: Verdict | None) -> Plan:
    """The runs that nobody but the operator makes, then the history, then the status."""
    upcoming = scene.slots.cron.next(scene.case.seen.now) if rest is None else None
    scene = scene.with_ledger(next=format_time(upcoming) if upcoming else None)
    for step in _steps(rest):
        scene, plan = step(scene)
        if plan is not None:
            return plan
    said = rest or Verdict(Phase.SCHEDULED, Reason.SCHEDULED, "")
    status = with_schedule(scene.case.frame, said, scene.ledger, scene.case.seen.cron_job, _warnings(scene))
    return Plan(status=status, requeue=_when(scene, upcoming))


def _warnings(scene: Scene) -> list[tuple[str, str]]:
    """What is not done though it is asked for."""
    backfill = scene.backfill
    if backfill is None:
        return []
    left_out = backfill.completion_time and not backfill.started and backfill.total and restored(scene.case)
    words = _NOT_AGAIN if left_out else too_large(backfill)
    return [(cond.WARNINGS, words)] if words else []


Step = Callable[[Scene], tuple[Scene, Plan | None]]


def _steps(rest: Verdict | None) -> tuple[Step, ...]:
    """What may happen: a suspended schedule can still be triggered by hand, a stopped one only loses old runs."""
    if rest is None:
        return _triggered, _caught_up, _backfilled, _pruned
    return (_triggered, _pruned) if rest.phase is Phase.SUSPENDED else (_unasked, _pruned)


def _triggered(scene: Scene) -> tuple[Scene, Plan | None]:
    """A run at once for each new `spec.rerun`."""
    asked = scene.spec.rerun
    if not asked or asked == scene.ledger.triggered:
        return scene, None
    return scene, scene.make(_by_hand(scene.case, asked), MANUAL, scene.case.seen.now)


def _unasked(scene: Scene) -> tuple[Scene, Plan | None]:
    """A `spec.rerun` that comes while the schedule is stopped makes no run, and none later."""
    return scene.with_ledger(triggered=scene.spec.rerun or scene.ledger.triggered), None


def _caught_up(scene: Scene) -> tuple[Scene, Plan | None]:
    """Under `catchUp: All` the slots that the CronJob controller has let go, oldest first."""
    policy = scene.spec.catch_up
    if policy is None or policy.policy != "All":
        return scene, None
    handled, late = parse_time(scene.ledger.handled) or scene.begun, scene.case.seen.now - _LATE
    absent = list(islice(scene.slots.open(handled + timedelta(seconds=1), late), _MANY))
    slots = [child for child in scene.children if child.trigger in (SCHEDULE, CATCH_UP)]
    room = scene.spec.concurrency_policy == "Allow" or all(child.finished for child in slots)
    # What comes after a slot that waits is kept until that one has run.
    crowded = not room and sum(child.slot > handled for child in slots) > _CROWD
    skipped = min(len(absent), max(crowded, len(absent) - (policy.max or _CATCH_UP)))
    waiting = absent[skipped] if len(absent) > skipped else None
    if waiting is not None and room and not skipped:
        return scene, scene.make_up(CATCH_UP, waiting)
    scene = scene.with_ledger(missed=scene.ledger.missed + skipped)
    last = scene.slots.cron.previous(waiting or late)
    if last is None or last <= handled:
        return scene, None
    return scene.with_ledger(handled=format_time(last)), None


def _backfilled(scene: Scene) -> tuple[Scene, Plan | None]:
    """The slots of the past that `spec.backfill` asks for."""
    asked, backfill = scene.spec.backfill, scene.backfill
    if asked is None or backfill is None:
        return scene.with_ledger(backfill=None), None
    if too_large(backfill):
        return scene.with_ledger(backfill=backfill), None
    active = sum(child.trigger == BACKFILL and not child.finished for child in scene.children)
    walk = walked(backfill, asked, scene.slots, scene.bound, active)
    if walk.slot is not None:
        return scene, scene.make_up(BACKFILL, walk.slot)
    status = walk.status
    if walk.over and not active:
        status = status.model_copy(update={"completion_time": format_time(scene.case.seen.now)})
    return scene.with_ledger(backfill=status), None


def _pruned(scene: Scene) -> tuple[Scene, Plan | None]:
    """The oldest ended runs beyond the limits; only those that are counted in the record and not needed."""
    before = scene.case.before.schedule or ScheduleStatus()
    counted, spec = set(before.counted or ()), scene.spec
    if scene.backfill is not None and too_large(scene.backfill):
        spec = spec.model_copy(update={"backfill": None})
    ended = [child for child in reversed(scene.children) if child.finished and not child.dying]
    good = [child for child in ended if child.phase == Phase.SUCCEEDED]
    bad = [child for child in ended if child.phase != Phase.SUCCEEDED]
    old = [*good[kept_successes(spec) :], *bad[kept_failures(spec) :]]
    gone = [child for child in old if child.name in counted and not _still_needed(spec, before, child)]
    return scene, Plan(delete=gone[-1].run) if gone else None


def _still_needed(spec: RunSpec, before: ScheduleStatus, child: Child) -> bool:
    """Whether the slot would be run again if its run went now: a catch-up or a backfill has not passed it yet."""
    if child.trigger == MANUAL:
        return False
    if spec.catch_up and spec.catch_up.policy == "All":
        handled = parse_time(before.handled)
        if handled is None or child.slot > handled:
            return True
    return ahead_of(spec.backfill, before.backfill, child.slot)


def _when(scene: Scene, upcoming: datetime | None) -> timedelta | None:
    """When to look again though nothing happens: after the next slot, and when one has to be caught up."""
    if upcoming is None:
        return None
    again = upcoming + _SOON_AFTER
    if scene.spec.catch_up and scene.spec.catch_up.policy == "All":
        due = scene.slots.cron.next(parse_time(scene.ledger.handled) or scene.begun)
        again = min(again, due + _LATE + timedelta(seconds=1)) if due else again
    backfill = scene.ledger.backfill
    if backfill and not backfill.completion_time and not too_large(backfill):
        again = min(again, scene.case.seen.now + SETTLED)  # a slot of the past that might still fire
    return max(again - scene.case.seen.now, timedelta(seconds=1))
