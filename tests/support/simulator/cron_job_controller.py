"""The CronJob controller: fires the newest slot that is due, by its policies; it keeps no history here."""

from datetime import datetime, timedelta
from functools import lru_cache

from support.simulator.api_server import ApiServer
from support.simulator.objects import (
    Object,
    controller_of,
    has_condition,
    is_deleting,
    is_job_finished,
    key_of,
    moment_of,
    stamp,
    uid_of,
)

from mlrun_operator.api.values.cron import Cron, parse_cron
from mlrun_operator.cluster.errors import ApiError


@lru_cache(maxsize=256)
def _next_slot(cron: Cron, minute: datetime) -> datetime | None:
    """Return the first slot after the minute."""
    return cron.next(minute)


def _newest_slot(cron: Cron, now: datetime) -> datetime | None:
    """Return the newest slot that has come; asked anew in each sync of a CronJob, and the same for a minute."""
    return _slot_of_minute(cron, now.replace(second=0, microsecond=0))


@lru_cache(maxsize=256)
def _slot_of_minute(cron: Cron, minute: datetime) -> datetime | None:
    return cron.previous(minute + timedelta(seconds=1))


class CronJobController:
    """Looks at every CronJob."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._clock = server.clock
        self._alarms: dict[str, datetime] = {}

    def sync_all(self) -> None:
        """Look at every CronJob once."""
        for cron_job in self._server.all("cronjobs"):
            if not is_deleting(cron_job):
                self._sync(self._tell_ended(cron_job))
                self._keep_history(cron_job)

    def _tell_ended(self, cron_job: Object) -> Object:
        """Take Jobs that ended or are missing out of the active ones."""
        active = [
            reference
            for reference in (cron_job.get("status") or {}).get("active") or ()
            if (job := self._server.by_uid("jobs", reference["uid"])) is not None and not is_job_finished(job)
        ]
        return self._server.update_status("cronjobs", cron_job, {**(cron_job.get("status") or {}), "active": active})

    def _sync(self, cron_job: Object) -> None:
        spec, status, now = cron_job["spec"], cron_job.get("status") or {}, self._clock.now
        if spec.get("suspend"):
            return
        cron = parse_cron(spec["schedule"], spec.get("timeZone") or "UTC")
        last = moment_of(status.get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"])
        deadline = spec.get("startingDeadlineSeconds")
        self._wake_at(cron_job, _next_slot(cron, now.replace(second=0, microsecond=0)))
        slot = _newest_slot(cron, now)
        if slot is None or slot <= last or slot > now:
            return
        if deadline is not None and slot + timedelta(seconds=deadline) < now:
            return
        active = status.get("active") or []
        if spec["concurrencyPolicy"] == "Forbid" and active:
            return
        if spec["concurrencyPolicy"] == "Replace":
            for reference in active:
                job = self._server.by_uid("jobs", reference["uid"])
                if job is not None:
                    self._server.delete("jobs", *key_of(job))
            cron_job = self._tell_ended(cron_job)
        self._fire(cron_job, slot)

    def _fire(self, cron_job: Object, slot: datetime) -> None:
        meta, template = cron_job["metadata"], cron_job["spec"]["jobTemplate"]
        owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": meta["name"], "uid": uid_of(cron_job)}
        about = {
            "name": f"{meta['name']}-{int(slot.timestamp()) // 60}",
            "namespace": meta["namespace"],
            "labels": (template.get("metadata") or {}).get("labels") or {},
            "annotations": {
                **((template.get("metadata") or {}).get("annotations") or {}),
                "batch.kubernetes.io/cronjob-scheduled-timestamp": stamp(slot),
            },
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        }
        try:
            job = self._server.create("jobs", {"metadata": about, "spec": template["spec"]})
        except ApiError:
            job = self._server.require("jobs", meta["namespace"], about["name"])
            if controller_of(job).get("uid") != meta["uid"] or self._is_active(cron_job, job):
                return
        fresh = self._server.require("cronjobs", *key_of(cron_job))
        status = fresh.get("status") or {}
        reference = {"kind": "Job", "name": about["name"], "uid": uid_of(job)}
        told = {"active": [*(status.get("active") or ()), reference], "lastScheduleTime": stamp(slot)}
        self._server.update_status("cronjobs", fresh, {**status, **told})

    def _is_active(self, cron_job: Object, job: Object) -> bool:
        return any(reference["uid"] == uid_of(job) for reference in (cron_job.get("status") or {}).get("active") or ())

    def _keep_history(self, cron_job: Object) -> None:
        """Delete the oldest ended Jobs beyond the limits."""
        jobs = [job for job in self._server.all("jobs") if controller_of(job).get("uid") == uid_of(cron_job)]
        for kind, limit in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            ended = [job for job in jobs if has_condition(job, kind)]
            ended.sort(key=lambda job: (job["status"].get("startTime", ""), job["metadata"]["name"]))
            for job in ended[: max(0, len(ended) - cron_job["spec"][limit])]:
                self._server.delete("jobs", *key_of(job))

    def _wake_at(self, cron_job: Object, moment: datetime | None) -> None:
        if moment is not None and self._alarms.get(uid_of(cron_job)) != moment:
            self._alarms[uid_of(cron_job)] = moment
            self._clock.at(moment, lambda: None)
