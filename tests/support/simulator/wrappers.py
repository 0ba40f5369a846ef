"""The wrappers in the pods: what they report, and what the points of a sweep leave in the store for their collector."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from support.simulator.api_server import ApiServer, Change
from support.simulator.kubelet import Kubelet
from support.simulator.objects import Object, is_deleting, is_terminal, uid_of

from mlrun_operator.api.contract.result import Result, encode
from mlrun_operator.api.reasons import EXPLANATIONS, HANDLER_FAILED_FOR_GOOD, Reason
from mlrun_operator.api.v1alpha1.status import SweepBest, SweepStatus

_ENVELOPE: Final = "mlrun-operator.dev/envelope"
_INDEX: Final = "batch.kubernetes.io/job-completion-index"
_FAILURES: Final = "batch.kubernetes.io/job-index-failure-count"
_JOB_NAME: Final = "batch.kubernetes.io/job-name"
# The pod collector looks at all pods so often.
COLLECTED_AFTER: Final = 20
# A sweep's folder in the store is known by its run, execution and Job of points.
SweepKey = tuple[str, int, str]


@dataclass(slots=True)
class Board:
    """What the points of one sweep have left: by iteration their state, those that failed for good, the stop marker."""

    states: dict[int, str] = field(default_factory=dict)
    results: dict[int, Object] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    is_stopped: bool = False


class Wrappers:
    """All wrappers, and the part of the store that they share."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.boards: dict[SweepKey, Board] = defaultdict(Board)
        # By pod uid what a collector has made of the points.
        self.collected: dict[str, SweepStatus] = {}
        server.observers.append(self._see)

    def end_of(self, pod: Object, reason: str, code: int) -> tuple[str, int]:
        """Return how the pod's wrapper ends where the history wants it to end so."""
        envelope = envelope_of(pod)
        sweep = envelope.get("sweep") or {}
        if sweep.get("part") == "point" and reason in ("Succeeded", "HandlerFailed", "OutputMissing"):
            board, iteration = self._board(pod, envelope), _iteration(pod)
            if board.states.get(iteration) == "skipped":
                return Reason.SKIPPED, 0
            if board.states.get(iteration) == "completed":
                return Reason.SUCCEEDED, 0  # an earlier pod of the point had succeeded
        if sweep.get("part") == "collect" and reason in ("Succeeded", "HandlerFailed", "OutputMissing"):
            status = self._status_of(pod, envelope)
            is_good = status.succeeded and status.failed <= _max_errors(sweep)
            return (Reason.SUCCEEDED, 0) if is_good else (Reason.HANDLER_FAILED, HANDLER_FAILED_FOR_GOOD)
        return reason, code

    def report(self, pod: Object, reason: str, code: int) -> str:
        """Return the wrapper's termination message."""
        envelope = envelope_of(pod)
        if not envelope:
            return ""
        sweep_part = (envelope.get("sweep") or {}).get("part")
        result = Result(reason=Reason(reason), message=reason if code else "", results=self._results(pod, envelope))
        if sweep_part == "point":
            self._tell(pod, envelope, result.reason)
        elif sweep_part == "collect" and result.reason in (Reason.SUCCEEDED, Reason.HANDLER_FAILED):
            self.collected[uid_of(pod)] = status = self._status_of(pod, envelope)
            result = result.model_copy(update={"sweep": status})
        return encode(result, int(envelope.get("resultBudget", 4096)))

    def _results(self, pod: Object, envelope: Object) -> Object:
        return {"x": envelope.get("parameters", {}).get("x"), "pod": pod["metadata"]["name"]}

    # Points.

    def _see(self, change: Change) -> None:
        """Let the wrapper of a point take its place when its pod starts."""
        pod = change.new
        if change.plural != "pods" or pod is None or (pod.get("status") or {}).get("phase") != "Running":
            return
        if change.old is not None and (change.old.get("status") or {}).get("phase") == "Running":
            return
        envelope = envelope_of(pod)
        if (envelope.get("sweep") or {}).get("part") != "point":
            return
        board, iteration = self._board(pod, envelope), _iteration(pod)
        if board.states.get(iteration) != "completed":
            board.states[iteration] = "skipped" if board.is_stopped else "running"

    def _tell(self, pod: Object, envelope: Object, reason: Reason) -> None:
        board, iteration, sweep = self._board(pod, envelope), _iteration(pod), envelope["sweep"]
        if board.states.get(iteration) in ("completed", "skipped"):
            return
        states = {Reason.SUCCEEDED: "completed", Reason.TERMINATED: "stopped"}
        board.states[iteration] = states.get(reason, "error")
        if reason is Reason.SUCCEEDED:
            board.results[iteration] = self._results(pod, envelope)
            return
        failures = int((pod["metadata"].get("annotations") or {}).get(_FAILURES, 0))
        is_for_good = not EXPLANATIONS[reason].retried or failures >= int(sweep.get("retries", 0))
        if board.states[iteration] == "error" and is_for_good:
            board.failed.add(iteration)
            board.is_stopped = len(board.failed) > _max_errors(sweep)

    def _status_of(self, collector: Object, envelope: Object) -> SweepStatus:
        """Return what a collector makes of the points, as the wrapper's `sweep.collect` does."""
        sweep, run = envelope["sweep"], envelope["run"]
        board = self.boards[run["uid"], run["execution"], sweep["job"]]
        count, lost = _count(sweep), sweep.get("lost") or {}
        states = {n: board.states.get(n, "error" if str(n) in lost else "skipped") for n in range(1, count + 1)}
        states = {n: "error" if state == "running" else state for n, state in states.items()}
        completed = [n for n, state in states.items() if state == "completed"]
        return SweepStatus(
            points=count,
            succeeded=len(completed),
            failed=sum(state == "error" for state in states.values()),
            skipped=sum(state in ("skipped", "stopped") for state in states.values()),
            best=SweepBest(iteration=completed[-1], parameters={"p": completed[-1]}) if completed else None,
        )

    def _board(self, pod: Object, envelope: Object) -> Board:
        run = envelope["run"]
        return self.boards[run["uid"], run["execution"], pod["metadata"]["labels"][_JOB_NAME]]


