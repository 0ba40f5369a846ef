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
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object, is_controlled_by
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.schedule import SHORT_DEADLINE, child_spec
from mlrun_operator.api.v1alpha1.status import BackfillStatus, Phase, ScheduleStatus
from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.api.values.names import cron_job_name, short_hash, slot_of
from mlrun_operator.api.words import in_words
from mlrun_operator.assess import conditions as cond
from mlrun_operator.assess.conditions import Outcome
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
from mlrun_operator.assess.times import format_time, parse_time
from mlrun_operator.plan.backfill import begun, goes_on, is_still_needed, recounted, too_large, walked
from mlrun_operator.plan.context import fired_job_uid
from mlrun_operator.plan.decision import (
    Adopt,
    Ask,
    Create,
    Decision,
    Delete,
    Do,
    ReadDirectly,
    Replace,
    SetSuspended,
    Tell,
)
from mlrun_operator.plan.observation import ScheduleObservation
from mlrun_operator.plan.schedule_context import ScheduleContext
from mlrun_operator.plan.start import RETRY_INTERVAL, missing, refused, resolve, restored
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


def reconcile_schedule(observation: ScheduleObservation, platform: Platform) -> Decision:
    """Return what a schedule needs next."""
    context = ScheduleContext(observation, platform)
    return _adopt_fired_jobs(context) or _reconcile(context)


def is_orphaned(job: Object) -> bool:
    """Whether the Job was fired for a run that has adopted it; where that run is gone, so must the Job be."""
    meta = job["metadata"]
    fired = any(o.get("kind") == "CronJob" and o.get("controller") for o in meta.get("ownerReferences") or ())
    return fired and constants.LABEL_SCHEDULE_UID in (meta.get("labels") or {})


def _adopt_fired_jobs(context: ScheduleContext) -> Decision | None:
    """A run for each Job that the CronJob owns; where its slot has had its run already, the Job is one too many."""
    children = {child["metadata"]["name"]: child for child in context.observation.children}
    for job in sorted(context.observation.jobs, key=lambda job: str(job["metadata"]["name"])):
        meta = job["metadata"]
        if not _fired(context, job) or meta.get("deletionTimestamp"):
            continue
        child, slot = children.get(meta["name"]), slot_of(meta["name"], context.meta["uid"])
        if (
            child is None
            and slot
            and passed(context.recorded.schedule.backfill if context.recorded.schedule else None, slot)
        ):
            return Do(Delete(job))
        if child is None:
            return Do(Create(_as_fired(context, job, slot)))
        if fired_job_uid(child) == meta["uid"]:
            return Do(Adopt(job, child))
        if is_controlled_by(child, context.meta["uid"]):
            return Do(Delete(job))
    return None


def _as_fired(context: ScheduleContext, job: Object, slot: datetime | None) -> Object:
    """The run of a Job; without a slot somebody made the Job by hand (`kubectl create job --from=cronjob/…`).

    It has the spec that the Job was fired with, where another run still has that: it was edited since.
    """
    trigger = SCHEDULE if slot else MANUAL
    slot = slot or parse_time(job["metadata"].get("creationTimestamp")) or context.observation.now
    child = build_child(context.observation.run, job["metadata"]["name"], trigger, slot, job=job)
    fired = (job["metadata"].get("annotations") or {}).get(constants.ANNOTATION_HASH)
    specs = (known["spec"] for known in (child, *context.observation.children))
    fitting = next((spec for spec in specs if execution_hash(spec) == fired), child["spec"])
    return {**child, "spec": child_spec(fitting)}


def _fired(context: ScheduleContext, job: Object) -> bool:
    cron_job = context.observation.cron_job
    return cron_job is not None and is_controlled_by(job, cron_job["metadata"]["uid"])


