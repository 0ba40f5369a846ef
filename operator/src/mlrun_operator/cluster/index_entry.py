"""An object in the index: packed, with the fields that are needed without unpacking it."""

from collections.abc import Iterator
from dataclasses import dataclass
from sys import intern
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import (
    Object,
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
from mlrun_operator.api.ownership import fired_job_uid
from mlrun_operator.api.v1alpha1.status import Phase
from mlrun_operator.cluster.codec import unpack
from mlrun_operator.cluster.queue_position import function_keys
from mlrun_operator.cluster.resources import FUNCTIONS, JOBS, PODS, RUNS, Resource
from mlrun_operator.cluster.run_queues import FunctionKey, RunId, RunKey
from mlrun_operator.cluster.slim import pack_slim

_FINISHED_PHASES: Final = tuple(phase.value for phase in Phase if phase.finished)

# How objects belong to another object, and its uid: `jobs` and `pods` belong to a run, by their label or controller.
Relation = tuple[str, str]
OF_JOB: Final = "of job"
OF_SCHEDULE: Final = "of schedule"
# A Job that is no run's yet, and the CronJob that fired it.
FIRED_BY: Final = "fired by"
# A pod without a controller, and a name that its run may have.
ORPHAN_OF: Final = "orphan of"
# Namespace, phase and reason of a run.
RunState = tuple[str, str, str]
# Name and uid of a Job.
JobId = tuple[str, str]
# The run whose place a Job or pod occupies, and the function that its label names.
Occupancy = tuple[RunId, FunctionKey | None]


@dataclass(slots=True)
class Entry:
    """A packed object, and the fields that are needed without unpacking it."""

    key: RunKey
    uid: str
    version: int
    packed: bytes
    relations: tuple[Relation, ...] = ()
    # Whether a watch reports the object: the watches of Jobs, CronJobs and pods select by a label.
    is_watched: bool = True
    # For a Job or pod: the run and function that its labels name, whether it may run, and the place that it occupies.
    run_uid: str | None = None
    function: str | None = None
    may_run: bool = False
    occupancy: Occupancy | None = None
    # For a Job or CronJob: the names of its runs. For a pod without a controller: those that its run may have.
    run_names: tuple[str, ...] = ()
    # For a pod and for a run that a schedule made: the name and uid of its Job.
    job: JobId | None = None
    # For a run: the functions that it may refer to, its state, and whether it has finished.
    functions: tuple[FunctionKey, ...] = ()
    state: RunState | None = None
    is_finished: bool = True

    @property
    def obj(self) -> Object:
        """Return a new copy of the object."""
        obj: Object = unpack(self.packed)
        return obj


def entry_of(resource: Resource, obj: Object) -> Entry:
    """Return the index entry of the object."""
    if resource is RUNS:
        entry = _run_entry(obj)
    elif resource is PODS:
        entry = pod_entry(obj)
    elif resource is JOBS:
        entry = _job_entry(obj)
    else:
        entry = _bare_entry(obj)
        entry.run_names = tuple(intern(name) for name in run_names_of_job(obj))
    entry.packed = pack_slim(resource, obj)
    orphan_relations = ((ORPHAN_OF, name) for name in entry.run_names) if resource is PODS else ()
    entry.relations = tuple(dict.fromkeys((*_relations(resource, obj), *orphan_relations)))
    entry.is_watched = is_selected(resource, obj)
    return entry


def _bare_entry(obj: Object) -> Entry:
    namespace, name = key_of(obj)
    return Entry((intern(namespace), intern(name)), obj["metadata"]["uid"], version_of(obj), b"")


def _run_entry(run: Object) -> Entry:
    entry, status = _bare_entry(run), status_of(run)
    entry.functions = function_keys(run)
    entry.state = entry.key[0], _interned(status.get("phase")), _interned(status.get("reason"))
    entry.is_finished = entry.state[1] in _FINISHED_PHASES
    if job_uid := fired_job_uid(run):
        entry.job = entry.key[1], job_uid
    return entry


def _job_entry(job: Object) -> Entry:
    entry = _bare_entry(job)
    entry.run_uid = run_uid_of_job(job)
    entry.function = _interned(labels_of(job).get(constants.LABEL_FUNCTION))
    entry.may_run = not (has_job_ended(job) or is_deleting(job) or _is_suspended_by_us(job))
    entry.run_names = tuple(intern(name) for name in run_names_of_job(job))
    return entry


def pod_entry(pod: Object) -> Entry:
    """Return the entry of a pod, without the packed pod."""
    entry, labels, job = _bare_entry(pod), labels_of(pod), controller_of(pod, "Job")
    entry.run_uid = _interned(labels.get(constants.LABEL_RUN_UID)) or None
    entry.function = _interned(labels.get(constants.LABEL_FUNCTION))
    entry.may_run = not has_pod_ended(pod)
    name = job.get("name") or labels.get(constants.LABEL_JOB) or ""
    if uid := job.get("uid") or labels.get(constants.LABEL_JOB_UID):
        entry.job = intern(name), intern(uid)
        entry.run_names = _run_names_of_orphan(pod) if not job and entry.may_run else ()
    return entry


def _run_names_of_orphan(pod: Object) -> tuple[str, ...]:
    """Return the names that the run of a pod without a controller may have: a fired Job has the name of its run."""
    names = (labels_of(pod).get(label) for label in (constants.LABEL_RUN, constants.LABEL_JOB))
    return tuple(intern(name) for name in dict.fromkeys(names) if name)


def _relations(resource: Resource, obj: Object) -> Iterator[Relation]:
    if resource in (JOBS, PODS) and (uid := labels_of(obj).get(constants.LABEL_RUN_UID)):
        yield resource.plural, intern(uid)
    if resource is JOBS and (uid := controller_of(obj, constants.RUN_KIND).get("uid")):
        yield resource.plural, intern(uid)
    is_adopted = constants.LABEL_SCHEDULE_UID in labels_of(obj)
    if resource is JOBS and not is_adopted and (uid := controller_of(obj, "CronJob").get("uid")):
        yield FIRED_BY, intern(uid)
    if resource is PODS:
        uids = controller_of(obj, "Job").get("uid"), labels_of(obj).get(constants.LABEL_JOB_UID)
        yield from ((OF_JOB, intern(uid)) for uid in uids if uid)
    if resource is RUNS and (uid := controller_of(obj, constants.RUN_KIND).get("uid")):
        yield OF_SCHEDULE, intern(uid)


def is_selected(resource: Resource, obj: Object) -> bool:
    """Return whether the resource's watch selects the object."""
    return resource in (RUNS, FUNCTIONS) or labels_of(obj).get(constants.LABEL_MANAGED_BY) == constants.MANAGER


def _is_suspended_by_us(job: Object) -> bool:
    return bool(spec_of(job).get("suspend")) and constants.ANNOTATION_SUSPENDED_BY in annotations_of(job)


def version_of(obj: Object) -> int:
    """Return the resource version as a number. Those of one resource are ordered."""
    text = obj["metadata"].get("resourceVersion", "")
    return int(text) if text.isdigit() else 0


def run_uid_of_job(job: Object) -> str | None:
    """Return the uid of the run that controls the Job, or else of the run that its label names.

    Jobs that a CronJob fired have no run as their controller.
    """
    uid = controller_of(job, constants.RUN_KIND).get("uid") or labels_of(job).get(constants.LABEL_RUN_UID)
    return intern(uid) if uid else None


def recorded_job_uid(run: Object) -> str | None:
    """Return the uid of the Job that the run's status records."""
    execution = status_of(run).get("execution")
    uid = execution.get("jobUID") if isinstance(execution, dict) else None
    return uid if isinstance(uid, str) else None


def run_names_of_job(job: Object) -> Iterator[str]:
    """Return the name of the run that controls a Job or CronJob.

    A Job that a CronJob fired yields the names of its run and of its schedule.
    """
    if name := controller_of(job, constants.RUN_KIND).get("name"):
        yield name
    elif schedule := annotations_of(job).get(constants.ANNOTATION_SCHEDULE):
        yield job["metadata"]["name"]
        yield schedule


def _interned(text: Any) -> str:
    return intern(text) if isinstance(text, str) else ""