def _collect(server: ApiServer, uid: str) -> None:
    """Be the pod collector: a deleted pod that never had a node has failed, and goes."""
    pod = server.by_uid("pods", uid)
    if pod is None:
        return
    if not is_terminal(pod):
        server.update_status("pods", pod, {**pod["status"], "phase": "Failed"})
    server.delete("pods", pod["metadata"]["namespace"], pod["metadata"]["name"], grace=0)


class NodesWithWrappers(Kubelet):
    """Kubelets whose pods' wrappers end as the store lets them, where the history wants another end."""

    def __init__(self, server: ApiServer, wrappers: Wrappers) -> None:
        super().__init__(server, wrappers.report)
        self._wrappers = wrappers

    def end(self, pod: Object, reported: str, exit_code: int, **terminated: Any) -> bool:
        """Let the wrapper's container end with a report; return whether it was running."""
        reported, exit_code = self._wrappers.end_of(pod, reported, exit_code)
        return super().end(pod, reported, exit_code, **terminated)

    def _see(self, change: Change) -> None:
        super()._see(change)
        pod = change.new
        if change.plural != "pods" or pod is None or change.old is None or pod["spec"].get("nodeName"):
            return
        if is_deleting(pod) and not is_deleting(change.old):
            self._clock.after(COLLECTED_AFTER, partial(_collect, self._server, uid_of(pod)))

    def recover(self, pods: dict[str, Object]) -> None:
        """Take up the pods of a cluster whose data went back; `pods` are those of before, by uid.

        A pod that is still known ends as it has ended; one that nobody knows any more runs as its status says.
        """
        for pod in self._server.all("pods"):
            before = pods.get(uid_of(pod))
            if is_terminal(pod):
                continue
            if before is not None and is_terminal(before):
                self._write(pod, **before["status"])
            elif is_deleting(pod):
                self._terminate(pod)
            elif not pod["spec"].get("nodeName"):
                self._clock.after(0, partial(self._schedule, uid_of(pod)))


def envelope_of(obj: Object) -> Object:
    """Return the envelope of a pod, or of a Job's template."""
    text = (obj["metadata"].get("annotations") or {}).get(_ENVELOPE, "{}")
    envelope: Object = json.loads(text) if text.startswith("{") else {}
    return envelope


def sweep_part(obj: Object) -> str | None:
    """Return which part of a sweep a pod, or a Job's template, has."""
    part: str | None = (envelope_of(obj).get("sweep") or {}).get("part")
    return part


def _iteration(pod: Object) -> int:
    return int(pod["metadata"]["labels"][_INDEX]) + 1


def _max_errors(sweep: Object) -> Any:
    return sweep.get("maxErrors", 3)


def _count(sweep: Object) -> int:
    return len(next(iter(sweep["params"].values())))
