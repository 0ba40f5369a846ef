"""The Job of one execution."""

import json
from typing import Final

from mlrun_operator.api import bounds, constants
from mlrun_operator.api.contract.envelope import GRACE_SECONDS, EnvelopeTooLargeError, encode
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.contract.trace import TraceContext
from mlrun_operator.api.objects import Object
from mlrun_operator.api.reasons import FINAL_EXIT_CODES
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.sweep import SweepInfo
from mlrun_operator.api.values.names import job_name, label_value
from mlrun_operator.render.envelope import PinnedFunction, build_envelope, result_budget
from mlrun_operator.render.execution import execution_hash
from mlrun_operator.render.indexed_job import Replicas, SweepPoints, parallel_pods
from mlrun_operator.render.options import effective
from mlrun_operator.render.pod import overridden_by_platform, pod_spec
from mlrun_operator.render.reserved import check_annotations, check_template

# The limits that an edit of the run changes while its Job runs.
_LIMITS: Final = (
    *("pendingDeadlineSeconds", "maxDisruptions", "ttlSecondsAfterFinished"),
    *("activeDeadlineSeconds", "backoffLimit"),
)


# How many fields that the platform overrides are named.
_MAX_OVERRIDDEN: Final = 10


def build_job(run: Object, spec: RunSpec, function: PinnedFunction, n: int, platform: Platform) -> Object:
    """Return the complete Job of execution `n`.

    Raises EnvelopeTooLargeError, and ValueError for options or images that the platform refuses.
    """
    meta = run["metadata"]
    options = effective(spec, function.spec, platform.run_defaults)
    check_template(options.pod_template or {})
    check_annotations("podAnnotations", options.pod_annotations or {})
    name = job_name(meta["name"], meta["uid"], n)
    parallel = parallel_pods(spec, name, meta["uid"])
    trace = TraceContext.of(meta)
    pod = pod_spec(function.spec, options, platform, parallel, trace.environment if trace else {})
    containers = len(pod["containers"]) + len(pod.get("initContainers", ()))
    envelope = build_envelope(run, spec, function, n, platform)
    pod_fields = {
        "result_budget": result_budget(containers),
        "grace_seconds": _grace(pod),
        "plain_image": platform.is_exchanged_for_plain(function.spec.image) or None,
    }
    limits = _limits(options, platform, parallel)
    sweep = _sweep_of_pod(envelope.sweep, parallel, limits)
    envelope = envelope.model_copy(update={**pod_fields, "non_retryable": options.non_retryable, "sweep": sweep})
    labels = _labels(meta, function, envelope.run.project)
    job_labels = {**(options.pod_labels or {}), **kueue_metadata(meta, "labels"), **labels}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": job_labels,
            "annotations": {
                **kueue_metadata(meta, "annotations"),
                **_annotations(run, function, n),
                **_limits_annotation(spec, function, platform),
                **_volumes_annotation(options),
                **_overridden_annotation(options, platform),
                **_parallel_annotations(parallel),
            },
            "ownerReferences": [owner_of(meta)],
        },
        "spec": {
            **limits,
            # Kueue suspends the Job itself, but only after a pod may have started.
            **({"suspend": True} if constants.LABEL_QUEUE in job_labels else {}),
            "podFailurePolicy": failure_policy(pod, "FailIndex" if parallel else "FailJob"),
            "template": {"metadata": _pod_metadata(meta, options, labels, encode(envelope)), "spec": pod},
        },
    }


def _pod_metadata(meta: Object, options: RunOptions, labels: dict[str, str], envelope: str) -> Object:
    """Return the labels and annotations of the pods; ours override those of users."""
    template_labels = _template_meta(options.pod_template or {}, "labels")
    return {
        "labels": {**template_labels, **(options.pod_labels or {}), **labels},
        "annotations": _pod_annotations(_user_annotations(meta, options), envelope),
    }


def _limits(options: RunOptions, platform: Platform, parallel: Replicas | SweepPoints | None) -> Object:
    """Return the limits on retries and time. There is no TTL, which could delete the Job before its end is recorded."""
    retries = options.backoff_limit if options.backoff_limit is not None else platform.backoff_limit
    deadline = options.active_deadline_seconds
    retry_fields: Object = parallel.job_spec(retries) if parallel else {"backoffLimit": retries}
    return {**retry_fields, **({"activeDeadlineSeconds": deadline} if deadline is not None else {})}


def _sweep_of_pod(sweep: SweepInfo | None, parallel: Replicas | SweepPoints | None, limits: Object) -> SweepInfo | None:
    """Return the sweep for the envelope of a pod, which runs one point of a fan-out."""
    if sweep is None or not isinstance(parallel, SweepPoints):
        return sweep
    return sweep.model_copy(update={"part": "point", "retries": limits["backoffLimitPerIndex"]})


def _parallel_annotations(parallel: Replicas | SweepPoints | None) -> dict[str, str]:
    return parallel.annotations if parallel else {}


