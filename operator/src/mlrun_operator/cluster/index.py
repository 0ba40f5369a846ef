"""What the watches have shown, by the questions that a reconcile asks. Plain memory: no requests here.

Objects are kept slim and packed, and never older than the newest that was seen of them: answers to our own writes go in
as well as watch events, in whatever order they come. What is handed out belongs to the caller.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from sys import intern
from typing import Any, Final

from pydantic import ValidationError

from mlrun_operator.api import constants
from mlrun_operator.api.objects import (
    annotations_of,
    controller_of,
    has_job_ended,
    has_pod_ended,
    is_deleting,
    key_of,
    labels_of,
    spec_of,
    status_of,
)
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import Phase, RunStatus
from mlrun_operator.api.values.names import kubernetes_name, slot_of
from mlrun_operator.cluster.codec import pack, unpack
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, PODS, RUNS, Resource
from mlrun_operator.cluster.run_queues import FunctionKey, Position, RunId, RunKey, RunQueues

Object = dict[str, Any]
_FINISHED_PHASES: Final = tuple(phase.value for phase in Phase if phase.finished)
# How many objects that are gone are remembered against late answers.
_MAX_TOMBSTONES: Final = 10_000
# Stands in the place of a spec that cannot be kept; no field is called so, so that the run is refused.
UNREADABLE: Final = "unreadable"
# Parts of a status that users fill.
_USER_STATUS: Final = ("results", "outputs", "inputs")
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
# The position of a run that has not waited yet: behind all that have.
_NOT_QUEUED: Final = "9999"

_METADATA: Final = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
)
_POD_STATUS: Final = ("phase", "reason", "message", "conditions", "containerStatuses", "initContainerStatuses")
_JOB_SPEC: Final = (
    "suspend",
    "backoffLimit",
    "backoffLimitPerIndex",
    "activeDeadlineSeconds",
    "completions",
    "parallelism",
    "completionMode",
)

# How objects belong to another one, and that one's uid: `jobs` and `pods` to a run, by their label or controller.
Relation = tuple[str, str]
_OF_JOB: Final = "of job"
_OF_SCHEDULE: Final = "of schedule"
# Namespace, phase and reason of a run.
RunState = tuple[str, str, str]
# Name and uid of a Job.
_JobId = tuple[str, str]
# The run whose place a Job or pod occupies, and the function that it names.
_Occupancy = tuple[RunId, FunctionKey | None]


@dataclass(slots=True)
class _Entry:
    """An object, packed, and what is asked of it without unpacking."""

    key: RunKey
    uid: str
    version: int
    packed: bytes
    relations: tuple[Relation, ...] = ()
    # Whether a watch tells of it: those of Jobs, CronJobs and pods select by a label.
    is_watched: bool = True
    # Of a Job or pod: the run and the function that it names, whether it may run, and what is counted for it.
    run_uid: str | None = None
    function: str | None = None
    may_run: bool = False
    occupancy: _Occupancy | None = None
    # Of a Job or CronJob: the runs that it concerns. Of a pod, and of a run that a schedule made: its Job's name, uid.
    run_names: tuple[str, ...] = ()
    job: _JobId | None = None
    # Of a run: the functions that it may refer to, its state, and whether it has finished.
    functions: tuple[FunctionKey, ...] = ()
    state: RunState | None = None
    is_finished: bool = True

    @property
    def obj(self) -> Object:
        obj: Object = unpack(self.packed)
        return obj


@dataclass(frozen=True, slots=True)
class _Tombstone:
    """An object that is gone, or has left its watch because its label was taken off: the events look the same.

    `version` is the event's where a watch told of it, and no state of an object that is gone is as new. Else it is that
    of the last known state.
    """

    version: int
    is_from_watch: bool

    def is_disproved_by(self, version: int, *, direct: bool) -> bool:
        """Return whether an object in this version exists in spite of it. Only direct readings are trusted fully."""
        if self.is_from_watch:
            return version > self.version or (direct and version == self.version)
        return direct and version > self.version


class Index:
    """What was seen of the watched resources. `wake` is told which runs in a queue may have come first."""

    def __init__(self, wake: Callable[[RunKey], None] = lambda _: None) -> None:
        self._objects: dict[Resource, dict[RunKey, _Entry]] = {r: {} for r in (RUNS, FUNCTIONS, CRON_JOBS, JOBS, PODS)}
        self._related: dict[Relation, tuple[_Entry, ...]] = {}
        self._runs_of_function: dict[FunctionKey, set[str]] = {}
        self._run_names: dict[str, str] = {}
        # The runs of Jobs that are gone while pods of theirs, which name another run, are still there.
        self._runs_of_gone_jobs: dict[str, str] = {}
        self._tombstones: OrderedDict[str, _Tombstone] = OrderedDict()
        # How many runs there are, by namespace, phase and reason.
        self.run_counts: Counter[RunState] = Counter()
        self.run_queues = RunQueues(wake)

    def put(self, resource: Resource, obj: Object, *, direct: bool = False) -> bool:
        """Keep the object unless it is gone, or this state of it, a newer one or a successor of its name is known.

        With `direct` it was read from the API server just now: an object that only left its watch comes back.
        Return whether it was kept.
        """
        uid, version = obj["metadata"]["uid"], _version(obj)
        tombstone = self._tombstones.get(uid)
        if tombstone is not None and not tombstone.is_disproved_by(version, direct=direct):
            return False
        previous = self._objects[resource].get(key_of(obj))
        if previous is not None and version <= previous.version and version:
            return False
        self._tombstones.pop(uid, None)
        entry = _entry_of(resource, obj)
        self._objects[resource][entry.key] = entry
        self._relate(resource, previous, entry)
        if resource is RUNS:
            self._update_queues(previous, entry, obj)
        return True

    def drop(self, resource: Resource, obj: Object) -> None:
        """Forget the object: a late event or answer does not bring it back. Another one of its name stays."""
        uid = obj["metadata"]["uid"]
        entry = self._objects[resource].get(key_of(obj))
        if entry is not None and entry.uid != uid:
            entry = None
        if entry is not None and _tells_of_its_leaving(resource, obj, entry):
            return
        self._bury(uid, _version(obj), entry)
        if entry is not None:
            del self._objects[resource][entry.key]
            self._relate(resource, entry, None)
            if resource is RUNS:
                self.run_queues.remove_run(uid)

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Return the object of that name."""
        entry = self._objects[resource].get((namespace, name))
        return entry.obj if entry else None

    def sizes(self) -> dict[str, int]:
        """Return how many objects are known, by the plural of their resource."""
        return {resource.plural: len(objects) for resource, objects in self._objects.items()}

    def newest(self, resource: Resource, namespace: str | None) -> int:
        """Return the newest resource version of all that is kept of the namespace; 0 where there is nothing."""
        entries = self._objects[resource].values()
        return max((entry.version for entry in entries if namespace in (None, entry.key[0])), default=0)

    def missing_from(self, resource: Resource, namespace: str | None, uids: set[str], version: int) -> list[Object]:
        """Return the objects that a listing at that resource version should have had and has not: they are gone."""
        return [
            entry.obj
            for entry in self._objects[resource].values()
            if namespace in (None, entry.key[0]) and entry.uid not in uids and entry.version <= version
        ]

    def of_run(self, resource: Resource, namespace: str, run_uid: str) -> list[Object]:
        """Return the Jobs of the run, by label or controller, or the pods whose label names it."""
        return _objects(self._related_in(namespace, (resource.plural, run_uid)))

    def of_job(self, namespace: str, job_uid: str) -> list[Object]:
        """Return the pods that the Job controls, or that it made: they carry its uid."""
        return _objects(self._related_in(namespace, (_OF_JOB, job_uid)))

    def pods_of_run(self, namespace: str, run_uid: str) -> list[Object]:
        """Return the pods of all Jobs of the run. Pods of a fired Job, which name the schedule, are its child's."""
        pods = {pod.uid: pod for pod in self._related_in(namespace, (PODS.plural, run_uid))}
        for job_uid in self._job_uids(namespace, run_uid):
            pods |= {pod.uid: pod for pod in self._related_in(namespace, (_OF_JOB, job_uid))}
        return _objects(pod for pod in pods.values() if self._run_of(pod) == run_uid)

    def of_schedule(self, namespace: str, uid: str) -> list[Object]:
        """Return the runs that the schedule made."""
        return _objects(self._related_in(namespace, (_OF_SCHEDULE, uid)))

    def runs_of(self, resource: Resource, obj: Object) -> Iterator[RunKey]:
        """Return the runs that an event of the object may concern."""
        namespace, _ = key_of(obj)
        return ((namespace, name) for name in dict.fromkeys(self._concerned(resource, obj)))

    def _concerned(self, resource: Resource, obj: Object) -> Iterator[str]:
        key = key_of(obj)
        if resource is RUNS:
            yield key[1]
            yield from self._family(obj)
        elif resource is FUNCTIONS:
            yield from tuple(self._runs_of_function.get(key, ()))
        elif resource is PODS:
            yield from self._concerned_by_pod(_pod_entry(obj))
        else:
            yield from _run_names_of_job(obj)
            if name := self._run_names.get(_run_uid_of_job(obj) or ""):
                yield name

    def _concerned_by_pod(self, pod: _Entry) -> Iterator[str]:
        job = self._objects[JOBS].get((pod.key[0], pod.job[0])) if pod.job else None
        yield from job.run_names if job else ()
        if name := self._run_names.get(self._run_of(pod) or ""):
            yield name

    def _family(self, run: Object) -> Iterator[str]:
        """Return the schedule that made the run; of a schedule the runs that have not finished."""
        if schedule := controller_of(run, constants.RUN_KIND).get("name"):
            yield schedule
        children = self._related.get((_OF_SCHEDULE, run["metadata"]["uid"]), ())
        yield from [child.key[1] for child in children if not child.is_finished]

    def _related_in(self, namespace: str, relation: Relation) -> list[_Entry]:
        return [entry for entry in self._related.get(relation, ()) if entry.key[0] == namespace]

    def _job_uids(self, namespace: str, run_uid: str) -> Iterator[str]:
        """Return the uids of the run's Jobs; also of the one that was fired for it, which may be gone."""
        for job in self._related_in(namespace, (JOBS.plural, run_uid)):
            yield job.uid
        run = self._objects[RUNS].get((namespace, self._run_names.get(run_uid, "")))
        if run is not None and run.job is not None:
            yield run.job[1]

    def _run_of(self, pod: _Entry) -> str | None:
        """Return the uid of the pod's run: that of its Job; where no such Job is known the one that the pod names.

        Pods of a fired Job name the schedule. Where neither that Job nor its run is known any more, as after a restart,
        the Job's uid stands for the run's: each of them occupies a place of its own.
        """
        if pod.job is None:
            return pod.run_uid
        job = self._objects[JOBS].get((pod.key[0], pod.job[0]))
        if job is not None and job.uid == pod.job[1]:
            return job.run_uid or pod.run_uid
        run = self._objects[RUNS].get((pod.key[0], pod.job[0]))
        if run is not None and run.job == pod.job:
            return run.uid
        if (run_uid := self._runs_of_gone_jobs.get(pod.job[1])) is not None:
            return run_uid
        was_fired = pod.run_uid is not None and slot_of(pod.job[0], pod.run_uid) is not None
        return pod.job[1] if was_fired else pod.run_uid

    def _bury(self, uid: str, version: int, entry: _Entry | None) -> None:
        """Remember that the object is gone. Of two words the newer counts, and of one version the more certain one."""
        known = entry.version if entry is not None else 0
        left_watch = entry is None or version > known or not entry.is_watched
        tombstone, previous = _Tombstone(max(version, known), left_watch), self._tombstones.get(uid)
        if previous is None or previous.version < tombstone.version:
            self._tombstones[uid] = tombstone
        self._tombstones.move_to_end(uid)
        while len(self._tombstones) > _MAX_TOMBSTONES:
            self._tombstones.popitem(last=False)

    def _relate(self, resource: Resource, previous: _Entry | None, entry: _Entry | None) -> None:
        """Let all that leads to an object lead to its new state."""
        relations = (*(previous.relations if previous else ()), *(entry.relations if entry else ()))
        for relation in dict.fromkeys(relations):
            others = (other for other in self._related.pop(relation, ()) if other is not previous)
            if related := (*others, *([entry] if entry and relation in entry.relations else [])):
                self._related[relation] = related
        if resource is RUNS:
            self._relate_run(previous, entry)
        elif resource is JOBS:
            self._relate_job(previous, entry)
        elif resource is PODS:
            self._count_occupancy(previous, entry)
            self._forget_gone_job(previous)

    def _relate_run(self, previous: _Entry | None, entry: _Entry | None) -> None:
        for run in filter(None, (previous, entry)):
            for function in run.functions:
                self._relate_function(function, run.key[1], is_related=run is entry)
        if previous is not None:
            self._run_names.pop(previous.uid, None)
        if entry is not None:
            self._run_names[entry.uid] = entry.key[1]
        self._count_run(previous, entry)
        if previous is not None and previous.job is not None and _is_gone(previous, entry):
            self._remember_run_of(previous.job, previous.uid)
        if _claim(previous) != _claim(entry):
            self._recount_pods(*(run.job for run in (previous, entry) if run))

    def _relate_job(self, previous: _Entry | None, entry: _Entry | None) -> None:
        self._count_occupancy(previous, entry)
        if previous is not None and previous.run_uid and _is_gone(previous, entry):
            self._remember_run_of(_job_of(previous), previous.run_uid)
        if previous is None or entry is None or (previous.uid, previous.run_uid) != (entry.uid, entry.run_uid):
            self._recount_pods(*(_job_of(job) for job in (previous, entry) if job))

    def _remember_run_of(self, job: _JobId, run_uid: str) -> None:
        """Remember whose a Job was that is gone, while pods of it are there that name another run."""
        pods = self._related.get((_OF_JOB, job[1]), ())
        if any(pod.job == job and pod.run_uid != run_uid for pod in pods):
            self._runs_of_gone_jobs[job[1]] = run_uid

    def _forget_gone_job(self, pod: _Entry | None) -> None:
        """Forget whose the Job was with the last of its pods."""
        if pod is not None and pod.job is not None and (_OF_JOB, pod.job[1]) not in self._related:
            self._runs_of_gone_jobs.pop(pod.job[1], None)

    def _recount_pods(self, *jobs: _JobId | None) -> None:
        """Count the pods of the Jobs anew: whose they are may have changed. There may be a thousand of them."""
        for job in jobs:
            for pod in self._related.get((_OF_JOB, job[1]), ()) if job else ():
                self._count_occupancy(pod, pod)

    def _count_occupancy(self, previous: _Entry | None, entry: _Entry | None) -> None:
        """Count what a Job or pod occupies now in the place of what it occupied before."""
        released = previous.occupancy if previous else None
        occupied = self._occupancy_of(entry) if entry else None
        if entry is not None:
            entry.occupancy = occupied
        if occupied == released:
            return
        if occupied is not None:
            self.run_queues.occupy(*occupied)
        if released is not None:
            self.run_queues.release(*released)

    def _occupancy_of(self, entry: _Entry) -> _Occupancy | None:
        run_uid = self._run_of(entry) if entry.may_run else None
        if run_uid is None:
            return None
        namespace = entry.key[0]
        return (namespace, run_uid), (namespace, kubernetes_name(entry.function)) if entry.function else None

    def _count_run(self, previous: _Entry | None, entry: _Entry | None) -> None:
        """Count a run by its state."""
        if entry is not None and entry.state is not None:
            self.run_counts[entry.state] += 1
        if previous is not None and previous.state is not None:
            self.run_counts[previous.state] -= 1
            if not self.run_counts[previous.state]:
                del self.run_counts[previous.state]

    def _relate_function(self, function: FunctionKey, run_name: str, *, is_related: bool) -> None:
        names = self._runs_of_function.setdefault(function, set())
        names.add(run_name) if is_related else names.discard(run_name)
        if not names:
            del self._runs_of_function[function]

    def _update_queues(self, previous: _Entry | None, entry: _Entry, run: Object) -> None:
        if previous is not None and previous.uid != entry.uid:
            self.run_queues.remove_run(previous.uid)
        position = position_of(run) if is_waiting(run) else None
        self.run_queues.update_run((entry.key[0], entry.uid), queue_of(run), position)


