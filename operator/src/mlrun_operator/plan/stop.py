"""`spec.stop`: what runs is ended with its partial results, and nothing starts while it is set (BEHAVIOUR A7)."""

from dataclasses import replace

from mlrun_operator.api import constants
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.status import Execution, Phase
from mlrun_operator.assess.conditions import Verdict
from mlrun_operator.assess.jobs import end_of
from mlrun_operator.assess.pods import A_LOOK, PodView, may_report, view
from mlrun_operator.assess.status import after_job
from mlrun_operator.plan.context import Case, Object, Plan
from mlrun_operator.plan.start import due, waiting
from mlrun_operator.plan.sweep import STOPPED, end_points


def stop(case: Case) -> Plan | None:
    """End the current execution, or record the one that is due as stopped before it started."""
    if not case.stopping:
        return None
    latest = case.latest
    if latest is None or case.finished or not _has_job(case, latest):
        execution = due(case)
        said = Verdict(Phase.STOPPED, Reason.STOPPED, "stopped before it started")
        return waiting(case, execution, said) if execution else None
    job = case.job_of(latest.number)
    if job is not None and (end_of(job) or case.before.job_name != job["metadata"]["name"]):
        return None  # it ended by itself first, or is recorded first, so that its pods can be waited for
    if job is not None and not job["metadata"].get("deletionTimestamp"):
        return end_points(case, latest, job, STOPPED) or Plan(delete=job)
    if job is None and not case.seen.confirmed and case.before.reason != Reason.STOPPING:
        return Plan(confirm=True)
    return _wait_for_pods(case, latest)


def _has_job(case: Case, execution: Execution) -> bool:
    return case.job_of(execution.number) is not None or case.before.job_name is not None


def _wait_for_pods(case: Case, latest: Execution) -> Plan:
    """The Job is going: its pods may still report what they have."""
    pods = [pod for pod in case.seen.pods if _of_job(pod, case.before.job_name)]
    pods.sort(key=lambda pod: pod["metadata"].get("creationTimestamp", ""))
    views = [view(pod) for pod in pods]
    if may_report(pods, case.seen.now):
        said = Verdict(Phase.RUNNING, Reason.STOPPING, EXPLANATIONS[Reason.STOPPING].happened)
        return Plan(status=after_job(case.frame, latest, said, views), requeue=A_LOOK)
    said = replace(STOPPED, message=f"{STOPPED.message}; {_left(views)}") if views else STOPPED
    return Plan(status=after_job(case.frame, latest, said, views))


def _of_job(pod: Object, name: str | None) -> bool:
    return (pod["metadata"].get("labels") or {}).get(constants.LABEL_JOB) == name


def _left(views: list[PodView]) -> str:
    result = views[-1].result
    if result is None:
        return "its pod left no report"
    return f"outputs: {len(result.outputs)}, results: {len(result.results)}"
