"""Containers that are not the wrapper's and keep a pod from ending (BEHAVIOUR B)."""

from datetime import timedelta
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, has_condition, is_deleting
from mlrun_operator.api.v1alpha1.status import Execution
from mlrun_operator.assess.execution import outcome_of
from mlrun_operator.assess.jobs import has_decided, replicas_of
from mlrun_operator.assess.pods import PodView
from mlrun_operator.plan.begin_end import begin_end
from mlrun_operator.plan.context import RunContext, can_make_pods
from mlrun_operator.plan.decision import Decision, DeletePod, MarkReported

# How long another regular container may run on after the wrapper's has ended; a native sidecar has its grace period.
SIDECAR_GRACE: Final = timedelta(seconds=30)
NATIVE_SIDECAR_GRACE: Final = timedelta(seconds=90)


def end_sidecars(context: RunContext, execution: Execution, job: Object) -> Decision | None:
    """End a pod whose wrapper has reported and which another container keeps or has failed.

    A success of a Job with one pod is recorded first: whatever the other container makes of the pod, it is not retried.
    """
    if _is_plain(job):
        success = next(
            (view for view in _views(context, job) if view.succeeded and _needs_an_end(context, job, view)), None
        )
        if success is not None:
            return begin_end(context, execution, outcome_of(success))
    return delete_lingering_pod(context)


def delete_lingering_pod(context: RunContext) -> Decision | None:
    """Delete a pod that another container keeps although the wrapper has reported, its success marked before."""
    job = context.job
    for pod in context.living_pods():
        view = context.read_pod(pod)
        if is_deleting(pod) or _lingering_for(context, view) <= timedelta(0):
            continue
        if (
            job is not None
            and view.succeeded
            and not _is_plain(job)
            and not has_condition(pod, constants.CONDITION_REPORTED)
            and (mark := context.first(MarkReported(pod))) is not None
        ):
            return mark
        names = ", ".join((*view.lingering, *view.sidecars_running))
        why = f"the wrapper has reported, and container {names} runs on"
        delete = context.first(DeletePod(pod, why, is_told=context.ending is not None))
        if delete is not None:
            return delete
    return None


def lingering_wait(context: RunContext) -> timedelta | None:
    """Return how long until a pod that another container keeps is deleted; None where there is none."""
    waits = [
        -_lingering_for(context, view)
        for pod in context.living_pods()
        if not is_deleting(pod)
        and ((view := context.read_pod(pod)).lingering or view.sidecars_running)
        and view.wrapper_ended_at
    ]
    return max(min(waits), timedelta(seconds=1)) if waits else None


def _lingering_for(context: RunContext, view: PodView) -> timedelta:
    """Return for how long the pod has outlived its wrapper and the grace after it; negative before that is over."""
    if view.wrapper_ended_at is None or not (view.lingering or view.sidecars_running):
        return -SIDECAR_GRACE
    grace = SIDECAR_GRACE if view.lingering else NATIVE_SIDECAR_GRACE
    return context.observation.now - view.wrapper_ended_at - grace


def _needs_an_end(context: RunContext, job: Object, view: PodView) -> bool:
    """Return whether the Job would retry a pod whose wrapper has succeeded, or the pod never ends."""
    if not can_make_pods(job) or has_decided(job):
        return False
    return (view.ended and not view.phase_succeeded) or (
        not view.ended and _lingering_for(context, view) > timedelta(0)
    )


def _views(context: RunContext, job: Object) -> list[PodView]:
    return [context.read_pod(pod) for pod in context.pods_of(job)]


def _is_plain(job: Object) -> bool:
    """Return whether the Job has one pod at a time."""
    annotations = job["metadata"].get("annotations") or {}
    return replicas_of(job) is None and constants.ANNOTATION_POINTS not in annotations
