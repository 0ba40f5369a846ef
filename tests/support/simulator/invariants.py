"""What must hold after every step, and when the world rests (BEHAVIOUR A), by the API server's own record."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from support.simulator.api_server import ApiServer, Change
from support.simulator.backup import RESTORE_LABEL
from support.simulator.kueue import QUEUE
from support.simulator.objects import Object, controller_of, is_deleting, is_terminal, moment_of, uid_of
from support.simulator.wrappers import envelope_of, sweep_part

_GROUP: Final = "mlrun-operator.dev/"
_ENDS: Final = ("Succeeded", "Failed", "Stopped")
_CONTROLLER_UID: Final = "batch.kubernetes.io/controller-uid"
# After its deletion timestamp a pod is presumed lost.
_LOST: Final = timedelta(seconds=30)
# For so long the operator keeps what was shown of a pod that is gone.
_REMEMBERED: Final = timedelta(seconds=55)
# So many changes of one Job's suspension at one moment are a fight.
_MANY_FLIPS: Final = 4
# Reasons that must not stand with these phases.
_CONTRADICTIONS: Final = {
    "Failed": ("Succeeded", "Running", "Created", "Stopped", "Queued", "Stopping"),
    "Succeeded": ("Running", "Created", "Stopped", "Stopping", "HandlerFailed", "Terminated", "JobDeleted"),
    "Stopped": ("Succeeded", "Running", "Created", "Stopping", "JobDeleted", "HandlerFailed"),
    "Pending": ("Succeeded", "Running", "Stopped", "JobDeleted", "HandlerFailed"),
}
# Fields that change what runs, of those that histories edit.
_HASHED: Final = (
    *("functionRef", "function", "parameters", "nodeSelector", "env", "secrets", "replicas", "podTemplate"),
    "hyperparameters",
)
_NOT_HASHED_IN_FUNCTION: Final = ("description", "maxConcurrentRuns")
_LIMITS: Final = (
    "backoffLimit",
    "activeDeadlineSeconds",
    "pendingDeadlineSeconds",
    "maxDisruptions",
    "ttlSecondsAfterFinished",
)


@dataclass(slots=True)
class JobRecord:
    """A Job as it was when it was made."""

    uid: str
    run_uid: str
    number: int
    generation: int
    function_generation: int | None
    x: Any
    version: int
    is_fired: bool = False
    # Whether it collects what the points of a sweep have left.
    is_collector: bool = False


@dataclass(slots=True)
class RunRecord:
    """What the history asked of a run, and what its status has told."""

    uid: str
    name: str
    # Generations of the run, and of its function, that may start an execution and have not.
    causes: list[int] = field(default_factory=lambda: [1])
    function_causes: list[int] = field(default_factory=list)
    reruns: list[str] = field(default_factory=list)
    statuses: list[Object] = field(default_factory=list)
    jobs: dict[int, list[JobRecord]] = field(default_factory=lambda: defaultdict(list))
    # Uids of Jobs that were recorded.
    recorded: set[str] = field(default_factory=set)
    over: dict[int, str] = field(default_factory=dict)
    # By execution: its newest pod, and the pods that left a report with results; whether they succeeded.
    newest_pod: dict[int, str] = field(default_factory=dict)
    reports: dict[int, dict[str, bool]] = field(default_factory=lambda: defaultdict(dict))
    is_gone: bool = False


def meaning(spec: Object) -> str:
    """Return what of a run's spec changes what runs, as text."""
    meant = {name: spec[name] for name in _HASHED if spec.get(name)}
    if "functionRef" in meant:
        meant["functionRef"] = meant["functionRef"].get("name")
    if "function" in meant:
        meant["function"] = json.loads(function_meaning(meant["function"]))
    return json.dumps(meant, sort_keys=True)


def function_meaning(spec: Object) -> str:
    """Return what of a function's spec changes what runs, as text."""
    kept = {name: value for name, value in spec.items() if name not in _NOT_HASHED_IN_FUNCTION}
    options = {name: value for name, value in (kept.pop("run", None) or {}).items() if name not in _LIMITS}
    return json.dumps({**kept, **({"run": options} if options else {})}, sort_keys=True)


