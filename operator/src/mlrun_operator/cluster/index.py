"""The index of the watched objects, which answers the queries of a reconcile. It sends no requests.

Objects are stored slim and packed. The index takes watch events and the responses to our own writes in any order, and
an older state never replaces a newer one. Every object that it returns is a copy.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, controller_of, has_pod_ended, key_of
from mlrun_operator.api.values.names import kubernetes_name, label_value, slot_of
from mlrun_operator.cluster.index_entry import (
    FIRED_BY,
    OF_JOB,
    OF_SCHEDULE,
    ORPHAN_OF,
    Entry,
    JobId,
    Occupancy,
    Relation,
    RunState,
    entry_of,
    is_selected,
    pod_entry,
    run_names_of_job,
    run_uid_of_job,
    version_of,
)
from mlrun_operator.cluster.queue_position import is_waiting, occupied_functions, position_of, queue_of
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, PODS, RUNS, Resource
from mlrun_operator.cluster.run_queues import FunctionKey, RunKey, RunQueues

# A fired Job's name ends in minutes since 1970, any other in the number of its execution, which is small.
_FIRST_YEAR: Final = 2000
# How many deleted objects are remembered, so that a late response does not bring them back.
_MAX_TOMBSTONES: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Tombstone:
    """An object that was deleted, or that left its watch because its label was removed.

    The watch events of both look the same. `version` is that of the event if a watch reported it, which is newer than
    any state of a deleted object. Else it is the version of the last known state.
    """

    version: int
    is_from_watch: bool

    def is_before(self, version: int) -> bool:
        """Return whether the version is newer than the last known state, and no watch event told of the deletion."""
        return not self.is_from_watch and version > self.version

    def is_disproved_by(self, version: int, *, direct: bool) -> bool:
        """Return whether an object in this version still exists. For the same version only a direct reading counts."""
        if self.is_from_watch:
            return version > self.version or (direct and version == self.version)
        return direct and self.is_before(version)


class Index:
    """The known objects of the watched resources. `wake` is called for queued runs that may start now."""

    def __init__(self, wake: Callable[[RunKey], None] = lambda _: None) -> None:
        self._objects: dict[Resource, dict[RunKey, Entry]] = {r: {} for r in (RUNS, FUNCTIONS, CRON_JOBS, JOBS, PODS)}
        self._related: dict[Relation, tuple[Entry, ...]] = {}
        self._runs_of_function: dict[FunctionKey, set[str]] = {}
        self._run_names: dict[str, str] = {}
        # The runs of deleted Jobs that still have pods whose label names another run.
        self._runs_of_gone_jobs: dict[str, str] = {}
        self._tombstones: OrderedDict[str, _Tombstone] = OrderedDict()
        # How many runs there are, by namespace, phase and reason.
        self.run_counts: Counter[RunState] = Counter()
        self.run_queues = RunQueues(wake)

    def put(self, resource: Resource, obj: Object, *, direct: bool = False) -> bool:
        """Store the object and return whether it was stored.

        It is not stored if it was deleted, or if the same or a newer state, or its successor, is known. With `direct`
        it was just read from the API server: then an object that only left its watch is stored again. The end of a pod
        is also stored when a direct reading found the pod gone before.
        """
        uid, version = obj["metadata"]["uid"], version_of(obj)
        tombstone = self._tombstones.get(uid)
        is_gone = tombstone is not None and not tombstone.is_disproved_by(version, direct=direct)
        if is_gone and not _is_late_end(resource, obj, tombstone):
            return False
        previous = self._objects[resource].get(key_of(obj))
        if previous is not None and version <= previous.version and version:
            return False
        self._tombstones.pop(uid, None)
        entry = entry_of(resource, obj)
        self._objects[resource][entry.key] = entry
        self._relate(resource, previous, entry)
        if resource is RUNS:
            self._update_queues(previous, entry, obj)
        return True

    def drop(self, resource: Resource, obj: Object) -> None:
        """Remove the object, so that no late event brings it back. Another object of its name stays."""
        uid = obj["metadata"]["uid"]
        entry = self._objects[resource].get(key_of(obj))
        if entry is not None and entry.uid != uid:
            entry = None
        if entry is not None and _is_late_removal(resource, obj, entry):
            return
        self._add_tombstone(uid, version_of(obj), entry)
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
        """Return the number of known objects by the plural of their resource."""
        return {resource.plural: len(objects) for resource, objects in self._objects.items()}

    def newest(self, resource: Resource, namespace: str | None) -> int:
        """Return the newest resource version of the namespace's objects; 0 if there are none."""
        entries = self._objects[resource].values()
        return max((entry.version for entry in entries if namespace in (None, entry.key[0])), default=0)

    def missing_from(self, resource: Resource, namespace: str | None, uids: set[str], version: int) -> list[Object]:
        """Return the objects that a listing at that resource version no longer has, so that they are deleted."""
        return [
            entry.obj
            for entry in self._objects[resource].values()
            if namespace in (None, entry.key[0]) and entry.uid not in uids and entry.version <= version
        ]

    def of_run(self, resource: Resource, namespace: str, run_uid: str) -> list[Object]:
        """Return the Jobs of the run, by label or controller, or the pods whose label names it."""
        return _objects(self._related_in(namespace, (resource.plural, run_uid)))

    def fired_by(self, namespace: str, cron_job_uid: str) -> list[Object]:
        """Return the Jobs that the CronJob fired and that are not marked as those of a run, whatever else they say."""
        return _objects(self._related_in(namespace, (FIRED_BY, cron_job_uid)))

    def of_job(self, namespace: str, job_uid: str) -> list[Object]:
        """Return the pods that the Job controls, or whose label has its uid."""
        return _objects(self._related_in(namespace, (OF_JOB, job_uid)))

    def pods_of_run(self, namespace: str, run_uid: str, recorded_job_uid: str | None = None) -> list[Object]:
        """Return the pods of all Jobs of the run, and of the Job that its status records.

        The labels of a fired Job's pods name the schedule, but the pods belong to the child run. A run that a backup
        brought back has recorded a Job whose labels name another run.
        """
        pods = {pod.uid: pod for pod in self._related_in(namespace, (PODS.plural, run_uid))}
        for job_uid in self._job_uids(namespace, run_uid):
            pods |= {pod.uid: pod for pod in self._related_in(namespace, (OF_JOB, job_uid))}
        pods = {uid: pod for uid, pod in pods.items() if self._run_of(pod) == run_uid}
        if recorded_job_uid is not None:
            pods |= {pod.uid: pod for pod in self._related_in(namespace, (OF_JOB, recorded_job_uid))}
        return _objects(pods.values())

    def orphaned_pods(self, namespace: str, run_name: str) -> list[Object]:
        """Return the pods that may run although neither a controller nor a run of this name has them any more."""
        pods = self._related_in(namespace, (ORPHAN_OF, label_value(run_name)))
        run_uids = ((pod, self._run_of(pod)) for pod in pods)
        return _objects(pod for pod, uid in run_uids if uid is not None and uid not in self._run_names)

    def of_schedule(self, namespace: str, uid: str) -> list[Object]:
        """Return the runs that the schedule made."""
        return _objects(self._related_in(namespace, (OF_SCHEDULE, uid)))

    def runs_of(self, resource: Resource, obj: Object) -> Iterator[RunKey]:
        """Return the runs that an event of the object may affect."""
        namespace, _ = key_of(obj)
        return ((namespace, name) for name in dict.fromkeys(self._affected_names(resource, obj)))

    def _affected_names(self, resource: Resource, obj: Object) -> Iterator[str]:
        key = key_of(obj)
        if resource is RUNS:
            yield key[1]
            yield from self._family(obj)
        elif resource is FUNCTIONS:
            yield from tuple(self._runs_of_function.get(key, ()))
        elif resource is PODS:
            yield from self._affected_by_pod(pod_entry(obj))
        else:
            yield from run_names_of_job(obj)
            cron_job = self._objects[CRON_JOBS].get((key[0], controller_of(obj, "CronJob").get("name", "")))
            yield from cron_job.run_names if cron_job else ()
            if name := self._run_names.get(run_uid_of_job(obj) or ""):
                yield name

    def _affected_by_pod(self, pod: Entry) -> Iterator[str]:
        job = self._objects[JOBS].get((pod.key[0], pod.job[0])) if pod.job else None
        yield from job.run_names if job else ()
        if name := self._run_names.get(self._run_of(pod) or ""):
            yield name
        else:
            yield from pod.run_names  # whoever has that name now ends what is left

    def _family(self, run: Object) -> Iterator[str]:
        """Return the schedule that made the run. A schedule yields its runs that have not finished."""
        if schedule := controller_of(run, constants.RUN_KIND).get("name"):
            yield schedule
        children = self._related.get((OF_SCHEDULE, run["metadata"]["uid"]), ())
        yield from [child.key[1] for child in children if not child.is_finished]

    def _related_in(self, namespace: str, relation: Relation) -> list[Entry]:
        return [entry for entry in self._related.get(relation, ()) if entry.key[0] == namespace]

    def _job_uids(self, namespace: str, run_uid: str) -> Iterator[str]:
        """Return the uids of the run's Jobs, and of the Job that was fired for it, which may be deleted."""
        for job in self._related_in(namespace, (JOBS.plural, run_uid)):
            yield job.uid
        run = self._objects[RUNS].get((namespace, self._run_names.get(run_uid, "")))
        if run is not None and run.job is not None:
            yield run.job[1]

    def _run_of(self, pod: Entry) -> str | None:
        """Return the uid of the run of the pod's Job; if that is unknown, the uid in the pod's label.

        The label of a fired Job's pods names the schedule. If neither that Job nor its run is known, as after a
        restart, the Job's uid stands for the run's uid, so that each such Job occupies its own place.
        """
        if pod.job is None:
            return pod.run_uid
        job = self._objects[JOBS].get((pod.key[0], pod.job[0]))
        if job is not None and job.uid == pod.job[1]:
            return job.run_uid or pod.run_uid
        run = self._objects[RUNS].get((pod.key[0], pod.job[0]))
        if run is not None and run.job == pod.job and (OF_SCHEDULE, pod.run_uid) in run.relations:
            return run.uid
        if (run_uid := self._runs_of_gone_jobs.get(pod.job[1])) is not None:
            return run_uid
        slot = slot_of(pod.job[0], pod.run_uid) if pod.run_uid is not None else None
        was_fired = slot is not None and slot.year >= _FIRST_YEAR
        return pod.job[1] if was_fired else pod.run_uid

    def _add_tombstone(self, uid: str, version: int, entry: Entry | None) -> None:
        """Remember that the object is gone. A tombstone of the same or a newer version stays."""
        known_version = entry.version if entry is not None else 0
        is_from_watch = entry is None or version > known_version or not entry.is_watched
        tombstone, previous = _Tombstone(max(version, known_version), is_from_watch), self._tombstones.get(uid)
        if previous is None or previous.version < tombstone.version:
            self._tombstones[uid] = tombstone
        self._tombstones.move_to_end(uid)
        while len(self._tombstones) > _MAX_TOMBSTONES:
            self._tombstones.popitem(last=False)

    def _relate(self, resource: Resource, previous: Entry | None, entry: Entry | None) -> None:
        """Update every lookup of the object to its new state."""
        relations = (*(previous.relations if previous else ()), *(entry.relations if entry else ()))
        for relation in dict.fromkeys(relations):
            unchanged = (item for item in self._related.pop(relation, ()) if item is not previous)
            if related := (*unchanged, *([entry] if entry and relation in entry.relations else [])):
                self._related[relation] = related
        if resource is RUNS:
            self._relate_run(previous, entry)
        elif resource is JOBS:
            self._relate_job(previous, entry)
        elif resource is PODS:
            self._count_occupancy(previous, entry)
            self._forget_gone_job(previous)

    def _relate_run(self, previous: Entry | None, entry: Entry | None) -> None:
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
        if _fired_job(previous) != _fired_job(entry):
            self._recount_pods(*(run.job for run in (previous, entry) if run))

    def _relate_job(self, previous: Entry | None, entry: Entry | None) -> None:
        self._count_occupancy(previous, entry)
        if previous is not None and previous.run_uid and _is_gone(previous, entry):
            self._remember_run_of(_job_of(previous), previous.run_uid)
        if previous is None or entry is None or (previous.uid, previous.run_uid) != (entry.uid, entry.run_uid):
            self._recount_pods(*(_job_of(job) for job in (previous, entry) if job))

    def _remember_run_of(self, job: JobId, run_uid: str) -> None:
        """Remember the run of a deleted Job while the Job has pods whose label names another run."""
        pods = self._related.get((OF_JOB, job[1]), ())
        if any(pod.job == job and pod.run_uid != run_uid for pod in pods):
            self._runs_of_gone_jobs[job[1]] = run_uid

    def _forget_gone_job(self, pod: Entry | None) -> None:
        """Forget the run of a deleted Job when its last pod is gone."""
        if pod is not None and pod.job is not None and (OF_JOB, pod.job[1]) not in self._related:
            self._runs_of_gone_jobs.pop(pod.job[1], None)

    def _recount_pods(self, *jobs: JobId | None) -> None:
        """Count the pods of the Jobs again, since their run may have changed. A Job may have a thousand pods."""
        for job in jobs:
            for pod in self._related.get((OF_JOB, job[1]), ()) if job else ():
                self._count_occupancy(pod, pod)

    def _count_occupancy(self, previous: Entry | None, entry: Entry | None) -> None:
        """Replace the place that a Job or pod occupied by the place that it occupies now."""
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

    def _occupancy_of(self, entry: Entry) -> Occupancy | None:
        """Return the run whose place a Job or pod occupies, and the function that its label names.

        The function is used for a run whose object is deleted. The label has the function's `spec.name`, which is cut
        and hashed if it is long. An inline function cannot be told from the object of that name, nor can an object be
        found whose own name differs.
        """
        run_uid = self._run_of(entry) if entry.may_run else None
        if run_uid is None:
            return None
        namespace = entry.key[0]
        return (namespace, run_uid), (namespace, kubernetes_name(entry.function)) if entry.function else None

    def _count_run(self, previous: Entry | None, entry: Entry | None) -> None:
        """Update the counts of runs by state."""
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

    def _update_queues(self, previous: Entry | None, entry: Entry, run: Object) -> None:
        if previous is not None and previous.uid != entry.uid:
            self.run_queues.remove_run(previous.uid)
        position = position_of(run) if is_waiting(run) else None
        self.run_queues.update_run((entry.key[0], entry.uid), queue_of(run), occupied_functions(run), position)


def _is_gone(previous: Entry, entry: Entry | None) -> bool:
    """Return whether the object was removed, or replaced by another object of its name."""
    return entry is None or entry.uid != previous.uid


def _fired_job(run: Entry | None) -> tuple[str, JobId] | None:
    """Return the run's uid with the Job that was fired for it; None if there is none."""
    return (run.uid, run.job) if run and run.job else None


def _job_of(entry: Entry) -> JobId:
    return entry.key[1], entry.uid


def _is_late_removal(resource: Resource, obj: Object, entry: Entry) -> bool:
    """Return whether the event is older than a reading of the object, which already had lost its label."""
    return not entry.is_watched and is_selected(resource, obj) and version_of(obj) <= entry.version


def _is_late_end(resource: Resource, obj: Object, tombstone: _Tombstone | None) -> bool:
    """Return whether a pod was found gone by a direct reading before its watch tells how it ended, with its report."""
    is_unseen = tombstone is not None and tombstone.is_before(version_of(obj))
    return is_unseen and resource is PODS and has_pod_ended(obj)


def _objects(entries: Iterable[Entry]) -> list[Object]:
    return [entry.obj for entry in entries]