def id_of(run: Object) -> RunId:
    """Return the run's namespace and uid."""
    return run["metadata"]["namespace"], run["metadata"]["uid"]


def queue_of(run: Object) -> FunctionKey | None:
    """Return the queue of all runs that refer to the same function, whichever way they write its name."""
    return next(reversed(function_keys(run)), None)


def function_keys(run: Object) -> tuple[FunctionKey, ...]:
    """Return namespace and possible object names of the function that the run refers to: as written, and made legal."""
    reference = spec_of(run).get("functionRef")
    name = reference.get("name") if isinstance(reference, dict) else None
    if not isinstance(name, str):
        return ()
    namespace = intern(run["metadata"]["namespace"])
    return tuple((namespace, intern(legal)) for legal in dict.fromkeys((name, kubernetes_name(name))))


def position_of(run: Object) -> Position:
    """Return the run's position in its queues; one that has not waited yet comes behind all that have."""
    meta = run["metadata"]
    queued_time = status_of(run).get("queuedTime") if _is_queued(run) else None
    return queued_time or _NOT_QUEUED, meta.get("creationTimestamp", ""), meta["name"]


def is_waiting(run: Object) -> bool:
    """Return whether others wait behind the run in its queues.

    A run that is being deleted will not start, and one whose status a newer operator has written is left alone.
    """
    return _is_queued(run) and not is_deleting(run) and _is_readable(status_of(run))