@dataclass(frozen=True, slots=True)
class ScheduleScene:
    """A schedule whose spec can be read and whose CronJob stands: its slots, what it has done, and its runs.

    `backfill` is the one that is asked for, as far as it is; `bound` the moment from which on a CronJob controller may
    fire, by whatever clock, where it matters.
    """

    context: ScheduleContext
    spec: RunSpec
    slots: Slots
    begun: datetime
    ledger: ScheduleStatus
    children: list[Child]
    backfill: BackfillStatus | None
    bound: datetime

    def with_ledger(self, **changes: object) -> "ScheduleScene":
        """The scene with other entries in the ledger."""
        return replace(self, ledger=self.ledger.model_copy(update=changes))

    def make(self, name: str, trigger: str, slot: datetime) -> Decision:
        """The run of that name, as the next step."""
        return Do(Create(build_child(self.context.observation.run, name, trigger, slot)))

    def make_up(self, trigger: str, slot: datetime) -> Decision:
        """The run of a slot that nothing has fired; that the CronJob has not is asked directly: a watch may be late."""
        if slot > self.begun and not self.context.observation.fresh:
            return Ask(ReadDirectly())
        return self.make(self.slots.name(slot), trigger, slot)


def _reconcile(context: ScheduleContext) -> Decision:
    children = children_of(context.observation.children)
    ledger = _asked_for(context, tallied(context.recorded.schedule or ScheduleStatus(), children))
    try:
        spec = RunSpec.model_validate(context.spec)
        ledger = _restored_ledger(context, spec, ledger)
        if _counts_are_lost(context, spec):
            return _paused(context, ledger, Outcome(Phase.STOPPED, Reason.RESTORED, _NO_COUNTS))
        rest = _pause_reason(spec, ledger)
        function = resolve(context.observation.run, context.observation.function, spec)
        if function is None:
            return _paused(context, ledger, missing(spec, context.meta["namespace"]))
        step = _sync_cron_job(context, spec, function, ledger, rests=rest is not None)
        return step or _advance(_scene(context, spec, ledger, children), rest)
    except EnvelopeTooLargeError as error:
        return _paused(context, ledger, Outcome(Phase.FAILED, Reason.ENVELOPE_TOO_LARGE, str(error)))
    except ValueError as error:
        return _paused(context, ledger, Outcome(Phase.FAILED, Reason.INVALID_RUN, in_words(error)))


def _asked_for(context: ScheduleContext, ledger: ScheduleStatus) -> ScheduleStatus:
    """The ledger with the `spec.rerun` whose run is there; the one that a schedule comes with asks for none."""
    asked = context.spec.get("rerun")
    if not isinstance(asked, str) or not asked:
        return ledger
    name = _by_hand(context, asked)
    there = any(child["metadata"]["name"] == name for child in context.observation.children)
    return ledger.model_copy(update={"triggered": asked}) if there or context.recorded.schedule is None else ledger


def _by_hand(context: ScheduleContext, asked: str) -> str:
    """The name of the run that `spec.rerun` asks for: the same until a status is written, which remembers that run."""
    prefix = cron_job_name(context.meta["name"], context.meta["uid"])
    return f"{prefix}-t-{short_hash(f'{context.recorded.observed_generation} {asked}')}"


def _restored_ledger(context: ScheduleContext, spec: RunSpec, ledger: ScheduleStatus) -> ScheduleStatus:
    """The ledger of a schedule that has just come back from a backup: its backfill counts as done."""
    if context.recorded.schedule is not None or spec.backfill is None or not restored(context.observation.run):
        return ledger
    known = begun(spec.backfill, parse_cron(spec.schedule or "", spec.time_zone), context.observation.now)
    done = known.model_copy(update={"completion_time": format_time(context.observation.now)})
    return ledger.model_copy(update={"backfill": done})


def _counts_are_lost(context: ScheduleContext, spec: RunSpec) -> bool:
    """Whether the schedule has to wait for `spec.rerun`, since it might have come to its end before it was restored."""
    if spec.stop_after is None or not restored(context.observation.run):
        return False
    before = context.recorded
    seen = before.schedule.triggered if before.schedule else None
    return before.schedule is None or (before.reason == Reason.RESTORED and spec.rerun in (None, "", seen))


def _pause_reason(spec: RunSpec, ledger: ScheduleStatus) -> Outcome | None:
    """Why nothing is to fire; None while the schedule is on."""
    if spec.stop:
        return Outcome(Phase.STOPPED, Reason.STOPPED, "stopped by spec.stop")
    if (words := _enough(spec, ledger)) is not None:
        return Outcome(Phase.STOPPED, Reason.STOP_AFTER_REACHED, words)
    if spec.suspend:
        return Outcome(Phase.SUSPENDED, Reason.SUSPENDED, EXPLANATIONS[Reason.SUSPENDED].happened)
    return None


