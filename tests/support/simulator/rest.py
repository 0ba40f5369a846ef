"""The world comes to rest: troubles end, pods start and succeed by themselves, and all must be as it was asked."""

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from support.simulator.api_server import ApiServer
from support.simulator.invariants import Ledger, RunRecord
from support.simulator.kubelet import Obstacle
from support.simulator.kueue import QUEUE, Kueue
from support.simulator.objects import Object, controller_of, is_deleting, is_job_finished, key_of, uid_of
from support.simulator.schedule_ledger import OUR_LABELS, has_backfill_ended
from support.simulator.world import World

_ENDS: Final = ("Succeeded", "Failed", "Stopped")
# Long enough for back-offs, and for a lost node, its toleration, a grace period and what is waited after it, also where
# the clock has stepped back; then more.
_WAITS: Final = (600, 450, 1800, 7200)
_QUIET: Final = 1200
# How long backfills are waited for: each of their runs takes some ten seconds.
_BACKFILL_WAITS: Final = 6
_BACKFILL_WAIT: Final = 300
_SUSPENDED_BY: Final = "mlrun-operator.dev/suspended-by"
_OBSTACLES: Final = ("ImagePull", "Unschedulable", "SecretMissing", "PodFailing")


class Nodes(Protocol):
    """What the checks ask of the nodes."""

    def obstacle(self, pod: Object) -> Obstacle | None:
        """Return why the pod cannot start."""

    def is_lost(self, pod: Object) -> bool:
        """Return whether the pod's node is silent."""


class Resting(Protocol):
    """What the checks read of a world: the simulator's, or the record of a real one."""

    @property
    def server(self) -> ApiServer:
        """The objects."""

    @property
    def ledger(self) -> Ledger:
        """What has happened."""

    @property
    def kubelet(self) -> Nodes:
        """The nodes."""

    @property
    def kueue(self) -> Kueue | None:
        """The Kueue that is played, where one is."""

    @property
    def is_rolled_back(self) -> bool:
        """Whether etcd went back to a snapshot."""


def come_to_rest(world: World) -> None:
    """Let the world rest, and record everything that is not as it should be then."""
    _end_troubles(world)
    world.kubelet.carry_on()
    _end_backfills(world)
    _suspend_schedules(world)
    for seconds in _WAITS:
        world.wait(seconds)
        if world.broken or not list(restless(world)):
            break
    if not world.broken:
        world.ledger.broken += [*faults_at_rest(world), *world.sweeps.lost_points(), *world.schedules.at_rest()]
    if not world.broken:
        world.ledger.broken += _writes_at_rest(world)


def faults_at_rest(world: Resting) -> list[str]:
    """Return what is not as it should be in a world that rests."""
    return [*restless(world), *_unfulfilled(world), *_orphaned_firings(world)]


def _end_troubles(world: World) -> None:
    world.trouble.refusals.clear()
    world.trouble.interrupts.clear()
    world.trouble.dies_in = None
    world.is_cut_off = False
    world.start_operator()
    world.jobs.refusal = ""
    world.release()
    world.set_quota(1000)
    for workload in world.server.all("workloads"):
        owner = world.ledger.jobs.get(controller_of(workload).get("uid", ""))
        run = world.server.by_uid("mlrunruns", owner.run_uid) if owner else None
        if not (run or {"spec": {}})["spec"].get("suspend") and not _is_being_ended(run):
            world.server.patch("workloads", *key_of(workload), {"spec": {"active": True}})


def _schedules(world: World) -> list[Object]:
    return [run for run in world.server.all("mlrunruns") if "schedule" in run["spec"] and not is_deleting(run)]


def _end_backfills(world: World) -> None:
    """Let schedules fire as long as a backfill of theirs goes on, and tell of one that does not end."""
    names = [run["metadata"]["name"] for run in _schedules(world) if not has_backfill_ended(run)]
    for name in names:
        world.edit(name, suspend=None)
    for _ in range(_BACKFILL_WAITS):
        if not list(_unended_backfills(world)) or world.broken:
            return
        world.wait(_BACKFILL_WAIT)
    world.ledger.broken += _unended_backfills(world)


def _unended_backfills(world: World) -> Iterator[str]:
    if any(world.kubelet.is_lost(pod) for pod in world.live_pods()) or world.kueue.manages_all:
        return  # a run that cannot end keeps the next ones waiting
    for run in _schedules(world):
        is_firing = (run.get("status") or {}).get("phase") == "Scheduled" and not run["spec"].get("stop")
        if is_firing and not has_backfill_ended(run) and not _has_waiting_child(world, run):
            backfill = run["status"]["schedule"].get("backfill")
            yield f"{run['metadata']['name']}: its backfill does not end: {backfill}"