def slim(resource: Resource, obj: Object) -> Object:
    """Return the object without what no decision needs: managed fields, the envelope, most of specs and statuses."""
    meta = {name: obj["metadata"][name] for name in _METADATA if name in obj["metadata"]}
    if resource is PODS:
        meta.pop("annotations", None)
        return {"metadata": meta, "spec": _slim_pod_spec(obj), "status": _picked(status_of(obj), _POD_STATUS)}
    if resource is JOBS:
        return {"metadata": meta, "spec": _slim_job_spec(obj), "status": status_of(obj)}
    if resource is CRON_JOBS:
        spec = {name: value for name, value in obj["spec"].items() if name != "jobTemplate"}
        return {"metadata": meta, "spec": spec, "status": status_of(obj)}
    meta["annotations"] = {k: v for k, v in annotations_of(obj).items() if k != _LAST_APPLIED}
    return {"metadata": meta, "spec": spec_of(obj), "status": status_of(obj)}


def _slim_pod_spec(pod: Object) -> Object:
    """Return its node, and which init containers are sidecars: they run beside the others."""
    spec = spec_of(pod)
    init = spec.get("initContainers") or ()
    sidecars = [_picked(container, ("name", "restartPolicy")) for container in init if container.get("restartPolicy")]
    return {"nodeName": spec.get("nodeName"), **({"initContainers": sidecars} if sidecars else {})}


