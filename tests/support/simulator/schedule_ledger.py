"""What must hold of schedules: no slot twice, none lost, limits kept, counts exact, an end to backfills."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from support.simulator.api_server import ApiServer, Change
from support.simulator.objects import Object, controller_of, is_deleting, is_job_finished, moment_of, uid_of

from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.api.values.names import slot_of

_GROUP: Final = "mlrun-operator.dev/"
_ENDS: Final = ("Succeeded", "Failed", "Stopped")
_OPERATOR: Final = "operator"

# By this the operator's watch shows a Job that a CronJob fired; of others only the newest is looked for.
OUR_LABELS: Final = frozenset({"app.kubernetes.io/managed-by"})


@dataclass(slots=True)
class ChildRecord:
    """A run that a schedule made."""

    uid: str
    name: str
    trigger: str
    slot: datetime | None
    # The resource version when it was made.
    made_at: int
    # How it ended first.
    end: str | None = None
    gone_by: str | None = None


@dataclass(slots=True)
class ScheduleRecord:
    """What a schedule was asked for, and what it made."""

    uid: str
    name: str
    children: list[ChildRecord] = field(default_factory=list)
    # By uid the Jobs that its CronJob fired, with their slots; those that became a run; those that are gone.
    fired: dict[str, datetime | None] = field(default_factory=dict)
    adopted: set[str] = field(default_factory=set)
    reruns: list[str] = field(default_factory=list)
    # At which resource versions a backfill was asked for, and whether anything happened that makes counts inexact.
    backfills: list[int] = field(default_factory=list)
    is_inexact: bool = False


class ScheduleLedger:
    """Listens to the API server, and says what is broken."""

    def __init__(self, server: ApiServer, breaks: Callable[[str, str], None]) -> None:
        self._server = server
        self._breaks = breaks
        self.schedules: dict[str, ScheduleRecord] = {}
        # By uid of a child that of its schedule; by uid of a CronJob that of its schedule.
        self._schedule_of: dict[str, str] = {}
        server.observers.append(self._see)

    def memory(self) -> Object:
        """Return what a rollback of the cluster's data brings back."""
        return {"schedules": self.schedules, "_schedule_of": self._schedule_of}

    def recall(self, memory: Object) -> None:
        """Go back to what was known; a slot may have its run again, which nobody remembers."""
        for name, value in memory.items():
            setattr(self, name, value)
        for record in self.schedules.values():
            record.is_inexact = True

    # What happens.

    def _see(self, change: Change) -> None:
        if change.plural == "mlrunruns":
            self._see_run(change)
        elif change.plural == "jobs":
            self._see_job(change)
        elif change.plural == "cronjobs" and change.old is None:
            self._schedule_of[uid_of(change.last)] = controller_of(change.last).get("uid", "")
        elif change.plural == "cronjobs" and change.new is None:
            record = self.schedules.get(self._schedule_of.get(uid_of(change.last), ""))
            if record is not None:
                record.is_inexact = True

    def _see_run(self, change: Change) -> None:
        run, uid = change.last, uid_of(change.last)
        if change.old is None:
            self._see_new_run(run)
        if uid in self.schedules and change.new is not None and change.old is not None:
            self._see_edit(self.schedules[uid], change.old, change.new)
        record = self.schedules.get(self._schedule_of.get(uid, ""))
        child = next((c for c in record.children if c.uid == uid), None) if record else None
        if record is None or child is None:
            return
        phase = (run.get("status") or {}).get("phase")
        if change.old is not None and change.old["spec"] != run["spec"]:
            record.is_inexact = True  # it may end twice before the schedule sees it
        if phase in _ENDS and child.end is None:
            child.end = phase
        if change.new is None or (change.old and is_deleting(run) and not is_deleting(change.old)):
            self._see_deletion(record, child, run)

    def _see_new_run(self, run: Object) -> None:
        spec, meta = run["spec"], run["metadata"]
        if "schedule" in spec:
            record = self.schedules[uid_of(run)] = ScheduleRecord(uid_of(run), meta["name"])
            record.reruns += [spec["rerun"]] if spec.get("rerun") else []
            record.is_inexact = self._server.author == "backup"
            if "backfill" in spec:
                record.backfills.append(self._server.version)
            return
        owner = controller_of(run)
        schedule = self.schedules.get(owner.get("uid", "")) if owner.get("kind") == "MlrunRun" else None
        if schedule is None:
            return
        if self._server.author != _OPERATOR:
            schedule.is_inexact = True  # somebody's copy
            return
        self._see_child(schedule, run)

    def _see_child(self, schedule: ScheduleRecord, run: Object) -> None:
        notes, now = run["metadata"]["annotations"], self._server.version
        trigger = notes[f"{_GROUP}trigger"]
        slot = slot_of(run["metadata"]["name"], schedule.uid)
        child = ChildRecord(uid_of(run), run["metadata"]["name"], trigger, slot, now)
        if job := notes.get(f"{_GROUP}job-uid"):
            schedule.adopted.add(job.rpartition("/")[2])
        self._check_slot(schedule, child)
        self._check_policy(schedule, child)
        schedule.children.append(child)
        self._schedule_of[child.uid] = schedule.uid

    def _see_edit(self, record: ScheduleRecord, old: Object, new: Object) -> None:
        before, spec = old["spec"], new["spec"]
        if spec.get("rerun") and spec.get("rerun") != before.get("rerun"):
            record.reruns.append(spec["rerun"])
        if any(before.get(name) != spec.get(name) for name in ("schedule", "timeZone", "catchUp")):
            record.is_inexact = True
        if spec.get("backfill") and spec["backfill"] != before.get("backfill"):
            record.backfills.append(self._server.version)
        if (old.get("status") or {}).get("schedule") and self._server.author == _OPERATOR:
            self._check_counts(record, old["status"]["schedule"], (new.get("status") or {}).get("schedule") or {})

    def _see_deletion(self, record: ScheduleRecord, child: ChildRecord, run: Object) -> None:
        if child.gone_by is not None:
            return
        child.gone_by = self._server.author or "somebody"
        schedule = self._server.by_uid("mlrunruns", record.uid)
        if self._server.author != _OPERATOR:
            record.is_inexact = True
        elif child.end is None:
            self._breaks(record.name, f"its run {child.name} was deleted and had not ended")
        elif schedule is not None and "runTtlSecondsAfterFinished" not in run["spec"]:
            self._check_kept(record, schedule, run)

    def _see_job(self, change: Change) -> None:
        job = change.last
        owner = controller_of(job)
        schedule = self.schedules.get(self._schedule_of.get(owner.get("uid", ""), ""))
        if schedule is None or owner["kind"] != "CronJob":
            return
        slot = slot_of(job["metadata"]["name"], schedule.uid)
        if change.old is None:
            schedule.fired[uid_of(job)] = slot
        elif change.new is None and self._server.author == _OPERATOR and uid_of(job) not in schedule.adopted:
            had_run = any(child.slot == slot for child in schedule.children)
            if slot is None or not (had_run or self._is_passed(schedule, slot)):
                self._breaks(schedule.name, f"the Job of slot {slot} was deleted, and the slot has had no run")

    def _is_passed(self, schedule: ScheduleRecord, slot: datetime) -> bool:
        run = self._server.by_uid("mlrunruns", schedule.uid) or {}
        backfill = ((run.get("status") or {}).get("schedule") or {}).get("backfill") or {}
        return "cursor" in backfill and slot < datetime.fromisoformat(backfill["effectiveTo"])

    # What must hold.

    def _check_slot(self, schedule: ScheduleRecord, child: ChildRecord) -> None:
        """Check that a slot has one run; another backfill may run one again that the history has deleted."""
        if child.slot is None:
            manual = {c.name for c in schedule.children if c.trigger == "Manual" and "-t-" in c.name}
            if child.trigger == "Manual" and "-t-" in child.name and len({*manual, child.name}) > len(schedule.reruns):
                self._breaks(schedule.name, f"{child.name} is one run by hand more than was asked for")
            return
        for earlier in schedule.children:
            is_asked_again = any(asked > earlier.made_at for asked in schedule.backfills)
            is_pruned = earlier.gone_by == _OPERATOR and child.trigger == "Backfill" and is_asked_again
            if earlier.slot == child.slot and not is_pruned and earlier.gone_by != "somebody":
                self._breaks(schedule.name, f"slot {child.slot} has a second run [{earlier.trigger}, {child.trigger}]")

    def _check_policy(self, schedule: ScheduleRecord, child: ChildRecord) -> None:
        run = self._server.by_uid("mlrunruns", schedule.uid)
        if run is None or child.trigger not in ("Backfill", "CatchUp"):
            return
        spec, status = run["spec"], run.get("status") or {}
        is_observed = status.get("observedGeneration") == run["metadata"]["generation"]
        if is_observed and status.get("phase") in ("Suspended", "Stopped"):
            self._breaks(schedule.name, f"{child.name} ({child.trigger}) was made while it is {status['phase']}")
        unfinished = [c for c in schedule.children if c.end is None and c.gone_by is None]
        if child.trigger == "Backfill" and is_observed:
            active = [c for c in unfinished if c.trigger == "Backfill"]
            if len(active) >= ((spec.get("backfill") or {}).get("parallelism") or 1):
                self._breaks(schedule.name, f"a backfill runs {len(active) + 1} at a time: {spec.get('backfill')}")
        elif is_observed and spec.get("concurrencyPolicy", "Forbid") != "Allow":
            active = [c for c in unfinished if c.trigger in ("CatchUp", "Schedule")]
            if active:
                self._breaks(schedule.name, f"{child.name} catches up beside {active[0].name}")

    def _check_kept(self, record: ScheduleRecord, schedule: Object, run: Object) -> None:
        """Check that the history keeps as many ended runs as its limits say."""
        is_success = run["status"]["phase"] == "Succeeded"
        name, default = ("successfulRunsHistoryLimit", 3) if is_success else ("failedRunsHistoryLimit", 1)
        kept = [
            phase
            for other in self._server.all("mlrunruns")
            if controller_of(other).get("uid") == record.uid and uid_of(other) != uid_of(run) and not is_deleting(other)
            if (phase := (other.get("status") or {}).get("phase")) in _ENDS and (phase == "Succeeded") == is_success
        ]
        limit = schedule["spec"].get(name, default)
        is_observed = schedule["status"].get("observedGeneration") == schedule["metadata"]["generation"]
        if len(kept) < limit and is_observed:
            self._breaks(record.name, f"{name} is {limit}, and a run was deleted beside {len(kept)}")

    def _check_counts(self, record: ScheduleRecord, old: Object, new: Object) -> None:
        for name in ("succeeded", "failed", "stopped", "missed"):
            if (new.get(name) or 0) < (old.get(name) or 0):
                self._breaks(record.name, f"its count {name} went from {old.get(name)} to {new.get(name)}")

    def at_rest(self) -> Iterator[str]:
        """Yield what is not as it should be once the world rests."""
        for record in self.schedules.values():
            run = self._server.by_uid("mlrunruns", record.uid)
            if run is None or is_deleting(run):
                continue
            status = (run.get("status") or {}).get("schedule")
            if status is None or (run["status"].get("phase") not in ("Scheduled", "Suspended", "Stopped")):
                continue
            yield from self._beyond_limits(record, run)
            yield from self._unadopted(record)
            if not record.is_inexact:
                yield from self._wrong_counts(record, run, status)

    def _beyond_limits(self, record: ScheduleRecord, run: Object) -> Iterator[str]:
        ends = [
            (other.get("status") or {}).get("phase")
            for other in self._server.all("mlrunruns")
            if any(child.uid == uid_of(other) for child in record.children) and not is_deleting(other)
        ]
        if not has_backfill_ended(run) or (run["spec"].get("catchUp") or {}).get("policy") == "All":
            return
        spec, caught_up_to = run["spec"], run["status"]["schedule"].get("caughtUpTo")
        successes = spec.get("successfulRunsHistoryLimit", 3)
        failures = spec.get("failedRunsHistoryLimit", 1)
        # The newest firing is needed until the next one, whatever the limits are.
        spare = 1 if caught_up_to is not None else 0
        if ends.count("Succeeded") > successes + spare:
            yield f"{record.name}: {ends.count('Succeeded')} succeeded runs are kept, and the limit is {successes}"
        rest = sum(end in ("Failed", "Stopped") for end in ends)
        if rest > failures + spare:
            yield f"{record.name}: {rest} failed runs are kept, and the limit is {failures}"

    def _unadopted(self, record: ScheduleRecord) -> Iterator[str]:
        """Yield the Jobs that fired and have no run.

        One whose CronJob somebody took away as its owner is nobody's. One that somebody deleted before it had a run
        gets none, also while a finalizer holds it.
        """
        for uid, slot in record.fired.items():
            job = self._server.by_uid("jobs", uid)
            is_seen = job is not None and (job["metadata"].get("labels") or {}).keys() >= OUR_LABELS
            is_unadopted = is_seen and uid not in record.adopted
            if job is None or not is_unadopted or is_deleting(job) or not controller_of(job):
                continue
            if is_job_finished(job):
                yield f"{record.name}: the Job of slot {slot} has ended and has no run"

    def _wrong_counts(self, record: ScheduleRecord, run: Object, status: Object) -> Iterator[str]:
        ends = [child.end for child in record.children]
        for name in ("succeeded", "failed", "stopped"):
            counted, true = status.get(name) or 0, ends.count(name.capitalize())
            if counted != true:
                yield f"{record.name}: it counts {counted} {name}, and {true} have"
        yield from self._wrong_missed(record, run, status)

    def _wrong_missed(self, record: ScheduleRecord, run: Object, status: Object) -> Iterator[str]:
        """Yield that the slots up to the last firing are not each run or counted as missed."""
        cron_job = next((c for c in self._server.all("cronjobs") if controller_of(c).get("uid") == record.uid), None)
        if cron_job is None or "caughtUpTo" not in status:
            return
        cron = parse_cron(run["spec"]["schedule"], run["spec"].get("timeZone") or "UTC")
        begin, end = moment_of(cron_job["metadata"]["creationTimestamp"]), moment_of(status["caughtUpTo"])
        # A slot may count as missed before a backfill runs it.
        filled = {child.slot for child in record.children if child.trigger == "Backfill"}
        has_run = {child.slot for child in record.children}
        due = [slot for slot in cron.slots(begin, end + timedelta(seconds=1)) if slot > begin]
        missed = sum(slot not in has_run for slot in due)
        if not missed <= (status.get("missed") or 0) <= missed + len(filled & set(due)):
            yield f"{record.name}: it counts {status.get('missed') or 0} missed slots, and {missed} of {len(due)} are"


def has_backfill_ended(run: Object) -> bool:
    """Return whether the schedule has no backfill that is under way."""
    backfill: Any = ((run.get("status") or {}).get("schedule") or {}).get("backfill") or {}
    return "backfill" not in run["spec"] or "completionTime" in backfill