def _has_waiting_child(world: World, schedule: Object) -> bool:
    children = (run for _, run in _runs(world) if controller_of(run).get("uid") == uid_of(schedule))
    statuses = ((run, run.get("status") or {}) for run in children)
    unfinished = ((run, s) for run, s in statuses if s.get("phase") not in _ENDS)
    return any(s.get("phase") == "Suspended" or _may_wait(world, run, str(s.get("reason"))) for run, s in unfinished)


def _suspend_schedules(world: World) -> None:
    for run in _schedules(world):
        world.edit(run["metadata"]["name"], suspend=True)


def _orphaned_firings(world: Resting) -> Iterator[str]:
    """Yield Jobs that a CronJob fired and that are not those of a run; without our label no watch shows them."""
    for job in world.server.all("jobs"):
        is_seen = (job["metadata"].get("labels") or {}).keys() >= OUR_LABELS
        if is_deleting(job):
            continue
        if controller_of(job).get("kind") == "CronJob" and is_seen and uid_of(job) not in world.ledger.jobs:
            yield f"Job {job['metadata']['name']} fired and has no run"


def _runs(world: Resting) -> Iterator[tuple[RunRecord, Object]]:
    for run in world.server.all("mlrunruns"):
        if "schedule" not in run["spec"]:
            yield world.ledger.runs[uid_of(run)], run


def restless(world: Resting) -> Iterator[str]:
    """Yield the runs that are neither finished nor wait for a cause, and what runs that should not."""
    for record, run in _runs(world):
        if is_deleting(run) and not run["spec"].get("stop"):
            continue
        status, spec = run.get("status") or {}, run["spec"]
        phase, reason = status.get("phase"), str(status.get("reason"))
        is_suspended = phase == "Suspended" and spec.get("suspend") and not spec.get("stop")
        waits = phase in ("Pending", "Running") and _may_wait(world, run, reason) and not _is_ending_sweep(status)
        if phase not in _ENDS and not is_suspended and not waits:
            yield f"{record.name}: at rest it is {phase}/{reason}: {status.get('message')}"
    for job, pod in world.ledger.live_pods():
        owner = next((r for u, r in _runs(world) if u.uid == job.run_uid), None)
        phase = ((owner or {}).get("status") or {}).get("phase")
        if world.is_rolled_back and is_deleting(pod):
            continue  # what its kubelet remembers of it is not played
        if world.kubelet.is_lost(pod) or (owner is None and not _has_owner(world, pod)):
            continue
        if phase in (*_ENDS, "Suspended") or owner is None:
            yield f"{pod['metadata']['name']} may run at rest, though its run is {phase or 'gone'}"


def _is_being_ended(run: Object | None) -> bool:
    """Return whether the operator ends the execution: it holds the Workload of a sweep while that is collected."""
    return "ending" in (((run or {}).get("status") or {}).get("execution") or {})


def _is_ending_sweep(status: Object) -> bool:
    """Return whether a sweep is being ended: its collector is waited for, but not for ever."""
    return "sweep" in status and "ending" in (status.get("execution") or {})


def _has_owner(world: Resting, pod: Object) -> bool:
    """Return whether somebody takes the pod when its run is gone: nobody cut its Job off.

    A pod whose Job went without it (`--cascade=orphan`) is the operator's.
    """
    job = world.server.by_uid("jobs", str(controller_of(pod).get("uid")))
    return job is None or bool(controller_of(job))


def _may_wait(world: Resting, run: Object, reason: str) -> bool:
    """Return whether what the run says that it waits for is so."""
    jobs = _jobs_of(world, run)
    job_uids = {uid_of(job) for job in jobs}
    pods = [pod for pod in world.server.all("pods") if controller_of(pod).get("uid") in job_uids]
    pods += [pod for job, pod in world.ledger.live_pods() if job.run_uid == uid_of(run) and pod not in pods]
    if reason in _OBSTACLES:
        return any(world.kubelet.obstacle(pod) for pod in pods)
    if reason in ("NameConflict", "FunctionMissing"):
        is_taken = any(not controller_of(job) for job in world.server.all("jobs"))
        return is_taken if reason == "NameConflict" else not world.server.all("mlrunfunctions")
    is_lost = any(world.kubelet.is_lost(pod) for pod in pods)
    unfinished = (job["metadata"] for job in jobs if not is_job_finished(job))
    if reason == "Queued" and any(QUEUE in (meta.get("labels") or {}) for meta in unfinished):
        return is_lost or world.kueue is None or not world.kueue.is_installed or bool(run["spec"].get("suspend"))
    if reason == "Queued":
        others = {job.run_uid for job, _ in world.ledger.live_pods()} | set(_runs_suspended_by_others(world))
        return bool(others - {uid_of(run)})
    if reason in ("JobSuspended", "Suspended"):
        return any(job["spec"].get("suspend") for job in jobs)
    return is_lost


