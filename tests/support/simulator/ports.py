"""The simulated cluster as rules speak to it: an API server and controllers, without kubelet and operator."""

from datetime import datetime, timedelta

from support.simulator.api_server import ApiServer
from support.simulator.clock import Clock
from support.simulator.cron_job_controller import CronJobController
from support.simulator.garbage_collector import GarbageCollector
from support.simulator.job_controller import JobController
from support.simulator.objects import Object, copy_of

from mlrun_operator.cluster.errors import ApiError

_NAMESPACE = "team"


class SimulatedPort:
    """A `kubernetes_rules.Port`."""

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
