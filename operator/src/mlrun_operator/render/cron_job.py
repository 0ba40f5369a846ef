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
from mlrun_operator.render.job import build_job, kueue_metadata

# How many Jobs more than the user's limit Kubernetes keeps: those that fire while no operator runs.
SPARE_JOBS: Final = 60


def build_cron_job(
    run: Object, spec: RunSpec, function: PinnedFunction, platform: Platform, *, is_paused: bool
) -> Object:
    """Return the whole CronJob. Its Jobs are first executions of runs that do not exist yet. Raises as `build_job`."""
    meta = run["metadata"]
    # Without other annotations: the firings do not belong to the trace in which the schedule was made.
    job_meta = {**meta, "generation": 1, "annotations": kueue_metadata(meta, "annotations")}
    job = build_job({**run, "metadata": job_meta, "spec": child_spec(run["spec"])}, spec, function, 1, platform)
    labels, annotations = job["metadata"]["labels"], job["metadata"]["annotations"]
    annotations[constants.ANNOTATION_SCHEDULE] = meta["name"]
    rendered_spec: Object = {
        "schedule": spec.schedule,
        "timeZone": spec.time_zone or DEFAULT_ZONE,
        "concurrencyPolicy": spec.concurrency_policy or DEFAULT_POLICY,
        "suspend": is_paused,
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
                constants.ANNOTATION_RENDERED: _digest(rendered_spec),
                constants.ANNOTATION_REPLACED_GENERATION: "0",
            },
            "ownerReferences": job["metadata"]["ownerReferences"],
        },
        "spec": rendered_spec,
    }


def build_child(run: Object, name: str, trigger: str, slot: datetime, *, job: Object | None = None) -> Object:
    """Return the run of one slot; `job` is the one that the CronJob controller made for it."""
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
                **kueue_metadata(meta, "labels"),
            },
            "annotations": {
                **kueue_metadata(meta, "annotations"),
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


def is_in_line(cron_job: Object, rendered: Object) -> bool:
    """Return whether the CronJob is as it was rendered, and nobody has edited it since.

    Its job template is not compared, since the API server and its admission webhooks add to it. Each edit of the spec
    raises the generation by one, whoever makes it, and the operator's own write says which generation it replaced.
    """
    fields = ("schedule", "timeZone", "concurrencyPolicy", "suspend", "startingDeadlineSeconds")
    is_same = all(cron_job["spec"].get(name) == rendered["spec"].get(name) for name in fields)
    digests = [annotations_of(obj).get(constants.ANNOTATION_RENDERED) for obj in (cron_job, rendered)]
    return is_same and digests[0] == digests[1] and not _is_edited(cron_job)


def _is_edited(cron_job: Object) -> bool:
    """Return whether the spec was edited after the operator's last write; that raises the generation by one or none."""
    generation = cron_job["metadata"].get("generation")
    replaced = annotations_of(cron_job).get(constants.ANNOTATION_REPLACED_GENERATION, "")
    if generation is None:
        return False
    return not replaced.isdecimal() or int(generation) not in (int(replaced), int(replaced) + 1)


def kept_successes(spec: RunSpec) -> int:
    """Return how many succeeded runs the schedule keeps."""
    limit = spec.successful_runs_history_limit
    return DEFAULT_SUCCESSFUL if limit is None else limit


def kept_failures(spec: RunSpec) -> int:
    """Return how many failed and stopped runs the schedule keeps."""
    limit = spec.failed_runs_history_limit
    return DEFAULT_FAILED if limit is None else limit


def _deadline(spec: RunSpec) -> Object:
    deadline = firing_deadline(spec)
    return {} if deadline is None else {"startingDeadlineSeconds": deadline}


def _digest(rendered: Object) -> str:
    return hashlib.sha256(json.dumps(rendered, sort_keys=True).encode()).hexdigest()[:16]
