"""The simulated cluster as rules speak to it, without an operator: with and without a kubelet."""

from datetime import datetime, timedelta
from typing import Any

from support.simulator.api_server import ApiServer, Change
from support.simulator.clock import Clock
from support.simulator.cron_job_controller import CronJobController
from support.simulator.garbage_collector import GarbageCollector
from support.simulator.job_controller import JobController
from support.simulator.kubelet import Kubelet, Sigterm
from support.simulator.objects import Object, copy_of, uid_of

from mlrun_operator.cluster.errors import ApiError

_NAMESPACE = "team"


class SimulatedPort:
    """A `kubernetes_rules.Port`: the rule itself plays the kubelet."""

    node = "nowhere"

    def __init__(self) -> None:
        self._clock = Clock()
        self._clock.now += timedelta(seconds=30.5)
        self._server = ApiServer(self._clock)
        self._jobs = JobController(self._server)
        self._cron_jobs = CronJobController(self._server)
        self._garbage = GarbageCollector(self._server)

    def create(self, plural: str, obj: Object) -> Object:
        meta = {**obj["metadata"], "namespace": _NAMESPACE}
        made = self._server.create(plural, copy_of({**obj, "metadata": meta}))
        self._settle()
        return made

    def get(self, plural: str, name: str) -> Object | None:
        found = self._server.get(plural, _NAMESPACE, name)
        return copy_of(found) if found else None

    def all(self, plural: str) -> list[Object]:
        return [copy_of(obj) for obj in self._server.all(plural)]

    def merge(self, plural: str, name: str, patch: Object, sub: str = "") -> int:
        act = self._server.patch_status if sub else self._server.patch
        return self._code(lambda: act(plural, _NAMESPACE, name, patch))

    def put(self, plural: str, obj: Object) -> int:
        return self._code(lambda: self._server.update(plural, obj))

    def delete(self, plural: str, name: str, propagation: str = "Background", grace: int | None = None) -> int:
        return self._code(lambda: self._server.delete(plural, _NAMESPACE, name, propagation=propagation, grace=grace))

    def wait(self, seconds: float) -> None:
        until = self._clock.now + timedelta(seconds=seconds)
        while (due := self._clock.next_due()) is not None and due <= until:
            self._clock.now = max(self._clock.now, due)
            self._settle()
        self._clock.now = until
        self._settle()

    def now(self) -> datetime:
        return self._clock.now

    def _code(self, act: object) -> int:
        try:
            act()  # type: ignore[operator]
        except ApiError as error:
            return error.code
        finally:
            self._settle()
        return 200

    def _settle(self) -> None:
        version = -1
        while version != self._server.version or self._clock.ring():
            version = self._server.version
            self._jobs.sync_all()
            self._cron_jobs.sync_all()
            self._garbage.collect()


class SimulatedNodes(SimulatedPort):
    """A `kubelet_rules.NodePort`: kubelets start what is scheduled."""

    node = ""

    def __init__(self) -> None:
        super().__init__()
        self._kubelet = PlayedKubelet(self._server)
        self.observed: list[Object] = []

    def evict(self, name: str) -> int:
        pod = self._server.require("pods", _NAMESPACE, name)
        return self._code(lambda: self._kubelet.evict(pod))

    def has_processes(self, pod: Object) -> bool:
        return uid_of(pod) in self._kubelet.processes

    def observe(self, pod: Object) -> None:
        self.observed.append(pod)


class SimulatedLoss(SimulatedPort):
    """A `node_rules.LossPort`: its node has no kubelet from the beginning."""

    node = "lost"

    def __init__(self) -> None:
        super().__init__()
        self._kubelet = Kubelet(self._server, lambda *_: "")
        self._kubelet.silent_nodes.add(self.node)
        self.observed: list[Object] = []

    def fall_silent(self, pod: Object) -> None:
        self._kubelet.lose_node(pod)

    def remove_node(self, pod: Object) -> None:
        self._kubelet.remove_node(pod)

    def observe(self, pod: Object) -> None:
        self.observed.append(pod)


class PlayedKubelet(Kubelet):
    """A kubelet whose containers do what their environment says (support.simulator.kubelet_rules)."""

    def __init__(self, server: ApiServer) -> None:
        super().__init__(server, lambda *_: "")
        server.observers.append(self._run_soon)

    def _run_soon(self, change: Change) -> None:
        pod = change.new
        if change.plural == "pods" and pod is not None and pod["spec"].get("nodeName") and not _began(change.old):
            self._clock.after(1, lambda: self._run_now(uid_of(pod)))

    def _run_now(self, uid: str) -> None:
        pod = self._pod(uid)
        if pod is not None:
            self.run(pod)

    def play(self, pod: Object, container: Object) -> None:
        uid, name, told = uid_of(pod), container["name"], _environment(container)
        if "HUNGRY" in told:
            self._clock.after(1, lambda: self.end_container(uid, name, 137, reason="OOMKilled"))
        elif "FILLS" in told:
            self._clock.after(1, lambda: self.evict(self._fresh(pod), own_limit=True))
        elif told["LASTS"] != "infinity":
            code, message = int(told["CODE"]), told["MESSAGE"]
            self._clock.after(float(told["LASTS"]), lambda: self.end_container(uid, name, code, message))

    def answer_to_sigterm(self, container: Object) -> Sigterm:
        told = _environment(container)
        code = told["TERM_CODE"]
        return Sigterm(float(told["TERM_SECONDS"]), int(code)) if code else Sigterm(float("inf"))

    def last_message(self, pod: Object, container: Object, exit_code: int) -> str:
        del pod
        return _environment(container)["MESSAGE"] if exit_code != 137 else ""


def _began(pod: Object | None) -> bool:
    """Return whether the pod was scheduled before."""
    return pod is not None and bool(pod["spec"].get("nodeName"))


def _environment(container: Object) -> dict[str, Any]:
    return {variable["name"]: variable.get("value", "") for variable in container["env"]}