def _slim_job_spec(job: Object) -> Object:
    pod = job["spec"]["template"]["spec"]
    containers = [{"name": c["name"], "image": c.get("image", "")} for c in pod["containers"]]
    volumes = [_picked(volume, ("name", "image")) for volume in pod.get("volumes") or () if "image" in volume]
    template = {"containers": containers, **({"volumes": volumes} if volumes else {})}
    return {"suspend": False, **_picked(job["spec"], _JOB_SPEC), "template": {"spec": template}}


def _picked(fields: Object, names: Iterable[str]) -> Object:
    return {name: fields[name] for name in names if name in fields}


def _entry_of(resource: Resource, obj: Object) -> _Entry:
    if resource is RUNS:
        entry = _run_entry(obj)
    elif resource is PODS:
        entry = _pod_entry(obj)
    elif resource is JOBS:
        entry = _job_entry(obj)
    else:
        entry = _bare_entry(obj)
    entry.packed = _packed(resource, obj)
    entry.relations = tuple(dict.fromkeys(_relations(resource, obj)))
    entry.is_watched = _is_watched(resource, obj)
    return entry


def _bare_entry(obj: Object) -> _Entry:
    namespace, name = key_of(obj)
    return _Entry((intern(namespace), intern(name)), obj["metadata"]["uid"], _version(obj), b"")


