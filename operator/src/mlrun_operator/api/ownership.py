"""Whose a Job is: its controller decides. Labels and annotations can be copied to any object."""

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, annotations_of, controller_of, labels_of
from mlrun_operator.api.values.names import cron_job_name


def fired_job_uid(run: Object) -> str | None:
    """Return the uid of the Job that the CronJob controller made for this run; None for any other run.

    Anybody may write the annotation, so `is_fired_for` has to hold before the Job is the run's. The annotation holds
    the run's name, too: one that a copied manifest carries along does nothing.
    """
    note: str | None = annotations_of(run).get(constants.ANNOTATION_JOB_UID)
    if note is None or controller_of(run).get("kind") != constants.RUN_KIND:
        return None
    name, slash, uid = note.rpartition("/")
    return uid if not slash or name == run["metadata"]["name"] else None


def is_fired_for(run: Object, job: Object) -> bool:
    """Return whether the CronJob of the run's own schedule controls the Job, which the run names.

    The name of a schedule's CronJob has the hash of the schedule's uid.
    """
    schedule = controller_of(run, constants.RUN_KIND)
    cron_job = cron_job_name(schedule.get("name", ""), schedule.get("uid", ""))
    is_named = fired_job_uid(run) == job["metadata"]["uid"]
    return is_named and controller_of(job, "CronJob").get("name") == cron_job


def is_adopted(job: Object) -> bool:
    """Return whether a schedule's CronJob fired the Job, and the Job has the mark that a run has adopted it."""
    schedule_uid = labels_of(job).get(constants.LABEL_SCHEDULE_UID, "")
    schedule = annotations_of(job).get(constants.ANNOTATION_SCHEDULE, "")
    is_marked = bool(schedule_uid and schedule)
    return is_marked and controller_of(job, "CronJob").get("name") == cron_job_name(schedule, schedule_uid)
