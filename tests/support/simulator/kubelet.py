"""Kubelets, scheduler, taint manager and pod collector: what becomes of pods, and what they report.

A pod starts and ends when the history says so; what Kubernetes does by itself (init containers, native sidecars, grace
periods, tolerations) goes by the clock. That the real ones do the same is tests/e2e/test_kubelet_rules.py and
tests/integration/test_node_rules.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from support.simulator.api_server import ApiServer, Change
from support.simulator.objects import (
    Object,
    condition,
    has_condition,
    is_deleting,
    is_terminal,
    key_of,
    stamp,
    uid_of,
)
from support.simulator.pod_status import (
    CREATING,
    INITIALIZING,
    containers_of,
    cut,
    grace_of,
    is_native,
    names_of,
    native_sidecars_of,
    phase_of,
    pre_stop_seconds,
    start_error,
    state_of,
    status_of_container,
    toleration_of,
    with_ends,
    with_state,
)

MAIN: Final = "mlrun"
# From a node's silence to the taint.
NODE_GRACE: Final = 50
# From the removal of a node to that of its pods.
ORPHANED_AFTER: Final = 50
# From the deletion of a pod that never had a node, and that a finalizer holds, to its failure.
COLLECTED_AFTER: Final = 20
# Between SIGTERM and SIGKILL, also where a pod was deleted by force, went over its own limit, or has a slow hook.
LEAST_GRACE: Final = 2
_MISSING_COMMAND: Final = "/nowhere"
ReportOf = Callable[[Object, str, int], str]


@dataclass(frozen=True, slots=True)
class Sigterm:
    """How containers answer SIGTERM: after how many seconds, with which code."""

    seconds: float = 3
    exit_code: int = 143


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a pod cannot start: what its status and the node's events say."""

    waiting: str = ""
    message: str = ""
    unschedulable: bool = False


@dataclass(slots=True)
class _Stop:
    """A pod that is stopped. Its status tells the ends of its containers together, when the last one has ended."""

    grace: float
    status: Object
    ends: dict[str, Object] = field(default_factory=dict)
    signalled: set[str] = field(default_factory=set)


