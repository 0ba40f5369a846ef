"""The CronJob controller: fires the newest slot that is due, by its policies; it keeps no history here."""

from datetime import datetime, timedelta

from support.simulator.api_server import ApiServer
from support.simulator.objects import Object, is_deleting, is_job_finished, key_of, moment_of, stamp, uid_of

from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.cluster.errors import ApiError


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
        self._wake_at(cron_job, cron.next(now))
        slot = cron.previous(now + timedelta(seconds=1))
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
            return
        fresh = self._server.require("cronjobs", *key_of(cron_job))
        status = fresh.get("status") or {}
        reference = {"kind": "Job", "name": about["name"], "uid": uid_of(job)}
        told = {"active": [*(status.get("active") or ()), reference], "lastScheduleTime": stamp(slot)}
        self._server.update_status("cronjobs", fresh, {**status, **told})

    def _wake_at(self, cron_job: Object, moment: datetime | None) -> None:
        if moment is not None and self._alarms.get(uid_of(cron_job)) != moment:
            self._alarms[uid_of(cron_job)] = moment
            self._clock.at(moment, lambda: None)