def _is_gone(previous: _Entry, entry: _Entry | None) -> bool:
    """Return whether the object has no state any more: it was dropped, or one of its name came after it."""
    return entry is None or entry.uid != previous.uid


def _claim(run: _Entry | None) -> tuple[str, _JobId] | None:
    """Return the run's uid with the Job that was fired for it; None where there is none."""
    return (run.uid, run.job) if run and run.job else None


def _job_of(entry: _Entry) -> _JobId:
    return entry.key[1], entry.uid


def _run_entry(run: Object) -> _Entry:
    entry, status = _bare_entry(run), status_of(run)
    entry.functions = function_keys(run)
    entry.state = entry.key[0], _interned(status.get("phase")), _interned(status.get("reason"))
    entry.is_finished = entry.state[1] in _FINISHED_PHASES
    if fired := annotations_of(run).get(constants.ANNOTATION_JOB_UID):
        entry.job = entry.key[1], fired
    return entry


def _job_entry(job: Object) -> _Entry:
    entry = _bare_entry(job)
    entry.run_uid = _run_uid_of_job(job)
    entry.function = _interned(labels_of(job).get(constants.LABEL_FUNCTION))
    entry.may_run = not has_job_ended(job) and not _is_suspended_by_us(job)
    entry.run_names = tuple(intern(name) for name in _run_names_of_job(job))
    return entry


