"""The outcome of a pod that ended: one table over all its containers, of which the first row that fits decides.

The wrapper's own container decides where it reported. What the kubelet says of the pod and of other containers is told
where the wrapper could not report, or where the pod failed although the wrapper succeeded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.objects import Object, condition_of, has_condition, is_deleting, status_of
from mlrun_operator.api.reasons import EXPLANATIONS, HEALTHY, Reason, contradicts
from mlrun_operator.api.words import clauses
from mlrun_operator.assess.containers import (
    OOM_KILLED,
    Container,
    Role,
    deciding_of,
    how_it_ended,
    last_words,
)

Outcome = tuple[Reason, str]

DISRUPTION: Final = "DisruptionTarget"
# The reasons with which a wrapper that ended with exit code 0 may have succeeded.
_SUCCESSES: Final = (Reason.SUCCEEDED, Reason.SKIPPED)
# What the kubelet says of a pod that it did not run to its end, by the beginning of its reason.
_NODE_REFUSALS: Final = (
    ("OutOf", "the node had no room for the pod"),
    ("UnexpectedAdmissionError", "the node could not give the pod its devices"),
    ("NodeAffinity", "the node does not match the pod's node selector or affinity any more"),
    ("Preempting", "the node made room for a critical pod"),
    ("NodeLost", "the node does not answer"),
    ("NodeShutdown", "the node was shut down"),
    ("Terminated", "the node was shut down"),
    ("Shutdown", "the node was shut down"),
    ("", "the node refused the pod"),
)
# What the kubelet says of a container that it could not start, or lost.
_NODE_FAILURES: Final = {
    "StartError": "could not be started",
    "ContainerCannotRun": "could not be started",
    "ContainerStatusUnknown": "was lost by its node",
}
# The exit code after SIGKILL.
_KILLED: Final = 137


@dataclass(frozen=True, slots=True)
class PodEnd:
    """What the outcome of a pod that ended is read from.

    `container` is ours: the wrapper's, or our init container where the wrapper's never started.
    """

    pod: Object
    containers: tuple[Container, ...]
    container: Container
    report: Result | None

    @property
    def exit_code(self) -> int | None:
        """The exit code of our container; None where it has not ended."""
        return (self.container.terminated or {}).get("exitCode")

    @property
    def ended_as(self) -> str:
        """The kubelet's reason for the end of our container."""
        return (self.container.terminated or {}).get("reason") or ""

    @property
    def pod_reason(self) -> str:
        """The kubelet's reason for the pod as a whole."""
        return status_of(self.pod).get("reason") or ""

    @property
    def pod_message(self) -> str:
        """The kubelet's message for the pod as a whole."""
        return (status_of(self.pod).get("message") or "").strip()

    def failed(self, role: Role) -> Container | None:
        """Return the first container of this role that failed."""
        return next((c for c in self.containers if c.role is role and c.has_failed), None)


def outcome_of(pod: Object, containers: tuple[Container, ...], report: Result | None) -> Outcome:
    """Return reason and message of a pod that ended. A pod that failed never has a reason of success."""
    end = PodEnd(pod, containers, deciding_of(containers), report)
    return next(tell(end) for applies, tell in _OUTCOMES if applies(end))


def is_disrupted(pod: Object) -> bool:
    """Return whether the pod failed by a disruption, which its Job ignores: DisruptionTarget and nothing else."""
    return status_of(pod).get("phase") == "Failed" and has_condition(pod, DISRUPTION)


def has_succeeded(pod: Object, containers: tuple[Container, ...]) -> bool:
    """Return whether our container ended with exit code 0; where it has no end, whether the pod succeeded."""
    terminated = deciding_of(containers).terminated
    if terminated is None:
        return status_of(pod).get("phase") == "Succeeded"
    return terminated.get("exitCode") == 0


def _pod_succeeded(end: PodEnd) -> bool:
    return status_of(end.pod).get("phase") == "Succeeded" and has_succeeded(end.pod, end.containers)


def _failure_is_reported(end: PodEnd) -> bool:
    """Return whether the report decides; one that only says that the pod was told to end gives way to the cause."""
    if end.report is None or end.exit_code == 0 or end.report.reason in HEALTHY:
        return False
    if contradicts(end.report.reason, end.exit_code):
        return False
    return end.report.reason is not Reason.TERMINATED or not (is_disrupted(end.pod) or end.pod_reason)


def _init_failed(end: PodEnd) -> bool:
    return end.container.terminated is None and end.failed(Role.INIT) is not None


def _sidecar_failed(end: PodEnd) -> bool:
    return end.exit_code == 0 and end.failed(Role.SIDECAR) is not None


def _deleted_before_start(end: PodEnd) -> bool:
    return is_deleting(end.pod) and end.container.never_started


def _was_killed_on_its_way_out(end: PodEnd) -> bool:
    """Return whether the kubelet killed a pod that was deleted, at the end of its grace period or before it started."""
    return is_deleting(end.pod) and end.report is None and end.exit_code == _KILLED


def _success(end: PodEnd) -> Outcome:
    if end.report is not None and end.report.reason in _SUCCESSES:
        return end.report.reason, end.report.message
    return Reason.SUCCEEDED, ""


