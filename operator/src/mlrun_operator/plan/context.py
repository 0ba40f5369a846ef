"""A run's observation, read once: which execution is the current one, its Job and its pods, and its limits."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeGuard

from pydantic.alias_generators import to_snake

from mlrun_operator.api import constants
from mlrun_operator.api.objects import (
    Object,
    annotations_of,
    controller_of,
    has_job_ended,
    has_pod_ended,
    is_controlled_by,
    is_deleting,
    labels_of,
    spec_of,
)
from mlrun_operator.api.ownership import fired_job_uid, is_fired_for
from mlrun_operator.api.v1alpha1.status import Ending, Execution
from mlrun_operator.api.values.names import collector_name, job_name
from mlrun_operator.assess.jobs import execution_of
from mlrun_operator.assess.pods import PodView
from mlrun_operator.plan.base_context import BaseContext
from mlrun_operator.plan.observation import RunObservation, WorkloadRead
from mlrun_operator.render.execution import execution_hash

# Ten years in seconds: no limit that a user can set is larger, and an annotation may hold any number.
_LONGEST_LIMIT: Final = 315_360_000


@dataclass(frozen=True)
class RunContext(BaseContext):
    """A run without a schedule at one moment. `latest` is its newest execution, recorded or not."""

    observation: RunObservation
    latest: Execution | None = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "latest", self._latest())

    @property
    def is_recorded(self) -> bool:
        """Return whether the newest execution is the recorded one."""
        return self.latest is not None and self.latest.same_as(self.recorded.execution)

    @property
    def is_over(self) -> bool:
        """Return whether the newest execution is recorded as ended."""
        phase = self.recorded.phase
        return self.is_recorded and phase is not None and phase.finished

    @property
    def ending(self) -> Ending | None:
        """Return how the newest execution is being ended; None where it is not, or has been."""
        return self.latest.ending if self.latest and self.is_recorded and not self.is_over else None

    @property
    def is_job_recorded(self) -> bool:
        """Return whether the newest execution is recorded as made."""
        return self.is_recorded and (self.recorded.execution is not None and bool(self.recorded.execution.job_uid))

    @property
    def was_made(self) -> bool:
        """Return whether the newest execution has ever had a Job, as far as it is known."""
        fired = self.fired_job_uid is not None and self.latest is not None and self.latest.number == 1
        return fired or (self.is_recorded and bool(self.is_job_recorded or self.recorded.job_name))

    @property
    def stops(self) -> bool:
        """Return whether the run is to stop, by its own spec or by its schedule's."""
        return bool(self.spec.get("stop") or spec_of(self.observation.schedule).get("stop"))

    @property
    def fired_job_uid(self) -> str | None:
        """Return the uid of the Job that the CronJob controller made for this run; None for any other run."""
        return fired_job_uid(self.observation.run)

    @property
    def job(self) -> Object | None:
        """Return the newest execution's Job."""
        return self.job_of(self.latest.number) if self.latest else None

    def job_name(self, number: int) -> str:
        """Return the one name that the Job of this execution can have."""
        fired = self.fired_job_uid is not None and number == 1
        return str(self.meta["name"]) if fired else job_name(self.meta["name"], self.meta["uid"], number)

    def job_of(self, number: int) -> Object | None:
        """Return our Job of this execution: of a sweep that fans out the one of its points.

        It is ours by its name and controller; once its uid is recorded, only by that.
        """
        named = (job for job in self.observation.jobs if job["metadata"]["name"] == self.job_name(number))
        return next((job for job in named if self._is_ours(job, number)), None)

    def collector_of(self, number: int) -> Object | None:
        """Return our Job that collects what the points of this execution have left."""
        name = collector_name(self.meta["name"], self.meta["uid"], number)
        named = (job for job in self.observation.jobs if job["metadata"]["name"] == name)
        return next((job for job in named if is_controlled_by(job, self.meta["uid"])), None)

    def our_jobs(self) -> list[tuple[int, Object]]:
        """Return the Jobs that this run's executions have, with the executions' numbers."""
        newest = self.latest.number if self.latest else 0
        executions = (execution_of(job) for job in self.observation.jobs)
        numbered = {execution.number for execution in executions if execution and execution.number <= newest}
        recorded = self.recorded.execution
        numbered |= {recorded.number} if recorded else set()
        jobs = [(n, job) for n in sorted(numbered) for job in (self.job_of(n), self.collector_of(n))]
        return [(n, job) for n, job in jobs if job is not None]

    def pods_of(self, job: Object) -> list[Object]:
        """Return the pods that the Job controls: those whose reports count."""
        return [pod for pod in self.observation.pods if is_controlled_by(pod, job["metadata"]["uid"])]

    def workload_of(self, job: Object) -> WorkloadRead | None:
        """Return what this reconcile has read of the Job's Workload; None where it has not asked."""
        read = self.observation.workload
        return read if read is not None and read.job["metadata"]["uid"] == job["metadata"]["uid"] else None

    def execution_pods(self) -> list[Object]:
        """Return the newest execution's pods, oldest first, whatever became of its Job."""
        return list(self._execution_pods)

    def read_pod(self, pod: Object) -> PodView:
        """Return the pod as an attempt of its execution."""
        return self.observation.read_pod(pod)

    def reporting_pods(self) -> list[Object]:
        """Return the newest execution's pods whose reports count: its Jobs control them, or they are its attempts.

        After `--cascade=orphan` only a label names the Job, and anybody may write labels.
        """
        uids = {*self._execution_job_uids, *filter(None, [self._gone_fired_job_uid])}
        return [
            pod
            for pod in self._execution_pods
            if not uids or controller_of(pod).get("uid") in uids or pod["metadata"]["uid"] in self._recorded_pods
        ]

    @cached_property
    def _recorded_pods(self) -> frozenset[str | None]:
        return frozenset(attempt.uid for attempt in self.base.of(self.latest).attempts or ())

    @cached_property
    def _execution_pods(self) -> list[Object]:
        pods = [pod for pod in self.observation.pods if self._is_of_execution(pod)]
        return sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", pod["metadata"]["name"]))

    def _is_of_execution(self, pod: Object) -> bool:
        """Return whether the pod is the newest execution's: its Job controls it, or it is a recorded attempt."""
        if pod["metadata"]["uid"] in self._recorded_pods or _job_uid_of(pod) in self._execution_job_uids:
            return True
        if self._execution_job_uids:
            return False
        job_name = controller_of(pod).get("name") or labels_of(pod).get(constants.LABEL_JOB)
        is_recorded = job_name is not None and job_name == self.recorded.job_name
        return is_recorded or (job_name == self.meta["name"] and self._is_of_gone_fired_job(pod))

    def living_pods(self) -> list[Object]:
        """Return the newest execution's pods that may run: there, and not in a terminal phase."""
        return list(self._living_pods)

    @cached_property
    def _living_pods(self) -> list[Object]:
        return [pod for pod in self._execution_pods if not has_pod_ended(pod)]

    def other_living_pods(self) -> list[Object]:
        """Return the pods that may run of any Job of this run but the newest execution's."""
        own = {pod["metadata"]["uid"] for pod in self.execution_pods()}
        return [pod for pod in self.observation.pods if pod["metadata"]["uid"] not in own and not has_pod_ended(pod)]

    def limit(self, name: str, job: Object | None) -> int | None:
        """Return a limit as the run has it now, else as its Job was made with, or as function or platform say."""
        limit = self.spec.get(name)
        if is_limit(limit):
            return limit
        if job is not None:
            if (pinned := pinned_limits(job).get(name)) is not None:
                return pinned
        elif isinstance(function := self.spec.get("function") or spec_of(self.observation.function), dict):
            options = function.get("run")
            if isinstance(options, dict) and is_limit(options.get(name)):
                return int(options[name])
        defaults = (getattr(part, to_snake(name), None) for part in (self.platform.run_defaults, self.platform))
        return next((default for default in defaults if isinstance(default, int)), None)

    def wanted(self, number: int) -> Execution:
        """Return the execution of this number for the spec of now."""
        return Execution(
            number=number,
            hash=execution_hash(self.spec),
            generation=self.generation,
            rerun=self.rerun,
            run_uid=self.meta["uid"],
        )

    def _latest(self) -> Execution | None:
        """Return the recorded execution, or that of a newer Job which was not recorded yet."""
        recorded, phase = self.recorded.execution, self.recorded.phase
        number = recorded.number + 1 if recorded else 1
        job = self.job_of(number)
        if job is not None:
            return self._execution_of(job, number)
        if recorded and not recorded.job_uid and not (phase and phase.finished) and not self.recorded.job_name:
            job = self.job_of(recorded.number)  # wanted before; the spec may have changed since
            return self._execution_of(job, recorded.number) if job is not None else recorded
        if recorded is None and self.fired_job_uid is not None:
            return Execution(number=1, hash=execution_hash(self.spec), generation=1)
        return recorded

    def _execution_of(self, job: Object, number: int) -> Execution:
        """Return the execution that a Job was made for; where somebody took its annotations, for the spec of now."""
        annotated = execution_of(job)
        return self.wanted(number) if annotated is None else annotated.model_copy(update={"number": number})

    def _recorded_job_uid(self, number: int) -> str | None:
        """Return the uid that is recorded of the Job of this execution. Nobody but the operator writes a status."""
        recorded = self.recorded.execution
        return recorded.job_uid if recorded and recorded.number == number and recorded.job_uid else None

    def _is_ours(self, job: Object, number: int) -> bool:
        """Return whether the Job is that of this execution: by its recorded uid, or else by its controller."""
        if (uid := self._recorded_job_uid(number)) is not None:
            return bool(job["metadata"]["uid"] == uid)
        if number == 1 and self.fired_job_uid is not None:
            return is_fired_for(self.observation.run, job)
        return is_controlled_by(job, self.meta["uid"])

    @cached_property
    def _execution_job_uids(self) -> frozenset[str]:
        """Return the uids of the newest execution's Jobs: its own and its collector's."""
        if self.latest is None:
            return frozenset()
        jobs: Sequence[Object | None] = (self.job, self.collector_of(self.latest.number))
        uids = {self._recorded_job_uid(self.latest.number), *(job["metadata"]["uid"] for job in jobs if job)}
        return frozenset(uid for uid in uids if uid)

    @property
    def _gone_fired_job_uid(self) -> str | None:
        """Return the uid of a Job that fired for the newest execution and went before it was recorded."""
        number = self.latest.number if self.latest else None
        is_unknown = number == 1 and self._recorded_job_uid(1) is None
        uids = {job["metadata"]["uid"] for job in self.observation.jobs}
        return self.fired_job_uid if is_unknown and self.fired_job_uid not in uids else None

    def _is_of_gone_fired_job(self, pod: Object) -> bool:
        """Return whether the pod is one of the Job that fired, which is gone: its label names the run's schedule."""
        schedule = self.observation.schedule
        is_scheduled = schedule is not None and "schedule" in spec_of(schedule)
        uids = {self.meta["uid"], *([schedule["metadata"]["uid"]] if schedule and is_scheduled else [])}
        gone = self._gone_fired_job_uid
        return gone is not None and _job_uid_of(pod) == gone and labels_of(pod).get(constants.LABEL_RUN_UID) in uids


