"""Containers that are not the wrapper's and keep a pod from ending (BEHAVIOUR B)."""

from datetime import timedelta
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, has_condition, is_deleting
from mlrun_operator.api.v1alpha1.status import Execution
from mlrun_operator.assess.execution import outcome_of
from mlrun_operator.assess.jobs import has_decided, points_of, replicas_of
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
    overdue = ((pod, view) for pod, view, left in _lingering_pods(context) if left < timedelta(0))
    decisions = (_end_lingering(context, pod, view) for pod, view in overdue)
    return next((decision for decision in decisions if decision is not None), None)


def _end_lingering(context: RunContext, pod: Object, view: PodView) -> Decision | None:
    if _is_to_be_marked(context, pod, view) and (mark := context.first(MarkReported(pod))) is not None:
        return mark
    names = ", ".join((*view.lingering, *view.sidecars_running))
    why = f"the wrapper has reported, and container {names} runs on"
    return context.first(DeletePod(pod, why, is_told=context.ending is not None))


def _is_to_be_marked(context: RunContext, pod: Object, view: PodView) -> bool:
    """Return whether the pod is an index of a Job that would retry it though it has succeeded."""
    is_index = context.job is not None and not _is_plain(context.job)
    return is_index and view.succeeded and not has_condition(pod, constants.CONDITION_REPORTED)


def lingering_wait(context: RunContext) -> timedelta | None:
    """Return how long until a pod that another container keeps is deleted; None where there is none."""
    waits = [left for _, _, left in _lingering_pods(context)]
    return max(min(waits), timedelta(seconds=1)) if waits else None


def _lingering_pods(context: RunContext) -> list[tuple[Object, PodView, timedelta]]:
    """Return the pods that another container keeps, and how long each is still given."""
    views = ((pod, context.read_pod(pod)) for pod in context.living_pods() if not is_deleting(pod))
    pods = ((pod, view, _grace_left(context, view)) for pod, view in views)
    return [(pod, view, left) for pod, view, left in pods if left is not None]


def _grace_left(context: RunContext, view: PodView) -> timedelta | None:
    """Return how much is left of the grace after the wrapper's end; None where no other container keeps the pod."""
    if view.wrapper_ended_at is None or not (view.lingering or view.sidecars_running):
        return None
    grace = SIDECAR_GRACE if view.lingering else NATIVE_SIDECAR_GRACE
    return view.wrapper_ended_at + grace - context.observation.now


def _needs_an_end(context: RunContext, job: Object, view: PodView) -> bool:
    """Return whether the Job would retry a pod whose wrapper has succeeded, or the pod never ends."""
    if not can_make_pods(job) or has_decided(job):
        return False
    if view.ended:
        return not view.phase_succeeded
    left = _grace_left(context, view)
    return left is not None and left < timedelta(0)


def _views(context: RunContext, job: Object) -> list[PodView]:
    return [context.read_pod(pod) for pod in context.pods_of(job)]


def _is_plain(job: Object) -> bool:
    """Return whether the Job has one pod at a time."""
    return replicas_of(job) is None and points_of(job) is None