def _as_reported(end: PodEnd) -> Outcome:
    return (end.report.reason, end.report.message) if end.report else _no_report(end)


def _out_of_memory(end: PodEnd) -> Outcome:
    del end
    return Reason.OOM_KILLED, EXPLANATIONS[Reason.OOM_KILLED].happened


def _eviction(end: PodEnd) -> Outcome:
    message = end.pod_message or condition_of(end.pod, DISRUPTION).get("message")
    return Reason.EVICTED, message or EXPLANATIONS[Reason.EVICTED].happened


def _own_limit(end: PodEnd) -> Outcome:
    message = end.pod_message.rstrip(".") or "the kubelet does not say which"
    todo = "raise limits.ephemeral-storage or the volume's sizeLimit, or write less"
    return Reason.POD_FAILING, clauses(f"the pod was evicted for exceeding its own limit: {message}", todo)


def _own_deadline(end: PodEnd) -> Outcome:
    message = end.pod_message or end.pod_reason
    return Reason.DEADLINE_EXCEEDED, f"the pod ran longer than activeDeadlineSeconds of its podTemplate: {message}"


def _node_ended_it(end: PodEnd) -> Outcome:
    cause = next(cause for prefix, cause in _NODE_REFUSALS if end.pod_reason.startswith(prefix))
    return Reason.POD_FAILING, _with(f"{cause} ({end.pod_reason})", end.pod_message)


def _init_container(end: PodEnd) -> Outcome:
    return _other_container(end.failed(Role.INIT))


def _sidecar(end: PodEnd) -> Outcome:
    return _other_container(end.failed(Role.SIDECAR), " after the handler had succeeded")


def _other_container(container: Container | None, suffix: str = "") -> Outcome:
    if container is None:  # no row that leads here lets it be
        return Reason.POD_FAILING, EXPLANATIONS[Reason.POD_FAILING].happened
    out_of_memory = (container.terminated or {}).get("reason") == OOM_KILLED
    reason = Reason.OOM_KILLED if out_of_memory else Reason.POD_FAILING
    return reason, how_it_ended(container, container.terminated, suffix)


def _early_deletion(end: PodEnd) -> Outcome:
    return Reason.POD_FAILING, f"the pod was deleted before {end.container.described} had started"


def _node_failure(end: PodEnd) -> Outcome:
    sentence = f"{end.container.described} {_NODE_FAILURES[end.ended_as]} ({end.ended_as})"
    return Reason.POD_FAILING, _with(sentence, str((end.container.terminated or {}).get("message") or ""))


def _terminated(end: PodEnd) -> Outcome:
    del end
    return Reason.TERMINATED, "the pod was told to end, and left no report"


def _failed_after_success(end: PodEnd) -> Outcome:
    return Reason.POD_FAILING, _with("the pod failed after the handler had succeeded", end.pod_message)


def _without_our_container(end: PodEnd) -> Outcome:
    waiting, sidecar = end.container.state.get("waiting") or {}, end.failed(Role.SIDECAR)
    cause = ": ".join(filter(None, (waiting.get("reason"), waiting.get("message")))) or end.pod_message
    if not cause and sidecar is not None:
        return _other_container(sidecar)
    return Reason.POD_FAILING, _with(f"the pod failed before {end.container.described} had ended", cause)


def _no_report(end: PodEnd) -> Outcome:
    code = "no exit code" if end.exit_code is None else f"exit code {end.exit_code}"
    if end.report is not None:
        return Reason.WRAPPER_ERROR, f"the wrapper reported {end.report.reason} and then ended with {code}"
    sentence, tail = f"the wrapper ended without a report ({code})", last_words(end.container.terminated)
    return Reason.WRAPPER_ERROR, clauses(sentence, f"the last line of its log: {tail}") if tail else sentence


def _with(sentence: str, message: str) -> str:
    return f"{sentence}: {message.strip()}" if message.strip() else sentence


_OUTCOMES: Final[tuple[tuple[Callable[[PodEnd], bool], Callable[[PodEnd], Outcome]], ...]] = (
    # What the wrapper says.
    (_pod_succeeded, _success),
    (_failure_is_reported, _as_reported),
    (lambda end: end.container.has_failed and end.ended_as == OOM_KILLED, _out_of_memory),
    # What the cluster and the node say of the pod as a whole.
    (lambda end: is_disrupted(end.pod), _eviction),
    (lambda end: end.pod_reason == "Evicted", _own_limit),
    (lambda end: end.pod_reason == "DeadlineExceeded", _own_deadline),
    (lambda end: end.pod_reason != "", _node_ended_it),
    # What the containers say that are not ours.
    (_init_failed, _init_container),
    (_sidecar_failed, _sidecar),
    # What is known of our own container.
    (_deleted_before_start, _early_deletion),
    (_was_killed_on_its_way_out, _terminated),
    (lambda end: end.container.has_failed and end.ended_as in _NODE_FAILURES, _node_failure),
    (lambda end: end.exit_code == EXPLANATIONS[Reason.TERMINATED].exit_code, _terminated),
    (lambda end: end.exit_code == 0, _failed_after_success),
    (lambda end: end.container.terminated is None, _without_our_container),
    (lambda end: True, _no_report),
)