def _runs_suspended_by_others(world: Resting) -> Iterator[str]:
    """Yield the uids of the runs whose Job Kueue or a person suspends: they keep their place without a pod.

    BEHAVIOUR A5 has it so: only a run that the operator itself suspended gives its place back. A queued run whose
    Kueue is not installed holds its place for ever.
    """
    for job in world.server.all("jobs"):
        is_held = job["spec"].get("suspend") and not (is_job_finished(job) or is_deleting(job))
        is_ours = _SUSPENDED_BY in (job["metadata"].get("annotations") or {})
        record = world.ledger.jobs.get(uid_of(job))
        if record is not None and is_held and not is_ours:
            yield record.run_uid


def _jobs_of(world: Resting, run: Object) -> list[Object]:
    """Return the Jobs that are there of the run: its executions', and a sweep's collectors."""
    made = [job for jobs in world.ledger.runs[uid_of(run)].jobs.values() for job in jobs]
    jobs = world.server.all("jobs")
    return [
        job
        for job in jobs
        if controller_of(job).get("uid") == uid_of(run) or world.ledger.jobs.get(uid_of(job)) in made
    ]


def _unfulfilled(world: Resting) -> Iterator[str]:
    """Yield the finished runs that are not what their spec says: an edit or a rerun was lost."""
    for record, run in _runs(world):
        spec, status = run["spec"], run.get("status") or {}
        if spec.get("stop") or spec.get("suspend") or is_deleting(run) or status.get("phase") not in _ENDS:
            continue
        if status.get("reason") in ("InvalidRun", "AdmissionDenied", "EnvelopeTooLarge", "NameConflict"):
            continue
        if any(world.kubelet.is_lost(pod) for job, pod in world.ledger.live_pods() if job.run_uid == record.uid):
            continue  # what comes next waits until that pod is gone
        execution = status.get("execution") or {}
        jobs = record.jobs.get(int(execution.get("number") or 0)) or []
        if jobs and not jobs[-1].is_fired and jobs[-1].x != spec.get("parameters", {}).get("x"):
            yield f"{record.name}: it ended with x={jobs[-1].x}, and its spec says {spec['parameters']}"
        if spec.get("rerun") and execution.get("rerun") != spec["rerun"]:
            yield f"{record.name}: rerun {spec['rerun']!r} started nothing; the last was {execution.get('rerun')!r}"


def _writes_at_rest(world: World) -> Iterator[str]:
    """Yield what the operator writes when it looks at everything again, after a restart, and as time goes by."""
    acts: tuple[tuple[str, Callable[[], None]], ...] = (
        ("at rest", lambda: _look_at_all(world)),
        ("after a restart at rest", world.restart),
        ("in quiet minutes", lambda: world.wait(_QUIET)),
    )
    for when, act in acts:
        del world.requests[:]
        before = {record.name: run.get("status") or {} for record, run in _runs(world)}
        act()
        writes = [request for request in world.requests if request[0] not in ("GET", "LIST")]
        if world.ledger.has_clock_stepped:  # whether an event was left out just before the start is told by times
            writes = [request for request in writes if request[:2] != ("POST", "events")]
        if world.ledger.are_labels_taken:  # a Job without its labels is not always seen when its time is over
            writes = [request for request in writes if request[:2] != ("DELETE", "jobs")]
        if writes:
            after = {record.name: run.get("status") or {} for record, run in _runs(world)}
            yield f"the operator writes {when}: {writes}; changed: {list(_changes(before, after))}"


def _look_at_all(world: World) -> None:
    if world.operator is not None:
        world.operator.look_at_all()
    world.wait(0)


def _changes(before: Object, after: Object) -> Iterator[str]:
    """Yield what became another in the statuses."""
    for name, status in after.items():
        old = before.get(name, {})
        for field in sorted({*status, *old} - {"conditions"}):
            if status.get(field) != old.get(field):
                yield f"{name} {field}: {old.get(field)} -> {status.get(field)}"
        for kind in sorted({c["type"] for c in (*status.get("conditions", ()), *old.get("conditions", ()))}):
            was, now = (
                {c["type"]: (c["status"], c["reason"], c["message"]) for c in known.get("conditions", ())}.get(kind)
                for known in (old, status)
            )
            if was != now:
                yield f"{name} condition {kind}: {was} -> {now}"