def _limits_annotation(spec: RunSpec, function: PinnedFunction, platform: Platform) -> dict[str, str]:
    """Return the limits that hold for the Job where the run sets none: those of its function and of the platform."""
    own_limits = {name: None for name, field in RunSpec.model_fields.items() if field.alias in _LIMITS}
    options = effective(spec.model_copy(update=own_limits), function.spec, platform.run_defaults).wire()
    limits = {name: value for name, value in options.items() if name in _LIMITS}
    return {constants.ANNOTATION_LIMITS: json.dumps({"backoffLimit": platform.backoff_limit, **limits}, sort_keys=True)}


def _volumes_annotation(options: RunOptions) -> dict[str, str]:
    """Return the annotation for volumes that an API server may drop."""
    images = [volume.name for volume in options.volumes or () if volume.image]
    return {constants.ANNOTATION_IMAGE_VOLUMES: ",".join(images)} if images else {}


def _overridden_annotation(options: RunOptions, platform: Platform) -> dict[str, str]:
    """Return the annotation that tells which fields of the template the pod does not have as they were written."""
    paths = overridden_by_platform(options.pod_template, platform) if options.pod_template else []
    text = ", ".join(paths[:_MAX_OVERRIDDEN]) + (
        f" and {more} more" if (more := len(paths) - _MAX_OVERRIDDEN) > 0 else ""
    )
    return {constants.ANNOTATION_OVERRIDDEN: text} if paths else {}


def _grace(pod: Object) -> int:
    """Return the pod's grace period in seconds; the API server refuses a negative one."""
    return max(int(pod.get("terminationGracePeriodSeconds", GRACE_SECONDS)), 0)


def kueue_metadata(meta: Object, kind: str, prefix: str = constants.KUEUE_PREFIX) -> dict[str, str]:
    """Return those of the object's labels or annotations that are for Kueue."""
    return {key: value for key, value in (meta.get(kind) or {}).items() if key.startswith(prefix)}


def _user_annotations(meta: Object, options: RunOptions) -> dict[str, str]:
    """Return the pod annotations that users set."""
    return {
        **kueue_metadata(meta, "annotations", constants.KUEUE_POD_PREFIX),
        **_template_meta(options.pod_template or {}, "annotations"),
        **(options.pod_annotations or {}),
    }


def _template_meta(template: Object, kind: str) -> Object:
    return dict((template.get("metadata") or {}).get(kind) or {})


def owner_of(meta: Object) -> Object:
    """Return the owner reference that makes the run the controller of an object."""
    return {
        "apiVersion": constants.API_VERSION,
        "kind": constants.RUN_KIND,
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }


def _labels(meta: Object, function: PinnedFunction, project: str) -> dict[str, str]:
    return {
        constants.LABEL_MANAGED_BY: constants.MANAGER,
        constants.LABEL_COMPONENT: "run",
        constants.LABEL_RUN: label_value(meta["name"]),
        constants.LABEL_RUN_UID: meta["uid"],
        constants.LABEL_FUNCTION: label_value(function.name),
        constants.LABEL_PROJECT: label_value(project),
    }


def _annotations(run: Object, function: PinnedFunction, n: int) -> dict[str, str]:
    pin = {"name": function.name, "generation": function.generation, "digest": function.digest}
    requested_image, rerun = function.spec.image, run["spec"].get("rerun")
    return {
        constants.ANNOTATION_EXECUTION: str(n),
        constants.ANNOTATION_HASH: execution_hash(run["spec"]),
        constants.ANNOTATION_GENERATION: str(run["metadata"].get("generation", 1)),
        constants.ANNOTATION_FUNCTION: json.dumps({k: v for k, v in pin.items() if v is not None}, sort_keys=True),
        **({constants.ANNOTATION_RERUN: rerun} if rerun else {}),
        **({constants.ANNOTATION_IMAGE_REQUESTED: requested_image} if requested_image else {}),
    }


def _pod_annotations(user_annotations: dict[str, str], envelope: str) -> dict[str, str]:
    annotations = {
        **user_annotations,
        constants.ANNOTATION_DEFAULT_CONTAINER: constants.CONTAINER,
        constants.ANNOTATION_ENVELOPE: envelope,
    }
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > bounds.POD_ANNOTATIONS.limit:
        raise EnvelopeTooLargeError(size)
    return annotations


def failure_policy(pod: Object, action: str) -> Object:
    """Return the rules by which Kubernetes ends the Job, or one index of it, without further retries.

    Evictions and preemptions do not count as failures. An index whose wrapper has reported is not run again because of
    another container of its pod. Each container of ours has its own rule, since a rule names only one.
    """
    names = {container["name"] for container in (*pod["containers"], *pod.get("initContainers", ()))}
    own_names = [name for name in (constants.INIT_CONTAINER, constants.CONTAINER) if name in names]
    return {
        "rules": [
            _on_condition("Ignore", "DisruptionTarget"),
            *([_on_condition(action, constants.CONDITION_REPORTED)] if action == "FailIndex" else []),
            *({"action": action, "onExitCodes": _final_exit_codes(name)} for name in own_names),
        ]
    }


def _on_condition(action: str, condition: str) -> Object:
    return {"action": action, "onPodConditions": [{"type": condition, "status": "True"}]}


def _final_exit_codes(container: str) -> Object:
    return {"containerName": container, "operator": "In", "values": list(FINAL_EXIT_CODES)}