class Kubelet:
    """All nodes; each pod has one of its own. `report_of` makes the termination message of a pod's wrapper."""

    def __init__(self, server: ApiServer, report_of: ReportOf) -> None:
        self._server = server
        self._clock = server.clock
        self._report_of = report_of
        self._stops: dict[str, _Stop] = {}
        self.sigterm = Sigterm()
        self.silent_nodes: set[str] = set()
        # Secrets that do not exist.
        self.missing_secrets: set[str] = {"missing"}
        # Pods start and succeed by themselves, in the place of the history.
        self.automatic = False
        # Uids of pods whose containers have run.
        self.started: set[str] = set()
        # Uids of pods whose containers run, whether or not their objects are there.
        self.processes: set[str] = set()
        server.observers.append(self._see)

    # What containers do: a subclass may have them do something else.

    def play(self, pod: Object, container: Object) -> None:
        """Let a container that has started do its part: init containers succeed at once, others run on."""
        if container["name"] in names_of(pod["spec"].get("initContainers")) and not is_native(container):
            self.end_container(uid_of(pod), container["name"], 0)

    def answer_to_sigterm(self, container: Object) -> Sigterm:
        """Return what a container does at SIGTERM: the wrapper takes its time to report, others end at once."""
        if container["name"] == MAIN:
            return self.sigterm
        return Sigterm(min(self.sigterm.seconds, 1), 0 if self.sigterm.exit_code == 0 else 143)

    def last_message(self, pod: Object, container: Object, exit_code: int) -> str:
        """Return what a container leaves that ended by SIGTERM."""
        reason = {0: "Succeeded", 143: "Terminated"}.get(exit_code, "")
        return self._report_of(pod, reason, exit_code) if container["name"] == MAIN and reason else ""

    def _see(self, change: Change) -> None:
        if change.plural != "pods":
            return
        pod, uid = change.last, uid_of(change.last)
        if change.new is None:
            self._forget(uid)
        elif change.old is None:
            self._clock.after(0, lambda: self._schedule(uid))
        elif is_deleting(pod) and not is_deleting(change.old) and not is_terminal(pod):
            self._terminate(pod)

    def _forget(self, uid: str) -> None:
        """The object is gone; where it was deleted by force, the node stops what runs still."""
        self._stops.pop(uid, None)
        self._clock.after(LEAST_GRACE, lambda: self.processes.discard(uid))

    # From nothing to running.

    def _schedule(self, uid: str) -> None:
        pod = self._pod(uid)
        if pod is None or is_deleting(pod) or pod["spec"].get("nodeName"):
            return
        obstacle = self.obstacle(pod)
        if obstacle and obstacle.unschedulable:
            scheduled = condition("PodScheduled", "False", self._clock.now, "Unschedulable", obstacle.message)
            self._write(pod, conditions=[scheduled])
            return
        bound = self._server.patch("pods", *key_of(pod), {"spec": {"nodeName": f"node-{pod['metadata']['name']}"}})
        self._write(bound, startTime=stamp(self._clock.now), **self._first_status(bound))
        self._mind_deadline(bound)
        if obstacle:
            self._proceed(uid)
        elif self.automatic:
            self._clock.after(2, lambda: self._by_itself(uid))

    def _first_status(self, pod: Object) -> Object:
        spec = pod["spec"]
        inits = spec.get("initContainers") or ()
        waiting = INITIALIZING if inits else CREATING
        status: Object = {"conditions": [condition("PodScheduled", "True", self._clock.now)]}
        status["containerStatuses"] = [status_of_container(c, waiting=waiting) for c in spec["containers"]]
        if inits:
            status["initContainerStatuses"] = [status_of_container(c, waiting=waiting) for c in inits]
        return status

    def _mind_deadline(self, pod: Object) -> None:
        """Stop the pod at the deadline of its own spec."""
        seconds = pod["spec"].get("activeDeadlineSeconds")
        if seconds is not None:
            self._clock.after(seconds, lambda: self._exceed_deadline(uid_of(pod)))

    def _exceed_deadline(self, uid: str) -> None:
        pod = self._pod(uid)
        if pod is None or is_terminal(pod) or self.is_lost(pod):
            return
        words = "Pod was active on the node longer than the specified deadline"
        self._stop(pod, grace_of(pod), phase="Failed", reason="DeadlineExceeded", message=words)

    def obstacle(self, pod: Object) -> Obstacle | None:
        """Return why the pod cannot start."""
        spec = pod["spec"]
        main = next(c for c in spec["containers"] if c["name"] == MAIN)
        if (spec.get("nodeSelector") or {}).get("disk") == "nowhere":
            words = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
            return Obstacle(message=words, unschedulable=True)
        if "typo" in main.get("image", ""):
            return Obstacle("ImagePullBackOff", f'Back-off pulling image "{main["image"]}"')
        for variable in main.get("env") or ():
            reference = (variable.get("valueFrom") or {}).get("secretKeyRef") or {}
            if reference.get("name") in self.missing_secrets:
                return Obstacle("CreateContainerConfigError", f'secret "{reference["name"]}" not found')
        return None

    def run(self, pod: Object) -> bool:
        """Start the containers; return whether they could."""
        if is_terminal(pod) or is_deleting(pod) or not pod["spec"].get("nodeName") or self.obstacle(pod):
            return False
        if pod["status"].get("phase") == "Running" or self.is_lost(pod) or uid_of(pod) in self._stops:
            return False
        self.started.add(uid_of(pod))
        self._proceed(uid_of(pod))
        return True

    def _proceed(self, uid: str) -> None:
        """Start the containers whose turn it is, or let the native sidecars end when no other is left."""
        pod = self._pod(uid)
        if pod is None or is_terminal(pod) or uid in self._stops or not self._start_inits(pod):
            return
        pod, obstacle = self._fresh(pod), self.obstacle(pod)
        waiting = [c for c in pod["spec"]["containers"] if "waiting" in state_of(pod, c["name"])]
        if obstacle:
            waiting = [container for container in waiting if container["name"] != MAIN]
            told = {"reason": obstacle.waiting, "message": obstacle.message}
            pod = self._set_state(pod, MAIN, {"waiting": told})
        if waiting:
            self._start(pod, waiting)
        elif all("terminated" in known["state"] for known in pod["status"]["containerStatuses"]):
            for container in native_sidecars_of(pod):
                if self._runs(pod, container["name"]):
                    self._signal(uid, container, grace_of(pod))

    def _start_inits(self, pod: Object) -> bool:
        """Start the next init container; return whether all have succeeded, or run where they are native sidecars."""
        for container in pod["spec"].get("initContainers") or ():
            state = state_of(self._fresh(pod), container["name"])
            if "waiting" in state:
                self._start(self._fresh(pod), [container])
                state = state_of(self._fresh(pod), container["name"])
            if not is_native(container) and (state.get("terminated") or {}).get("exitCode") != 0:
                return False
        return True

    def _start(self, pod: Object, containers: list[Object]) -> None:
        now = stamp(self._clock.now)
        for container in containers:
            state: Object = {"running": {"startedAt": now}}
            if container.get("command") == [_MISSING_COMMAND]:
                state = {"terminated": start_error(now)}
            pod = self._set_state(pod, container["name"], state)
        for container in containers:
            if "running" in state_of(pod, container["name"]):
                self.processes.add(uid_of(pod))
                self.play(pod, container)

    def _by_itself(self, uid: str) -> None:
        pod = self._pod(uid)
        if pod is None or is_terminal(pod) or is_deleting(pod):
            return
        if pod["status"].get("phase") == "Running":
            self.end(pod, "Succeeded", 0)
        elif self.run(pod):
            self._clock.after(5, lambda: self._by_itself(uid))

    def carry_on(self) -> None:
        """From now on pods start and succeed by themselves."""
        self.automatic = True
        for pod in self._server.all("pods"):
            uid = uid_of(pod)
            if is_terminal(pod):
                continue
            if pod["spec"].get("nodeName"):
                self._clock.after(2, partial(self._by_itself, uid))
            else:
                self._schedule(uid)

    # Ends.

    def end(self, pod: Object, reported: str, exit_code: int, **terminated: Any) -> bool:
        """Let the wrapper's container end with a report; return whether it was running."""
        if is_terminal(pod) or self.is_lost(pod) or not self._runs(pod, MAIN):
            return False
        message = self._report_of(pod, reported, exit_code) if reported else ""
        self.end_container(uid_of(pod), MAIN, exit_code, message, **terminated)
        return True

    def end_sidecar(self, pod: Object, exit_code: int) -> bool:
        """Let every container beside the wrapper's end; return whether there was one that ran."""
        names = [c["name"] for c in pod["spec"]["containers"] if c["name"] != MAIN and self._runs(pod, c["name"])]
        if is_terminal(pod) or self.is_lost(pod):
            return False
        for name in names:
            self.end_container(uid_of(pod), name, exit_code)
        return bool(names)

    def end_container(self, uid: str, name: str, exit_code: int, message: str = "", **terminated: Any) -> None:
        """Let a container end that runs."""
        pod = self._pod(uid)
        if pod is None or is_terminal(pod) or self.is_lost(pod) or not self._runs(pod, name):
            return
        state = self._end_state(pod, name, exit_code, message) | terminated
        stop = self._stops.get(uid)
        if stop is not None:
            stop.ends[name] = {"terminated": state}
            self._continue_stop(uid)
            return
        ended = self._set_state(pod, name, {"terminated": state})
        if is_terminal(ended):
            self.processes.discard(uid)
        if name in names_of(native_sidecars_of(pod)):
            self._clock.after(1, lambda: self._restart(uid, name))
        self._proceed(uid)

    def _restart(self, uid: str, name: str) -> None:
        """Start a native sidecar again, while another container needs it; its back-off is left out."""
        pod = self._pod(uid)
        if pod is None or self.is_lost(pod) or uid in self._stops or is_terminal(pod):
            return
        if all("terminated" in known["state"] for known in pod["status"]["containerStatuses"]):
            return
        statuses = pod["status"]["initContainerStatuses"]
        counted = [{**c, "restartCount": c["restartCount"] + (c["name"] == name)} for c in statuses]
        self._write(pod, initContainerStatuses=counted)
        self._start(self._fresh(pod), [container for container in native_sidecars_of(pod) if container["name"] == name])

    def _end_state(self, pod: Object, name: str, exit_code: int, message: str) -> Object:
        now, count = stamp(self._clock.now), len([*containers_of(pod)])
        started = state_of(pod, name).get("running", {}).get("startedAt", now)
        state = {"exitCode": exit_code, "startedAt": started, "finishedAt": now}
        return state | {"reason": "Error" if exit_code else "Completed", "message": cut(message, count)}

    def _terminate(self, pod: Object) -> None:
        """A deletion: SIGTERM to all containers, SIGKILL at the end of grace; a pod without a node is collected."""
        if not pod["spec"].get("nodeName"):
            self._clock.after(COLLECTED_AFTER, lambda: self._fail_and_delete(uid_of(pod)))
        elif not self.is_lost(pod):
            self._stop(pod, int(pod["metadata"]["deletionGracePeriodSeconds"]))

    def _stop(self, pod: Object, grace: float, **status: Any) -> None:
        uid = uid_of(pod)
        if uid in self._stops:
            return
        self._stops[uid] = _Stop(grace, status)
        running = [c for c in pod["spec"]["containers"] if self._runs(pod, c["name"])]
        inits = [c for c in pod["spec"].get("initContainers") or () if self._runs(pod, c["name"])]
        running += [c for c in inits if not is_native(c)]
        for container in running:
            self._signal(uid, container, grace)
        if not running:
            self._clock.after(0 if inits else 1, lambda: self._continue_stop(uid))

    def _signal(self, uid: str, container: Object, grace: float) -> None:
        """SIGTERM to one container."""
        answer = self.answer_to_sigterm(container)
        hook = min(pre_stop_seconds(container), grace)
        rest = max(grace - hook, LEAST_GRACE)
        code = answer.exit_code if answer.seconds < rest else 137
        stop = self._stops.get(uid)
        if stop is not None:
            stop.signalled.add(container["name"])
        self._clock.after(hook + min(answer.seconds, rest), lambda: self._end_by_signal(uid, container, code))

    def _end_by_signal(self, uid: str, container: Object, code: int) -> None:
        pod = self._pod(uid)
        if pod is not None:
            self.end_container(uid, container["name"], code, self.last_message(pod, container, code))

    def _continue_stop(self, uid: str) -> None:
        """Stop the native sidecars once the others have ended, and tell all ends once they have, too."""
        pod, stop = self._pod(uid), self._stops.get(uid)
        if pod is None or stop is None or self.is_lost(pod):
            return
        running = [c for c in containers_of(pod) if self._runs(pod, c["name"])]
        if any(not is_native(c) for c in running):
            return
        for container in running:
            if container["name"] not in stop.signalled:
                self._signal(uid, container, stop.grace)
        if not running:
            self._finish_stop(pod, stop)

    def _finish_stop(self, pod: Object, stop: _Stop) -> None:
        del self._stops[uid_of(pod)]
        self.processes.discard(uid_of(pod))
        status = with_ends(pod, stop.ends)
        phase = phase_of(pod["spec"], status)
        status["phase"] = "Failed" if phase in ("Pending", "Running") else phase
        self._write(pod, **{**status, **stop.status})
        if is_deleting(self._fresh(pod)):
            self._remove(self._fresh(pod))

    def _runs(self, pod: Object, name: str) -> bool:
        stop = self._stops.get(uid_of(pod))
        return "running" in state_of(self._fresh(pod), name) and not (stop and name in stop.ends)

    # What befalls pods.

    def evict(self, pod: Object, *, own_limit: bool = False) -> None:
        """The node evicts the pod for a limit of the pod's own; or somebody does, by the API, for the node's needs."""
        if is_terminal(pod) or self.is_lost(pod) or not pod["spec"].get("nodeName"):
            return
        if own_limit:
            words = 'Usage of EmptyDir volume "work" exceeds the limit "1Mi". '
            self._stop(pod, 0, phase="Failed", reason="Evicted", message=words)
            return
        self._disrupt(pod, "EvictionByEvictionAPI", "Eviction API: evicting")
        self._server.delete("pods", *key_of(pod))

    def lose_node(self, pod: Object) -> None:
        """The pod's node falls silent; after its toleration the taint manager deletes the pod."""
        node = pod["spec"].get("nodeName")
        if not node or is_terminal(pod):
            return
        self.silent_nodes.add(node)
        self._clock.after(NODE_GRACE + toleration_of(pod), lambda: self._taint(uid_of(pod)))

    def remove_node(self, pod: Object) -> None:
        """The pod's node is taken away: the pod collector fails its pods and deletes them at once."""
        node = pod["spec"].get("nodeName")
        if not node:
            return
        self.silent_nodes.add(node)
        self._clock.after(ORPHANED_AFTER, lambda: self._collect(uid_of(pod)))

    def return_node(self, pod: Object) -> None:
        """The silent node comes back and does what it was told meanwhile."""
        node = pod["spec"].get("nodeName")
        if node not in self.silent_nodes:
            return
        self.silent_nodes.discard(node)
        stop = self._stops.pop(uid_of(pod), None)
        if is_terminal(pod):
            return
        if stop is not None:
            self._stop(pod, stop.grace, **stop.status)
        elif is_deleting(pod):
            self._terminate(pod)
        elif pod["status"].get("phase") == "Running":
            self._proceed(uid_of(pod))

    def force_delete(self, pod: Object) -> None:
        """Somebody deletes the pod with a grace period of 0: the object goes, whatever its containers do."""
        self._server.delete("pods", *key_of(pod), grace=0)

    def _taint(self, uid: str) -> None:
        pod = self._pod(uid)
        if pod is None or is_terminal(pod) or not self.is_lost(pod):
            return
        self._disrupt(pod, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
        self._server.delete("pods", *key_of(pod))

    def _collect(self, uid: str) -> None:
        pod = self._pod(uid)
        if pod is None or not self.is_lost(pod):
            return
        if not is_terminal(pod):
            self._disrupt(pod, "DeletionByPodGC", "PodGC: node no longer exists")
        self._fail_and_delete(uid)

    def _fail_and_delete(self, uid: str) -> None:
        pod = self._pod(uid)
        if pod is not None and not is_terminal(pod):
            self._write(pod, phase="Failed")
        if pod is not None:
            self._remove(pod)

    def _disrupt(self, pod: Object, reason: str, message: str) -> None:
        if not has_condition(pod, "DisruptionTarget"):
            told = condition("DisruptionTarget", "True", self._clock.now, reason, message)
            self._write(pod, conditions=[*(pod["status"].get("conditions") or ()), told])

    # Small parts.

    def _pod(self, uid: str) -> Object | None:
        return self._server.by_uid("pods", uid)

    def _fresh(self, pod: Object) -> Object:
        return self._pod(uid_of(pod)) or pod

    def is_lost(self, pod: Object) -> bool:
        """Return whether the pod's node is silent."""
        return pod["spec"].get("nodeName") in self.silent_nodes

    def _set_state(self, pod: Object, name: str, state: Object) -> Object:
        """Write the state of one container, and the phase that follows; return the pod."""
        status = {**self._fresh(pod)["status"]}
        for kind in ("initContainerStatuses", "containerStatuses"):
            if kind in status:
                status[kind] = with_state(status[kind], name, state)
        self._write(pod, **{**status, "phase": phase_of(pod["spec"], status)})
        return self._fresh(pod)

    def _write(self, pod: Object, **status: Any) -> None:
        fresh = self._fresh(pod)
        if self._pod(uid_of(pod)) is not None:
            self._server.update_status("pods", fresh, {**(fresh.get("status") or {}), **status})

    def _remove(self, pod: Object) -> None:
        """The kubelet's last word on a deleted pod."""
        if self._pod(uid_of(pod)) is not None:
            self._server.delete("pods", *key_of(pod), grace=0)