def _enough(spec: RunSpec, ledger: ScheduleStatus) -> str | None:
    """Which limit of `stopAfter` is reached, in words."""
    asked = spec.stop_after
    limits = {"succeeded": asked.successes, "failed": asked.failures} if asked else {}
    counts = {"succeeded": ledger.succeeded, "failed": ledger.failed}
    reached = (kind for kind, limit in limits.items() if limit is not None and counts[kind] >= limit)
    return next((f"{counts[kind]} runs {kind}, and stopAfter allows {limits[kind]}" for kind in reached), None)


def _paused(
    context: ScheduleContext, ledger: ScheduleStatus, outcome: Outcome, again: timedelta | None = None
) -> Decision:
    """The schedule cannot fire: its CronJob is told so, whatever it was rendered from."""
    cron_job = _ours(context)
    if cron_job is not None and not cron_job["spec"].get("suspend"):
        return Do(SetSuspended(cron_job, suspended=True))
    ledger = ledger.model_copy(update={"next": None})
    return Tell(with_schedule(context.base, outcome, ledger, cron_job), again)


def _ours(context: ScheduleContext) -> Object | None:
    cron_job = context.observation.cron_job
    return cron_job if cron_job is not None and is_controlled_by(cron_job, context.meta["uid"]) else None


def _sync_cron_job(
    context: ScheduleContext, spec: RunSpec, function: PinnedFunction, ledger: ScheduleStatus, *, rests: bool
) -> Decision | None:
    """The CronJob as it should be; None where it is."""
    wanted = build_cron_job(context.observation.run, spec, function, context.platform, rests=rests)
    seen, ours = context.observation.cron_job, _ours(context)
    outcome = refused(context.observation.refusal, wanted, is_taken=seen is not None and ours is None)
    if outcome is not None:
        return _paused(context, ledger, outcome, None if outcome.phase.finished else RETRY_INTERVAL)
    if ours is None:
        return Do(Create(wanted))
    if in_line(ours, wanted):
        return None
    version = {name: ours["metadata"][name] for name in ("resourceVersion", "uid")}
    return Do(Replace({**wanted, "metadata": {**wanted["metadata"], **version}}))


def _scene(context: ScheduleContext, spec: RunSpec, ledger: ScheduleStatus, children: list[Child]) -> ScheduleScene:
    cron, prefix = (
        parse_cron(spec.schedule or "", spec.time_zone),
        cron_job_name(context.meta["name"], context.meta["uid"]),
    )
    slots = Slots(cron, prefix, frozenset(child["metadata"]["name"] for child in context.observation.children))
    cron_job: Object = context.observation.cron_job or {"metadata": {}}
    since = parse_time(cron_job["metadata"].get("creationTimestamp")) or context.observation.now
    expression, ledger = ledger.expression, timed(ledger, spec, slots, since, context.observation.now)
    if goes_on(spec.backfill, ledger.backfill) and ledger.backfill and expression != ledger.expression:
        ledger = ledger.model_copy(update={"backfill": recounted(ledger.backfill, cron)})
    known = ledger.backfill if goes_on(spec.backfill, ledger.backfill) else None
    if spec.backfill is None or (known and known.completion_time):
        return ScheduleScene(context, spec, slots, since, ledger, children, known, since)
    fired = parse_time((cron_job.get("status") or {}).get("lastScheduleTime"))
    firing = Firing(cron, since, fired, (cron_job.get("spec") or {}).get("startingDeadlineSeconds"))
    backfill = known or begun(spec.backfill, cron, firing.begins(context.observation.now))
    return ScheduleScene(
        context, spec, slots, since, ledger, children, backfill, firing.begins(context.observation.now - SETTLED)
    )