def _job_uid_of(pod: Object) -> str | None:
    """Return the uid of the pod's Job: its controller's; its label counts where it has no controller any more."""
    uid: str | None = controller_of(pod).get("uid") or labels_of(pod).get(constants.LABEL_JOB_UID)
    return uid


def pinned_limits(job: Object) -> dict[str, int]:
    """Return the limits that function and platform set when the Job was made."""
    limits = _json_object(annotations_of(job).get(constants.ANNOTATION_LIMITS))
    return {name: limit for name, limit in limits.items() if is_limit(limit)}


def is_limit(value: object) -> TypeGuard[int]:
    """Return whether the value is a limit that a user can set, whatever stands in its place."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LONGEST_LIMIT


def is_queued_by_kueue(job: Object) -> bool:
    """Return whether the Job's `suspend` is Kueue's: by the label on the Job itself, whoever put it there."""
    return constants.LABEL_QUEUE in labels_of(job)


def is_workload_active(workload: Object | None) -> bool:
    """Return whether there is a Workload, and Kueue may admit its Job."""
    return workload is not None and spec_of(workload).get("active") is not False


def is_watched(obj: Object) -> bool:
    """Return whether the operator's watches show the object: they select by a label that somebody may take off."""
    return labels_of(obj).get(constants.LABEL_MANAGED_BY) == constants.MANAGER


def can_make_pods(job: Object) -> bool:
    """Return whether the Job has not ended and is not on its way out."""
    return not has_job_ended(job) and not is_deleting(job)


def _json_object(text: str | None) -> Object:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
