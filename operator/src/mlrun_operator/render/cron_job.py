"""The CronJob of a schedule, and the runs that it makes."""

import hashlib
import json
from datetime import datetime
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object, annotations_of
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.schedule import (
    DEFAULT_FAILED,
    DEFAULT_POLICY,
    DEFAULT_SUCCESSFUL,
    child_spec,
    firing_deadline,
)
from mlrun_operator.api.values.cron import DEFAULT_ZONE
from mlrun_operator.api.values.names import cron_job_name, label_value
from mlrun_operator.render.envelope import PinnedFunction
from mlrun_operator.render.job import build_job, kueue_marks

# How many Jobs more than the user's limit Kubernetes keeps: those that a resting operator has not recorded yet.
SPARE_JOBS: Final = 60


def build_cron_job(run: Object, spec: RunSpec, function: PinnedFunction, platform: Platform, *, rests: bool) -> Object:
    """The CronJob, complete. Its Jobs are first executions of runs that do not exist yet. Raises as `build_job`."""
    meta = run["metadata"]
    # Without other annotations: the firings do not belong to the trace in which the schedule was made.
    about = {**meta, "generation": 1, "annotations": kueue_marks(meta, "annotations")}
    job = build_job({**run, "metadata": about, "spec": child_spec(run["spec"])}, spec, function, 1, platform)
    labels, annotations = job["metadata"]["labels"], job["metadata"]["annotations"]
    annotations[constants.ANNOTATION_SCHEDULE] = meta["name"]
    rendered: Object = {
        "schedule": spec.schedule,
        "timeZone": spec.time_zone or DEFAULT_ZONE,
        "concurrencyPolicy": spec.concurrency_policy or DEFAULT_POLICY,
        "suspend": rests,
        "successfulJobsHistoryLimit": kept_successes(spec) + SPARE_JOBS,
        "failedJobsHistoryLimit": kept_failures(spec) + SPARE_JOBS,
        **_deadline(spec),
        "jobTemplate": {"metadata": {"labels": labels, "annotations": annotations}, "spec": job["spec"]},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": cron_job_name(meta["name"], meta["uid"]),
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": {
                constants.ANNOTATION_SCHEDULE: meta["name"],
                constants.ANNOTATION_FUNCTION: annotations[constants.ANNOTATION_FUNCTION],
                constants.ANNOTATION_RENDERED: _digest(rendered),
            },
            "ownerReferences": job["metadata"]["ownerReferences"],
        },
        "spec": rendered,
    }


def build_child(run: Object, name: str, trigger: str, slot: datetime, *, job: Object | None = None) -> Object:
    """The run of one slot; `job` is the one that the CronJob controller made for it."""
    meta = run["metadata"]
    owner = {"apiVersion": constants.API_VERSION, "kind": constants.RUN_KIND, "name": meta["name"], "uid": meta["uid"]}
    return {
        "apiVersion": constants.API_VERSION,
        "kind": constants.RUN_KIND,
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": {
                constants.LABEL_MANAGED_BY: constants.MANAGER,
                constants.LABEL_RUN: label_value(meta["name"]),
                constants.LABEL_SCHEDULE_UID: meta["uid"],
                **kueue_marks(meta, "labels"),
            },
            "annotations": {
                **kueue_marks(meta, "annotations"),
                constants.ANNOTATION_SCHEDULED_TIME: slot.strftime("%Y-%m-%dT%H:%M:%SZ"),
                constants.ANNOTATION_EXPRESSION: str(run["spec"].get("schedule")),
                constants.ANNOTATION_TIME_ZONE: str(run["spec"].get("timeZone") or DEFAULT_ZONE),
                constants.ANNOTATION_TRIGGER: trigger,
                **({constants.ANNOTATION_JOB_UID: f"{name}/{job['metadata']['uid']}"} if job else {}),
            },
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": child_spec(run["spec"]),
    }


def in_line(seen: Object, wanted: Object) -> bool:
    """Whether the CronJob is as it should be, in what was rendered and in what people change by hand."""
    notes = annotations_of(seen), annotations_of(wanted)
    fields = ("schedule", "timeZone", "concurrencyPolicy", "suspend", "startingDeadlineSeconds")
    same = all(seen["spec"].get(name) == wanted["spec"].get(name) for name in fields)
    return same and notes[0].get(constants.ANNOTATION_RENDERED) == notes[1][constants.ANNOTATION_RENDERED]


def kept_successes(spec: RunSpec) -> int:
    """How many succeeded runs the schedule keeps."""
    said = spec.successful_runs_history_limit
    return DEFAULT_SUCCESSFUL if said is None else said


def kept_failures(spec: RunSpec) -> int:
    """How many failed and stopped runs the schedule keeps."""
    said = spec.failed_runs_history_limit
    return DEFAULT_FAILED if said is None else said


def _deadline(spec: RunSpec) -> Object:
    said = firing_deadline(spec)
    return {} if said is None else {"startingDeadlineSeconds": said}


def _digest(rendered: Object) -> str:
    return hashlib.sha256(json.dumps(rendered, sort_keys=True).encode()).hexdigest()[:16]
