"""The kubelet of the played node: pods wait, run, end and report as the history says, and go after their grace period.

It does what `simulator.kubelet` does, by the pods' status on the API server. What failed is told to have ended long
ago: the Job controller's back-off counts from there, so a retry comes after a second.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from support.api import Answer, url
from support.kube import Object
from support.lab import World
from support.simulator.kubelet import MAIN, Obstacle, Sigterm
from support.simulator.objects import is_deleting, stamp, uid_of
from support.simulator.pod_status import containers_of, cut
from support.simulator.wrappers import envelope_of

from mlrun_operator.api.contract.result import Result, encode
from mlrun_operator.api.reasons import Reason

_STRATEGIC: Final = "application/strategic-merge-patch+json"
_LOOK_SECONDS: Final = 0.05
_LONG_AGO: Final = timedelta(minutes=10)
# Pods that are told to end take so much of their time.
_OF_A_SECOND: Final = 0.25
# How long a pod waits to be started, and runs, once pods do that by themselves.
_BY_ITSELF_SECONDS: Final = 0.4


@dataclass
class PlayedPod:
    """A pod and the state of its containers."""

    pod: Object
    states: dict[str, Object]
    phase: str = "Pending"
    is_silent: bool = False
    is_ending: bool = False
    since: float = field(default_factory=time.monotonic)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def name(self) -> str:
        """The pod's name."""
        return str(self.pod["metadata"]["name"])

    @property
    def is_over(self) -> bool:
        """Whether its phase is terminal."""
        return self.phase in ("Succeeded", "Failed")

    def runs(self, container: str) -> bool:
        """Return whether the container is running."""
        return "running" in self.states[container]


@dataclass
class Habits:
    """How a history wants its pods to behave."""

    sigterm: Sigterm = field(default_factory=Sigterm)
    missing_secrets: set[str] = field(default_factory=lambda: {"missing"})
    are_pods_automatic: bool = False