class Ledger:
    """Listens to the API server, and says what is broken."""

    def __init__(self, server: ApiServer, started: set[str]) -> None:
        self._server = server
        self._clock = server.clock
        self._started = started
        self.runs: dict[str, RunRecord] = {}
        self.jobs: dict[str, JobRecord] = {}
        self.started_jobs: set[str] = set()
        # By uid of a Job all pods that it has had.
        self.pods: dict[str, set[str]] = defaultdict(set)
        # By name the pods whose reports the watch has shown to the operator's present process, and when.
        self.shown: dict[str, datetime] = {}
        self.broken: list[str] = []
        # By name the generation with which a function has last changed in what it runs.
        self.function_generations: dict[str, int] = {}
        # By Job and moment how often the operator changed its suspension.
        self._flips: dict[tuple[str, datetime], int] = {}
        # Whether the operator has been shown all that it needs to count who runs.
        self.can_count = True
        # Whether somebody took a Job's labels away.
        self.are_labels_taken = False
        self.has_clock_stepped = False
        server.observers.append(self._see)

    # What happens.

    def _see(self, change: Change) -> None:
        if change.plural == "mlrunruns":
            self._see_run(change)
        elif change.plural == "jobs" and change.old is None:
            self._see_new_job(change)
        elif change.plural == "jobs" and change.new is not None:
            self._see_suspension(change.old or {}, change.new)
        elif change.plural == "pods" and change.new is not None:
            self._see_pod(change.new, is_new=change.old is None)

    def _see_run(self, change: Change) -> None:
        obj = change.last
        record = self.runs.setdefault(uid_of(obj), RunRecord(uid_of(obj), obj["metadata"]["name"]))
        if change.old is None:
            self._see_new_child(record, obj)
            if RESTORE_LABEL in (obj["metadata"].get("labels") or {}):
                record.causes.clear()  # what it ran before is not run again
        if self._server.author == "backup":
            self._see_restored_status(record, obj.get("status") or {})
            return
        if change.new is None:
            record.is_gone = True
        elif change.old is not None and change.new.get("status") != change.old.get("status"):
            self._see_status(record, change.old.get("status") or {}, change.new.get("status") or {})
        if change.old is not None and change.new is not None:
            self._see_edit(record, change.old, change.new)

    def _see_restored_status(self, record: RunRecord, status: Object) -> None:
        """Take the status of a run that has come back with it: it starts nothing."""
        record.causes.clear()
        record.statuses.append(status)
        if status.get("phase") in _ENDS:
            record.over[_number(status)] = status["phase"]

    def _see_new_child(self, record: RunRecord, run: Object) -> None:
        """Give the Job that a CronJob fired to the run that was made for it."""
        note = (run["metadata"].get("annotations") or {}).get(f"{_GROUP}job-uid")
        job_uid = note.rpartition("/")[2] if note else None
        job = self._server.by_uid("jobs", job_uid) if job_uid else None
        if job is not None and controller_of(run) and job_uid not in self.jobs:
            made = _record_of(job, record.uid, int(job["metadata"]["resourceVersion"]))
            made.is_fired = True
            self.jobs[made.uid] = made
            record.jobs[1].append(made)
            record.causes.clear()
            function = next(iter(self._server.all("mlrunfunctions")), None)
            if function and function["metadata"]["generation"] != made.function_generation:
                record.function_causes.append(
                    function["metadata"]["generation"]
                )  # it changed since the Job was rendered

    def _see_edit(self, record: RunRecord, old: Object, new: Object) -> None:
        if old["spec"] == new["spec"]:
            return
        generation, rerun = new["metadata"]["generation"], new["spec"].get("rerun")
        anew = bool(rerun) and rerun != old["spec"].get("rerun")
        if anew:
            record.reruns.append(rerun)
        if anew or meaning(old["spec"]) != meaning(new["spec"]):
            record.causes.append(generation)

    def function_changed(self, name: str, generation: int) -> None:
        """Tell that what a function runs was changed."""
        self.function_generations[name] = generation
        for record in self.runs.values():
            run = self._server.by_uid("mlrunruns", record.uid)
            if run is not None and (run["spec"].get("functionRef") or {}).get("name") == name:
                record.function_causes.append(generation)

    def _see_status(self, record: RunRecord, old: Object, new: Object) -> None:
        record.statuses.append(new)
        number, before = _number(new), _number(old)
        execution = new.get("execution") or {}
        is_own = (old.get("execution") or {}).get("runUID") in (None, record.uid)  # not one that a backup brought
        if is_own and new.get("observedGeneration", -1) < old.get("observedGeneration", -1):
            self._breaks(record, f"observedGeneration went back from {old['observedGeneration']}")
        if number < before:
            self._breaks(record, f"the execution's number went from {before} to {number}")
        if "jobUID" in execution:
            record.recorded.add(execution["jobUID"])
        phase, last = new.get("phase"), record.over.get(number)
        is_run = "schedule" not in new  # a schedule goes on when what stopped it is over
        if is_run and last is not None and phase not in (last, "Scheduled", "Suspended") and number == before:
            self._breaks(record, f"execution {number} was over as {last} and is {phase}/{new.get('reason')} now")
        if phase in _ENDS:
            if last is None:
                self._check_shown(record, number, new)
            record.over[number] = str(phase)
        self._check_life(record, number, before, old.get("execution") or {}, execution)
        count = self._pod_count(record, number)
        if (new.get("attemptCount") or 0) > count and record.jobs[number] and self.can_count:
            self._breaks(record, f"{new['attemptCount']} attempts are counted of {count} pods")
        if new.get("reason") in _CONTRADICTIONS.get(str(phase), ()):
            self._breaks(record, f"phase {phase} has reason {new.get('reason')}: {new.get('message')}")

    def _pod_count(self, record: RunRecord, number: int) -> int:
        """Return how many pods the Jobs of an execution have had."""
        collectors = (j.uid for j in self.jobs.values() if j.is_collector and j.run_uid == record.uid)
        uids = {*(job.uid for job in record.jobs[number]), *(c for c in collectors if self.jobs[c].number == number)}
        return sum(len(self.pods[uid]) for uid in uids)

    def _check_shown(self, record: RunRecord, number: int, status: Object) -> None:
        """Check that no report is missed that was shown shortly before the execution was over."""
        since = self._clock.now - _REMEMBERED
        newest = record.newest_pod.get(number)
        is_recent = newest in self.shown and self.shown[newest] > since
        shown = [name for name in record.reports[number] if is_recent and name == newest]
        # Of a Job that was deleted before it was recorded nothing is kept but that it is lost.
        is_recorded = any(job.uid in record.recorded for job in record.jobs[number])
        is_told = status.get("results") or status.get("replicaStatuses") or _lost_both_jobs(status)
        if shown and is_recorded and not is_told:
            self._breaks(record, f"the report of {shown[0]} was shown, and the status misses it")

    def _check_life(self, record: RunRecord, number: int, before: int, old: Object, new: Object) -> None:
        """Check that nothing leaves Ending but Over, and that a recorded Job stays the execution's."""
        if number != before:
            return
        if "jobUID" in old and old["jobUID"] != new.get("jobUID"):
            self._breaks(record, f"execution {number} had Job {old['jobUID']} and has {new.get('jobUID')} now")
        if "ending" in old and "ending" in new and old["ending"].get("since") != new["ending"].get("since"):
            self._breaks(record, f"execution {number} began to end twice: {old['ending']}, {new['ending']}")
        if "ending" in old and "ending" not in new and number not in record.over:
            self._breaks(record, f"execution {number} was Ending as {old['ending']} and is not over")

    def _see_new_job(self, change: Change) -> None:
        job = change.last
        annotations = job["metadata"].get("annotations") or {}
        owner = controller_of(job)
        if owner.get("kind") != "MlrunRun" or f"{_GROUP}execution" not in annotations:
            return
        if self._server.author == "backup":
            return  # its run is gone, and so it goes
        record = self.runs.get(owner["uid"]) or RunRecord(owner["uid"], owner["name"])
        made = _record_of(job, owner["uid"], change.version)
        self.jobs[made.uid] = made
        if made.is_collector:
            return
        self._check_new_job(record, made)
        self._see_late_function(record, made)
        record.jobs[made.number].append(made)

    def _see_late_function(self, record: RunRecord, job: JobRecord) -> None:
        """Take a change of the function that a late watch had not shown when the Job was made, older than the run."""
        run = self._server.by_uid("mlrunruns", record.uid) or {"spec": {}}
        name = (run["spec"].get("functionRef") or {}).get("name", "")
        changed = self.function_generations.get(name, 0)
        if job.function_generation is not None and job.function_generation < changed:
            record.function_causes = sorted({*record.function_causes, changed})

    def _see_suspension(self, old: Object, new: Object) -> None:
        """Check that the operator leaves `suspend` to Kueue, and does not change it again and again."""
        if self._server.author != "operator" or old["spec"]["suspend"] == new["spec"]["suspend"]:
            return
        name = controller_of(new).get("name", new["metadata"]["name"])
        if QUEUE in (old["metadata"].get("labels") or {}):
            self.breaks(name, "the operator has written suspend of a Job in a queue")
        flips = self._flips[uid_of(new), self._clock.now] = self._flips.get((uid_of(new), self._clock.now), 0) + 1
        if flips == _MANY_FLIPS:
            self.breaks(name, "the operator fights over suspend of its Job")

    def _check_new_job(self, record: RunRecord, job: JobRecord) -> None:
        if record.jobs[job.number]:
            if record.recorded & {known.uid for known in record.jobs[job.number]}:
                self._breaks(record, f"execution {job.number} has a second Job, though it was recorded")
            return
        self._check_limit(record, job)
        previous = [known for jobs in record.jobs.values() for known in jobs if known.number < job.number]
        never_started = bool(previous) and not any(known.uid in self.started_jobs for known in previous[-1:])
        run = self._server.by_uid("mlrunruns", record.uid) or {"spec": {}}
        follows = (run["spec"].get("functionRef") or {}).get("onChange") == "Rerun"
        causes = [g for g in record.causes if g <= job.generation]
        if job.function_generation is not None and (follows or never_started):
            causes += [g for g in record.function_causes if g <= job.function_generation]
        if not causes:
            self._breaks(record, f"execution {job.number} started without an edit, a rerun or a change of its function")
        record.causes = [g for g in record.causes if g > job.generation]
        record.function_causes = [g for g in record.function_causes if g > (job.function_generation or 0)]

    def _check_limit(self, record: RunRecord, job: JobRecord) -> None:
        """Check that a new Job of a function with a limit does not go over it, also by pods that still end."""
        function = next(iter(self._server.all("mlrunfunctions")), None)
        limit = function["spec"].get("maxConcurrentRuns") if function else None
        if limit is None or job.function_generation is None or not self.can_count:
            return
        others = {
            known.run_uid: pod["metadata"]["name"]
            for known, pod in self.live_pods()
            if known.function_generation is not None and known.run_uid != job.run_uid
        }
        if len(others) >= limit:
            self._breaks(record, f"it started beside {', '.join(others.values())}, with maxConcurrentRuns {limit}")

    def _see_pod(self, pod: Object, *, is_new: bool) -> None:
        job_uid = (pod["metadata"].get("labels") or {}).get(_CONTROLLER_UID, "")
        self.pods[job_uid].add(uid_of(pod))
        job = self.jobs.get(job_uid)
        if job is None:
            return
        if uid_of(pod) in self._started or (pod.get("status") or {}).get("phase") == "Running":
            self.started_jobs.add(job_uid)
        record = self.runs.get(job.run_uid)
        if record is None:
            return
        if sweep_part(pod) == "point":
            return
        name, reports = pod["metadata"]["name"], record.reports[job.number]
        if is_new:
            record.newest_pod[job.number] = name
        if is_terminal(pod) and _has_outputs(pod) and (controller_of(pod) or self._is_attempt(record, pod)):
            reports[name] = pod["status"]["phase"] == "Succeeded"

    def _is_attempt(self, record: RunRecord, pod: Object) -> bool:
        """Return whether the status knows the pod: one that was orphaned before that reports nothing."""
        attempts = (record.statuses[-1].get("attempts") if record.statuses else None) or ()
        return any(attempt.get("uid") == uid_of(pod) for attempt in attempts)

    def show(self, plural: str, obj: Object) -> None:
        """Tell what a watch shows the operator."""
        if plural == "pods" and is_terminal(obj) and _has_outputs(obj):
            self.shown.setdefault(obj["metadata"]["name"], self._clock.now)

    def memory(self) -> Object:
        """Return what a rollback of the cluster's data brings back."""
        names = ("runs", "jobs", "started_jobs", "can_count", "function_generations")
        return {name: getattr(self, name) for name in names}

    def recall(self, memory: Object) -> None:
        """Go back to what was known."""
        for name, value in memory.items():
            setattr(self, name, value)

    # What must hold.

    def check(self) -> None:
        """Check what must hold after every step."""
        self._check_one_execution_at_a_time()
        for record in self.runs.values():
            if not record.is_gone and record.statuses:
                self._check_outputs(record)

    def live_pods(self) -> Iterator[tuple[JobRecord, Object]]:
        """Yield the pods that may run, with their Jobs."""
        for pod in self._server.all("pods"):
            job = self.jobs.get((pod["metadata"].get("labels") or {}).get(_CONTROLLER_UID, ""))
            if job is not None and not is_terminal(pod):
                yield job, pod

    def is_presumed_lost(self, pod: Object) -> bool:
        """Return whether the pod's grace period is over since 30 s."""
        return is_deleting(pod) and self._clock.now >= moment_of(pod["metadata"]["deletionTimestamp"]) + _LOST

    def _check_one_execution_at_a_time(self) -> None:
        pods: dict[str, dict[int, list[Object]]] = defaultdict(lambda: defaultdict(list))
        for job, pod in self.live_pods():
            pods[job.run_uid][job.version].append(pod)
        for run_uid, by_job in pods.items():
            if len(by_job) < 2:
                continue
            record = self.runs[run_uid]
            older = [pod for version in sorted(by_job)[:-1] for pod in by_job[version]]
            jobs = {job.uid: job for job, _ in self.live_pods() if job.run_uid == run_uid}
            # A collector runs no code of the user's; it does not wait for a lost point, and another may be made.
            is_collected = len({job.number for job in jobs.values()}) == 1
            if is_collected and self._points_may_run(older, by_job[max(by_job)]):
                continue
            if record.reruns and all(self.is_presumed_lost(pod) for pod in older):
                continue
            names = [pod["metadata"]["name"] for some in by_job.values() for pod in some]
            self._breaks(record, f"pods of two executions may run at once: {', '.join(names)}")

    def _points_may_run(self, older: Iterable[Object], collectors: Iterable[Object]) -> bool:
        """Return whether each older pod is lost, a collector's, or of points that were let go meanwhile."""
        beginning = min(pod["metadata"]["creationTimestamp"] for pod in collectors)
        return all(
            self.is_presumed_lost(pod) or self._is_collector(pod) or self._is_let_go(pod, beginning) for pod in older
        )

    def _is_let_go(self, pod: Object, beginning: str) -> bool:
        """Return whether somebody set the Workload of points active whose collector had begun.

        Kueue resumes them, and the operator has Kueue hold them again, or deletes their Job.
        """
        job = self._server.by_uid("jobs", pod["metadata"]["labels"][_CONTROLLER_UID])
        is_queued = QUEUE in (((job or {}).get("metadata") or {}).get("labels") or {})
        return is_queued and bool(pod["metadata"]["creationTimestamp"] > beginning)

    def _is_collector(self, pod: Object) -> bool:
        job = self.jobs.get((pod["metadata"].get("labels") or {}).get(_CONTROLLER_UID, ""))
        return job is not None and job.is_collector

    def _check_outputs(self, record: RunRecord) -> None:
        status = record.statuses[-1]
        number = _number(status)
        if status.get("phase") not in _ENDS:
            return
        newest = record.newest_pod.get(number)
        pods = [name for name, succeeded in record.reports[number].items() if succeeded or name == newest]
        if not pods or status.get("results") or status.get("replicaStatuses"):
            return
        if _lost_both_jobs(status) or (status["phase"] == "Stopped" and not status.get("attempts")):
            return  # it was stopped, and that a pod had run was never seen
        if not any(c["type"] == "ResultMissing" and c["status"] == "True" for c in status.get("conditions") or ()):
            self._breaks(record, f"the report of {', '.join(pods)} is neither in the status nor missed by it")

    def _breaks(self, record: RunRecord, words: str) -> None:
        self.breaks(record.name, words)

    def breaks(self, run_name: str, words: str) -> None:
        """Tell that a promise to a run is broken."""
        told = f"{run_name}: {words}"
        if told not in self.broken:
            self.broken.append(told)


def _record_of(job: Object, run_uid: str, version: int) -> JobRecord:
    annotations = job["metadata"].get("annotations") or {}
    function = json.loads(annotations.get(f"{_GROUP}function", "{}"))
    return JobRecord(
        uid=uid_of(job),
        run_uid=run_uid,
        number=int(annotations.get(f"{_GROUP}execution", 1)),
        generation=int(annotations.get(f"{_GROUP}run-generation", 1)),
        function_generation=function.get("generation"),
        x=envelope_of(job["spec"]["template"]).get("parameters", {}).get("x"),
        version=version,
        is_collector=f"{_GROUP}collects" in annotations,
    )


def _number(status: Object) -> int:
    return int((status.get("execution") or {}).get("number") or 0)


def _lost_both_jobs(status: Object) -> bool:
    """Return whether somebody may have taken both Jobs of a sweep away: the collector's pod goes on alone."""
    return bool(status.get("sweep")) and status.get("reason") == "JobDeleted"


def _has_outputs(pod: Object) -> bool:
    states = (pod.get("status") or {}).get("containerStatuses") or ()
    return any('"results"' in ((c["state"].get("terminated") or {}).get("message") or "") for c in states)