def _advance(scene: ScheduleScene, rest: Outcome | None) -> Decision:
    """The runs that nobody but the operator makes, then the history, then the status."""
    upcoming = scene.slots.cron.next(scene.context.observation.now) if rest is None else None
    scene = scene.with_ledger(next=format_time(upcoming) if upcoming else None)
    for step in _steps(rest):
        scene, plan = step(scene)
        if plan is not None:
            return plan
    outcome = rest or Outcome(Phase.SCHEDULED, Reason.SCHEDULED, "")
    status = with_schedule(
        scene.context.base, outcome, scene.ledger, scene.context.observation.cron_job, _warnings(scene)
    )
    return Tell(status, _when(scene, upcoming))


def _warnings(scene: ScheduleScene) -> list[tuple[str, str]]:
    """What is not done though it is asked for."""
    backfill = scene.backfill
    if backfill is None:
        return []
    left_out = (
        backfill.completion_time and not backfill.started and backfill.total and restored(scene.context.observation.run)
    )
    words = _NOT_AGAIN if left_out else too_large(backfill)
    return [(cond.WARNINGS, words)] if words else []


Step = Callable[[ScheduleScene], tuple[ScheduleScene, Decision | None]]


def _steps(rest: Outcome | None) -> tuple[Step, ...]:
    """What may happen: a suspended schedule can still be triggered by hand, a stopped one only loses old runs."""
    if rest is None:
        return _triggered, _caught_up, _backfilled, _pruned
    return (_triggered, _pruned) if rest.phase is Phase.SUSPENDED else (_unasked, _pruned)


def _triggered(scene: ScheduleScene) -> tuple[ScheduleScene, Decision | None]:
    """A run at once for each new `spec.rerun`."""
    asked = scene.spec.rerun
    if not asked or asked == scene.ledger.triggered:
        return scene, None
    return scene, scene.make(_by_hand(scene.context, asked), MANUAL, scene.context.observation.now)


def _unasked(scene: ScheduleScene) -> tuple[ScheduleScene, Decision | None]:
    """A `spec.rerun` that comes while the schedule is stopped makes no run, and none later."""
    return scene.with_ledger(triggered=scene.spec.rerun or scene.ledger.triggered), None


def _caught_up(scene: ScheduleScene) -> tuple[ScheduleScene, Decision | None]:
    """Under `catchUp: All` the slots that the CronJob controller has let go, oldest first."""
    policy = scene.spec.catch_up
    if policy is None or policy.policy != "All":
        return scene, None
    handled, late = parse_time(scene.ledger.handled) or scene.begun, scene.context.observation.now - _LATE
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


def _backfilled(scene: ScheduleScene) -> tuple[ScheduleScene, Decision | None]:
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
        status = status.model_copy(update={"completion_time": format_time(scene.context.observation.now)})
    return scene.with_ledger(backfill=status), None


def _pruned(scene: ScheduleScene) -> tuple[ScheduleScene, Decision | None]:
    """The oldest ended runs beyond the limits; only those that are counted in the record and not needed."""
    before = scene.context.recorded.schedule or ScheduleStatus()
    counted, spec = set(before.counted or ()), scene.spec
    if scene.backfill is not None and too_large(scene.backfill):
        spec = spec.model_copy(update={"backfill": None})
    ended = [child for child in reversed(scene.children) if child.finished and not child.dying]
    good = [child for child in ended if child.phase == Phase.SUCCEEDED]
    bad = [child for child in ended if child.phase != Phase.SUCCEEDED]
    old = [*good[kept_successes(spec) :], *bad[kept_failures(spec) :]]
    gone = [child for child in old if child.name in counted and not is_still_needed(spec, before, child)]
    return scene, Do(Delete(gone[-1].run)) if gone else None


def _when(scene: ScheduleScene, upcoming: datetime | None) -> timedelta | None:
    """When to look again though nothing happens: after the next slot, and when one has to be caught up."""
    if upcoming is None:
        return None
    again = upcoming + _SOON_AFTER
    if scene.spec.catch_up and scene.spec.catch_up.policy == "All":
        due = scene.slots.cron.next(parse_time(scene.ledger.handled) or scene.begun)
        again = min(again, due + _LATE + timedelta(seconds=1)) if due else again
    backfill = scene.ledger.backfill
    if backfill and not backfill.completion_time and not too_large(backfill):
        again = min(again, scene.context.observation.now + SETTLED)  # a slot of the past that might still fire
    return max(again - scene.context.observation.now, timedelta(seconds=1))