class PlayedKubelet:
    """All pods of a world's namespace that were scheduled to the node."""

    def __init__(self, world: World, prefixes: list[str]) -> None:
        self._world = world
        self.habits = {prefix: Habits() for prefix in prefixes}
        self._pods: dict[str, PlayedPod] = {}

    async def play(self) -> None:
        """Do a kubelet's work until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for pod in [*self._world.records.all("pods", self._world.namespace)]:
                    if pod["spec"].get("nodeName"):
                        self._look(group, pod)
                await asyncio.sleep(_LOOK_SECONDS)

    def _look(self, group: asyncio.TaskGroup, pod: Object) -> None:
        played = self._pods.get(uid_of(pod))
        if played is None:
            played = self._pods[uid_of(pod)] = PlayedPod(pod, {c["name"]: {} for c in pod["spec"]["containers"]})
            group.create_task(self._begin(played))
        if is_deleting(pod) and not played.is_ending and not played.is_silent:
            played.is_ending = True
            group.create_task(self._terminate(played, int(pod["metadata"]["deletionGracePeriodSeconds"])))
        elif self._habits(pod).are_pods_automatic and not played.is_over and not is_deleting(pod):
            self._carry_on(group, played)

    def _carry_on(self, group: asyncio.TaskGroup, played: PlayedPod) -> None:
        """Start the pod, or let it succeed, once it has waited a while."""
        if time.monotonic() - played.since < _BY_ITSELF_SECONDS:
            return
        played.since = time.monotonic()
        group.create_task(self.end(played, "Succeeded", 0) if played.phase == "Running" else self.run(played))

    def played(self, pod: Object) -> PlayedPod | None:
        """Return the pod as it is played; None where it was not scheduled."""
        return self._pods.get(uid_of(pod))

    def _habits(self, pod: Object) -> Habits:
        return next(habits for prefix, habits in self.habits.items() if pod["metadata"]["name"].startswith(prefix))

    def obstacle(self, pod: Object) -> Obstacle | None:
        """Return why the pod cannot start."""
        main = next(c for c in pod["spec"]["containers"] if c["name"] == MAIN)
        if (pod["spec"].get("nodeSelector") or {}).get("disk") == "nowhere":
            return Obstacle(unschedulable=True)
        if "typo" in main.get("image", ""):
            return Obstacle("ImagePullBackOff", f'Back-off pulling image "{main["image"]}"')
        for secret in _secrets(main):
            if secret in self._habits(pod).missing_secrets:
                return Obstacle("CreateContainerConfigError", f'secret "{secret}" not found')
        return None

    def is_lost(self, pod: Object) -> bool:
        """Return whether the pod's node is silent."""
        played = self.played(pod)
        return played is not None and played.is_silent

    # From nothing to running.

    async def _begin(self, played: PlayedPod) -> None:
        async with played.lock:
            obstacle = self.obstacle(played.pod)
            waiting = {"reason": "ContainerCreating"}
            if obstacle is not None:
                waiting = {"reason": obstacle.waiting, "message": obstacle.message}
            if played.phase == "Pending":
                played.states = {name: {"waiting": waiting} for name in played.states}
                await self._write(played)

    async def run(self, played: PlayedPod) -> None:
        """Start the containers of a pod that waits, where nothing keeps it."""
        async with played.lock:
            if played.phase != "Pending" or played.is_ending or played.is_silent or self.obstacle(played.pod):
                return
            played.phase = "Running"
            played.states = {name: {"running": {"startedAt": _now()}} for name in played.states}
            await self._write(played)

    # Ends.

    async def end(self, played: PlayedPod, reported: str, exit_code: int, **terminated: Any) -> None:
        """Let the wrapper's container end with a report, where it is running."""
        message = _report(played.pod, reported, exit_code) if reported else ""
        async with played.lock:
            await self._end_containers(played, [MAIN], exit_code, message, **terminated)

    async def end_sidecars(self, played: PlayedPod, exit_code: int) -> None:
        """Let every container beside the wrapper's end."""
        async with played.lock:
            await self._end_containers(played, [name for name in played.states if name != MAIN], exit_code)

    async def _end_containers(
        self, played: PlayedPod, names: list[str], exit_code: int, message: str = "", **terminated: Any
    ) -> None:
        names = [name for name in names if played.runs(name)]
        if played.is_silent or not names:
            return
        moment = stamp(datetime.now(UTC) - (_LONG_AGO if exit_code else timedelta(0)))
        count = len([*containers_of(played.pod)])
        state = {"exitCode": exit_code, "startedAt": moment, "finishedAt": moment, "message": cut(message, count)}
        state |= {"reason": "Error" if exit_code else "Completed", **terminated}
        played.states |= {name: {"terminated": state} for name in names}
        if all("terminated" in state for state in played.states.values()):
            codes = [state["terminated"]["exitCode"] for state in played.states.values()]
            played.phase = "Failed" if any(codes) else "Succeeded"
        await self._write(played)

    async def _terminate(self, played: PlayedPod, grace: int) -> None:
        """SIGTERM: the wrapper reports within its time, other containers end at once; SIGKILL at the end of grace."""
        sigterm = self._habits(played.pod).sigterm
        code = sigterm.exit_code if sigterm.seconds < grace else 137
        if played.phase == "Running":
            await asyncio.sleep(min(sigterm.seconds, grace) * _OF_A_SECOND)
        if played.is_silent:
            played.is_ending = False
            return
        await self.end(played, {0: "Succeeded", 143: "Terminated"}.get(code, ""), code)
        await self.end_sidecars(played, 0 if code == 0 else 143)
        async with played.lock:
            if not played.is_over:
                played.phase = "Failed"
                await self._write(played)
        await self._remove(played)

    # What befalls pods.

    async def evict(self, played: PlayedPod, *, own_limit: bool) -> None:
        """Evict a pod, by the API; or by its node, because it went over a limit of its own."""
        if not own_limit:
            path = url("pods", self._world.namespace, played.name) + "/eviction"
            about = {"name": played.name, "namespace": self._world.namespace}
            await self._request("POST", path, {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": about})
            return
        async with played.lock:
            if played.is_over or played.is_silent:
                return
            moment, played.phase = stamp(datetime.now(UTC) - _LONG_AGO), "Failed"
            killed = {"exitCode": 137, "reason": "Error", "startedAt": moment, "finishedAt": moment}
            played.states = {name: {"terminated": killed} for name in played.states}
            message = 'Usage of EmptyDir volume "work" exceeds the limit "1Mi".'
            await self._write(played, reason="Evicted", message=message)

    def lose(self, played: PlayedPod) -> None:
        """The pod's node falls silent."""
        played.is_silent = True

    def give_back(self, played: PlayedPod) -> None:
        """The silent node comes back and does what it was told meanwhile."""
        played.is_silent = False

    async def taint(self, played: PlayedPod) -> None:
        """The taint manager deletes the pod of a silent node."""
        await self._disrupt(played, "DeletionByTaintManager", {})
        await self.delete(played)

    async def collect(self, played: PlayedPod) -> None:
        """The pod collector fails the pod of a node that is gone, and deletes it at once."""
        async with played.lock:
            played.is_silent = True
            phase = {} if played.is_over else {"phase": "Failed"}
            await self._disrupt(played, "DeletionByPodGC", phase)
            await self._remove(played)

    async def delete(self, played: PlayedPod, grace: int | None = None) -> None:
        """Delete the pod's object, as somebody would."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid_of(played.pod)}}
        options |= {} if grace is None else {"gracePeriodSeconds": grace}
        await self._request("DELETE", url("pods", self._world.namespace, played.name), options)

    async def _disrupt(self, played: PlayedPod, reason: str, status: Object) -> None:
        about = {"reason": reason, "message": f"{reason}: played", "lastTransitionTime": _now()}
        condition = {"type": "DisruptionTarget", "status": "True", **about}
        await self._patch_status(played, {"conditions": [condition], **status})

    async def _remove(self, played: PlayedPod) -> None:
        """The kubelet's last word on a deleted pod."""
        await self.delete(played, grace=0)

    # What the API server is told.

    async def _write(self, played: PlayedPod, **status: Any) -> None:
        played.since = time.monotonic()
        containers = {c["name"]: c.get("image", "") for c in played.pod["spec"]["containers"]}
        states = [
            {"name": name, "image": containers[name], "imageID": "", "restartCount": 0, "state": state}
            | {"ready": "running" in state}
            for name, state in played.states.items()
        ]
        told = {"phase": played.phase, "startTime": played.pod["metadata"]["creationTimestamp"]}
        await self._patch_status(played, {**told, "containerStatuses": states, **status})

    async def _patch_status(self, played: PlayedPod, status: Object) -> None:
        path = url("pods", self._world.namespace, played.name) + "/status"
        await self._request("PATCH", path, {"metadata": {"uid": uid_of(played.pod)}, "status": status}, _STRATEGIC)

    async def _request(self, verb: str, path: str, body: Object, kind: str = "application/json") -> None:
        with suppress(Answer):  # it is gone, or another has its name
            await self._world.api.request(verb, path, body, kind)


def _secrets(container: Object) -> Iterator[str]:
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("secretKeyRef") or {}
        if "name" in reference:
            yield reference["name"]


def _report(pod: Object, reason: str, exit_code: int) -> str:
    envelope = envelope_of(pod)
    if not envelope:
        return ""
    results = {"x": envelope.get("parameters", {}).get("x"), "pod": pod["metadata"]["name"]}
    result = Result(reason=Reason(reason), message=reason if exit_code else "", results=results)
    return encode(result, int(envelope.get("result_budget", 4096)))


def _now() -> str:
    return stamp(datetime.now(UTC))
