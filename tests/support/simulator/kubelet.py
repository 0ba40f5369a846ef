"""Kubelets, scheduler, taint manager and pod collector: what becomes of pods, and what they report.

A pod starts and ends when the history says so; what Kubernetes does by itself (grace periods, tolerations) goes by the
clock. `podTemplate` sidecars and init containers are played by their names.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from support.simulator.api_server import ApiServer, Change
from support.simulator.objects import Object, condition, has_condition, is_deleting, is_terminal, key_of, stamp, uid_of

MAIN: Final = "mlrun"
# All messages of a pod's containers together.
MESSAGE_BYTES: Final = 12 * 1024
# From a node's silence to the deletion of its pods: 40 s of grace and 300 s of toleration.
EVICTION_AFTER: Final = 340
ReportOf = Callable[[Object, str, int], str]


@dataclass(frozen=True, slots=True)
class Sigterm:
    """How containers of the wrapper answer SIGTERM: after how many seconds, with which code."""

    seconds: int = 3
    exit_code: int = 143


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a pod cannot start: what its status and the node's events say."""

    waiting: str = ""
    message: str = ""
    unschedulable: bool = False


class Kubelet:
    """All nodes; each pod has one of its own. `report_of` makes the termination message of a pod's wrapper."""

    def __init__(self, server: ApiServer, report_of: ReportOf) -> None:
        self._server = server
        self._clock = server.clock
        self._report_of = report_of
        self.sigterm = Sigterm()
        self.silent_nodes: set[str] = set()
        # Secrets that do not exist.
        self.missing_secrets: set[str] = {"missing"}
        # Pods start and succeed by themselves, in the place of the history.
        self.automatic = False
        # Uids of pods whose containers have run.
        self.started: set[str] = set()
        server.observers.append(self._see)

    def _see(self, change: Change) -> None:
        if change.plural != "pods" or change.new is None:
            return
        pod = change.new
        if change.old is None:
            self._clock.after(0, lambda: self._schedule(uid_of(pod)))
        elif is_deleting(pod) and not is_deleting(change.old) and not is_terminal(pod):
            self._terminate(pod)

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
        scheduled = condition("PodScheduled", "True", self._clock.now)
        waiting = {"reason": obstacle.waiting, "message": obstacle.message} if obstacle else _CREATING
        states = [_state(container, waiting=waiting) for container in pod["spec"]["containers"]]
        self._write(bound, conditions=[scheduled], containerStatuses=states, startTime=stamp(self._clock.now))
        if self.automatic and not obstacle:
            self._clock.after(2, lambda: self._by_itself(uid))

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
        if pod["status"].get("phase") == "Running" or self.is_lost(pod):
            return False
        running = {"startedAt": stamp(self._clock.now)}
        self._write(
            pod,
            phase="Running",
            containerStatuses=[_state(c, running=running) for c in pod["spec"]["containers"]],
        )
        self.started.add(uid_of(pod))
        return True

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
        if is_terminal(pod) or self.is_lost(pod) or pod["status"].get("phase") != "Running":
            return False
        message = self._report_of(pod, reported, exit_code) if reported else ""
        self._end_container(pod, MAIN, exit_code, message, **terminated)
        return True

    def end_sidecar(self, pod: Object, exit_code: int) -> bool:
        """Let every container beside the wrapper's end; return whether there was one that ran."""
        names = [c["name"] for c in pod["spec"]["containers"] if c["name"] != MAIN]
        if is_terminal(pod) or self.is_lost(pod) or pod["status"].get("phase") != "Running" or not names:
            return False
        for name in names:
            self._end_container(self._fresh(pod), name, exit_code, "")
        return True

    def _end_container(self, pod: Object, name: str, exit_code: int, message: str, **terminated: Any) -> None:
        cut = MESSAGE_BYTES // len([*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())])
        now = stamp(self._clock.now)
        state = {"exitCode": exit_code, "startedAt": pod["status"].get("startTime", now), "finishedAt": now}
        state |= {"reason": "Error" if exit_code else "Completed", "message": message[:cut], **terminated}
        states = [
            {**known, "ready": False, "state": {"terminated": state}}
            if known["name"] == name and "terminated" not in known["state"]
            else known
            for known in pod["status"]["containerStatuses"]
        ]
        ended = all("terminated" in known["state"] for known in states)
        self._write(pod, containerStatuses=states, **({"phase": _phase_of(states)} if ended else {}))
        if ended and is_deleting(pod):
            self._remove(self._fresh(pod))

    def _terminate(self, pod: Object) -> None:
        """SIGTERM: the wrapper reports within its time, other containers end at once; SIGKILL at the end of grace."""
        uid, grace = uid_of(pod), int(pod["metadata"]["deletionGracePeriodSeconds"])
        if self.is_lost(pod):
            return
        if pod["status"].get("phase") != "Running":
            self._clock.after(1, lambda: self._never_ran(uid))
            return
        seconds = min(self.sigterm.seconds, grace)
        answers = self.sigterm.seconds < grace
        code = self.sigterm.exit_code if answers else 137
        self._clock.after(seconds, lambda: self._end_terminated(uid, code))

    def _never_ran(self, uid: str) -> None:
        pod = self._pod(uid)
        if pod is not None and not self.is_lost(pod):
            if not is_terminal(pod):
                self._write(pod, phase="Failed")
            self._remove(self._fresh(pod))

    def _end_terminated(self, uid: str, code: int) -> None:
        pod = self._pod(uid)
        if pod is None or is_terminal(pod) or self.is_lost(pod):
            return
        reason = {0: "Succeeded", 143: "Terminated"}.get(code, "")
        if self._runs(pod, MAIN):
            self.end(pod, reason, code)
        for container in pod["spec"]["containers"]:
            fresh = self._pod(uid)
            if container["name"] != MAIN and fresh is not None and self._runs(fresh, container["name"]):
                self._end_container(fresh, container["name"], 0 if code == 0 else 143, "")

    def _runs(self, pod: Object, name: str) -> bool:
        return any(c["name"] == name and "running" in c["state"] for c in pod["status"].get("containerStatuses") or ())

    # What befalls pods.

    def evict(self, pod: Object, *, own_limit: bool = False) -> None:
        """The node evicts the pod; for the node's needs, or because it went over a limit of its own."""
        if is_terminal(pod) or self.is_lost(pod) or not pod["spec"].get("nodeName"):
            return
        if own_limit:
            words = 'Usage of EmptyDir volume "work" exceeds the limit "1Mi".'
            states = [_state(c, terminated=_killed(self._clock.now)) for c in pod["spec"]["containers"]]
            self._write(pod, phase="Failed", reason="Evicted", message=words, containerStatuses=states)
            return
        self._disrupt(pod, "EvictionByEvictionAPI", "Eviction API: evicting")
        self._server.delete("pods", *key_of(pod))

    def lose_node(self, pod: Object) -> None:
        """The pod's node falls silent; after its toleration the taint manager deletes the pod."""
        node = pod["spec"].get("nodeName")
        if not node or is_terminal(pod):
            return
        self.silent_nodes.add(node)
        self._clock.after(EVICTION_AFTER, lambda: self._taint(uid_of(pod)))

    def remove_node(self, pod: Object) -> None:
        """The pod's node is taken away: the pod collector fails its pods and deletes them at once."""
        node = pod["spec"].get("nodeName")
        if not node:
            return
        self.silent_nodes.add(node)
        self._clock.after(40, lambda: self._collect(uid_of(pod)))

    def return_node(self, pod: Object) -> None:
        """The silent node comes back and does what it was told meanwhile."""
        node = pod["spec"].get("nodeName")
        if node not in self.silent_nodes:
            return
        self.silent_nodes.discard(node)
        if is_deleting(pod) and not is_terminal(pod):
            self._terminate(pod)

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
            self._write(self._fresh(pod), phase="Failed")
        self._server.delete("pods", *key_of(pod), grace=0)

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

    def _write(self, pod: Object, **status: Any) -> None:
        fresh = self._fresh(pod)
        if self._pod(uid_of(pod)) is not None:
            self._server.update_status("pods", fresh, {**(fresh.get("status") or {}), **status})

    def _remove(self, pod: Object) -> None:
        """The kubelet's last word on a deleted pod."""
        if self._pod(uid_of(pod)) is not None:
            self._server.delete("pods", *key_of(pod), grace=0)


_CREATING: Final = {"reason": "ContainerCreating"}


def _state(container: Object, **state: Any) -> Object:
    about = {"name": container["name"], "image": container.get("image", ""), "imageID": "", "restartCount": 0}
    return {**about, "state": state, "ready": "running" in state}


def _killed(now: Any) -> Object:
    moment = stamp(now)
    return {"exitCode": 137, "reason": "Error", "startedAt": moment, "finishedAt": moment, "message": ""}


def _phase_of(states: list[Object]) -> str:
    return "Failed" if any(known["state"]["terminated"]["exitCode"] for known in states) else "Succeeded"
