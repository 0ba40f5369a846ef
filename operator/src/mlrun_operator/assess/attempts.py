"""The pods that an execution has had: counted once each, the newest remembered, and how many were disrupted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlrun_operator.api.v1alpha1.status import MAX_ATTEMPTS, Attempt, RunStatus
from mlrun_operator.assess.pods import PodView


@dataclass(frozen=True, slots=True)
class Attempts:
    """What the pods add to a status."""

    attempt_count: int | None
    disruptions: int | None
    attempts: list[Attempt] | None


def attempts_of(recorded: RunStatus, pods: Sequence[PodView]) -> Attempts:
    """Return the execution's pods that started; those that are gone are remembered from its recorded status."""
    remembered = list(recorded.attempts or ())
    # With fewer than are kept none was forgotten: pods side by side are not seen to start in the order of their names.
    oldest = _order(remembered[0]) if len(remembered) >= MAX_ATTEMPTS else ("", "")
    started = {pod.attempt.uid: _attempt(pod) for pod in pods if pod.started}
    uids = {attempt.uid for attempt in remembered}
    # A pod older than the oldest one remembered was counted before it was forgotten.
    new = [attempt for uid, attempt in started.items() if uid not in uids and _order(attempt) > oldest]
    attempts = sorted([*(_merged(attempt, started.get(attempt.uid)) for attempt in remembered), *new], key=_order)
    disruptions = (recorded.disruptions or 0) + len(_disrupted(attempts) - _disrupted(remembered))
    # Of many pods side by side more than are remembered may be disrupted at once.
    disruptions = max(disruptions, len(_disrupted(_attempt(pod) for pod in pods)))
    return Attempts(
        attempt_count=((recorded.attempt_count or 0) + len(new)) or None,
        disruptions=disruptions or None,
        attempts=attempts[-MAX_ATTEMPTS:] or None,
    )


def _attempt(pod: PodView) -> Attempt:
    return pod.attempt.model_copy(update={"disrupted": True}) if pod.disrupted else pod.attempt


def _merged(remembered: Attempt, current: Attempt | None) -> Attempt:
    """Return the attempt as it is now; an end that was recorded stays, also where the pod's status is a late one."""
    if current is None or (remembered.completion_time and not current.completion_time):
        return remembered
    return current


def _order(attempt: Attempt) -> tuple[str, str]:
    return attempt.start_time or "", attempt.pod


def _disrupted(attempts: Iterable[Attempt]) -> set[str | None]:
    return {attempt.uid for attempt in attempts if attempt.disrupted or attempt.reason == "Evicted"}
