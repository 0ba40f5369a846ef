"""What is read before deciding: from the index, which the watches fill."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, controller_of, key_of, labels_of, spec_of
from mlrun_operator.api.ownership import fired_job_uid
from mlrun_operator.api.values.names import cron_job_name
from mlrun_operator.assess.schedule import Child
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.index_entry import recorded_job_uid
from mlrun_operator.cluster.queue_position import function_keys
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, RUNS
from mlrun_operator.plan.observation import Observation, RunObservation, ScheduleObservation


class Observer:
    """Reads the observation of a run or of a schedule."""

    def __init__(self, index: Index, clock: Callable[[], datetime]) -> None:
        self._index = index
        self._clock = clock

    def observe(self, run: Object) -> Observation:
        """Return what is known of the run at this moment."""
        return self._schedule(run) if "schedule" in spec_of(run) else self._run(run)

    def _schedule(self, run: Object) -> ScheduleObservation:
        name, namespace, uid = run["metadata"]["name"], run["metadata"]["namespace"], run["metadata"]["uid"]
        cron_job = self._index.get(CRON_JOBS, namespace, cron_job_name(name, uid))
        fired = self._index.fired_by(namespace, cron_job["metadata"]["uid"]) if cron_job else []
        jobs = {job["metadata"]["uid"]: job for job in (*fired, *self._index.of_run(JOBS, namespace, uid))}
        return ScheduleObservation(
            run=run,
            now=self._clock(),
            function=self._function(run),
            cron_job=cron_job,
            jobs=list(jobs.values()),
            children=self._index.of_schedule(namespace, uid),
        )

    def _run(self, run: Object) -> RunObservation:
        namespace, uid = run["metadata"]["namespace"], run["metadata"]["uid"]
        observation = RunObservation(
            run=run,
            now=self._clock(),
            function=self._function(run),
            jobs=self._index.of_run(JOBS, namespace, uid),
            pods=self._index.pods_of_run(namespace, uid, recorded_job_uid(run)),
        )
        return self._child(observation) if constants.LABEL_SCHEDULE_UID in labels_of(run) else observation

    def _child(self, observation: RunObservation) -> RunObservation:
        """Add what bears on a run that a schedule made: that schedule, and the Job that the CronJob controller made."""
        run = observation.run
        namespace, owner = run["metadata"]["namespace"], controller_of(run)
        schedule = self._index.get(RUNS, namespace, owner.get("name", ""))
        is_its_run = schedule is not None and schedule["metadata"]["uid"] == owner.get("uid") and Child.of(run)
        schedule = schedule if is_its_run else None  # a copy under another name is nobody's
        observation = replace(observation, schedule=schedule)
        if (fired_uid := fired_job_uid(run)) is None:
            return observation
        job = self._index.get(JOBS, *key_of(run))
        fired = [job] if job and job["metadata"]["uid"] == fired_uid else []
        jobs = [*fired, *(other for other in observation.jobs if other["metadata"]["uid"] != fired_uid)]
        pods = {pod["metadata"]["uid"]: pod for pod in self._index.of_job(namespace, fired_uid)}
        pods |= {pod["metadata"]["uid"]: pod for pod in observation.pods}
        return replace(observation, jobs=jobs, pods=list(pods.values()))

    def _function(self, run: Object) -> Object | None:
        functions = (self._index.get(FUNCTIONS, *key) for key in function_keys(run))
        return next((function for function in functions if function is not None), None)