def _pod_entry(pod: Object) -> _Entry:
    entry, labels, job = _bare_entry(pod), labels_of(pod), controller_of(pod, "Job")
    entry.run_uid = _interned(labels.get(constants.LABEL_RUN_UID)) or None
    entry.function = _interned(labels.get(constants.LABEL_FUNCTION))
    entry.may_run = not has_pod_ended(pod)
    name = job.get("name") or labels.get(constants.LABEL_JOB) or ""
    if uid := job.get("uid") or labels.get(constants.LABEL_JOB_UID):
        entry.job = intern(name), intern(uid)
    return entry


def _relations(resource: Resource, obj: Object) -> Iterator[Relation]:
    if resource in (JOBS, PODS) and (uid := labels_of(obj).get(constants.LABEL_RUN_UID)):
        yield resource.plural, intern(uid)
    if resource is JOBS and (uid := controller_of(obj, constants.RUN_KIND).get("uid")):
        yield resource.plural, intern(uid)
    if resource is PODS:
        uids = controller_of(obj, "Job").get("uid"), labels_of(obj).get(constants.LABEL_JOB_UID)
        yield from ((_OF_JOB, intern(uid)) for uid in uids if uid)
    if resource is RUNS and (uid := controller_of(obj, constants.RUN_KIND).get("uid")):
        yield _OF_SCHEDULE, intern(uid)


def _packed(resource: Resource, obj: Object) -> bytes:
    """Return the object, slim; of one that is nested absurdly only what tells how far its execution is."""
    kept = slim(resource, obj)
    try:
        return pack(kept)
    except ValueError:
        status = {name: value for name, value in kept["status"].items() if name not in _USER_STATUS}
        return pack({**kept, "spec": {UNREADABLE: "it is nested too deeply"}, "status": status})


def _is_watched(resource: Resource, obj: Object) -> bool:
    """Return whether the resource's watch selects the object."""
    return resource in (RUNS, FUNCTIONS) or labels_of(obj).get(constants.LABEL_MANAGED_BY) == constants.MANAGER


def _tells_of_its_leaving(resource: Resource, obj: Object, entry: _Entry) -> bool:
    """Return whether a watch tells late that the object lost its label: it was read without it since."""
    return not entry.is_watched and _is_watched(resource, obj) and _version(obj) <= entry.version


def _is_suspended_by_us(job: Object) -> bool:
    return bool(spec_of(job).get("suspend")) and constants.ANNOTATION_SUSPENDED_BY in annotations_of(job)


def _is_queued(run: Object) -> bool:
    return bool(status_of(run).get("reason") == Reason.QUEUED)


def _is_readable(status: Object) -> bool:
    """Return whether this version of the operator can tell from the status how far the run is."""
    try:
        RunStatus.model_validate(_picked(status, ("phase", "execution")))
    except ValidationError:
        return False
    return True


def _version(obj: Object) -> int:
    """Return the resource version; those of one resource are ordered numbers."""
    text = obj["metadata"].get("resourceVersion", "")
    return int(text) if text.isdigit() else 0


def _run_uid_of_job(job: Object) -> str | None:
    """Return the uid of the run that controls the Job; of a Job that a CronJob fired the one that it names."""
    uid = controller_of(job, constants.RUN_KIND).get("uid") or labels_of(job).get(constants.LABEL_RUN_UID)
    return intern(uid) if uid else None


def _run_names_of_job(job: Object) -> Iterator[str]:
    """Return the run that controls a Job or CronJob; of a Job that a CronJob fired its run and its schedule."""
    if name := controller_of(job, constants.RUN_KIND).get("name"):
        yield name
    elif schedule := annotations_of(job).get(constants.ANNOTATION_SCHEDULE):
        yield job["metadata"]["name"]
        yield schedule


def _interned(text: Any) -> str:
    return intern(text) if isinstance(text, str) else ""


def _objects(entries: Iterable[_Entry]) -> list[Object]:
    return [entry.obj for entry in entries]
