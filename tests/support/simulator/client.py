"""The operator's port to the simulated API server: the interface of `ApiClient`, where every request may go wrong."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from support.simulator.api_server import ApiServer
from support.simulator.objects import Object, copy_of

from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import EVENTS, Resource


class DiedError(BaseException):
    """The operator's process ends in the middle of a request."""


@dataclass(slots=True)
class Refusal:
    """What the API server answers to a verb on a resource, so many times."""

    verb: str
    plural: str
    error: Callable[[], ApiError]
    times: int


@dataclass(slots=True)
class Trouble:
    """What is to go wrong with the operator's requests."""

    refusals: list[Refusal] = field(default_factory=list)
    # Requests until the operator dies; whether the last one takes effect first.
    dies_in: int | None = None
    dies_after_effect: bool = False
    # Requests until somebody else acts, and what they do.
    interrupts: list[list[Any]] = field(default_factory=list)


class SimulatedClient:
    """What `mlrun_operator.cluster.api_client.ApiClient` offers, answered in memory."""

    def __init__(self, server: ApiServer, trouble: Trouble, *, outage: Callable[[], bool] = lambda: False) -> None:
        self._server = server
        self._trouble = trouble
        self._outage = outage
        # Verb, plural and name of every request.
        self.requests: list[tuple[str, str, str]] = []

    async def read(self, resource: Resource, namespace: str, name: str) -> Object:
        """Return the object as it is now."""
        return await self._do("GET", resource, name, lambda: self._server.require(resource.plural, namespace, name))

    async def read_all(self, resource: Resource, namespace: str | None = None, labels: str = "") -> list[Object]:
        """Return the objects that the label selector picks."""
        return await self._do("LIST", resource, labels, lambda: self._pick(resource, namespace, labels))

    async def pages(
        self, resource: Resource, namespace: str | None, labels: str
    ) -> AsyncIterator[tuple[list[Object], int]]:
        """Yield the only page."""
        yield await self.read_all(resource, namespace, labels), self._server.version

    async def read_uids(self, resource: Resource, namespace: str | None, labels: str) -> tuple[int, set[str]]:
        """Return the listing's version and the uids."""
        found = await self.read_all(resource, namespace, labels)
        return self._server.version, {obj["metadata"]["uid"] for obj in found}

    async def serves(self, resource: Resource) -> bool:
        """Return whether the API server knows the resource."""
        return True

    async def create(self, resource: Resource, obj: Object) -> Object:
        """Create the object."""
        return await self._do(
            "POST", resource, obj["metadata"].get("name", ""), lambda: self._server.create(resource.plural, obj)
        )

    async def replace(self, resource: Resource, obj: Object) -> Object:
        """Write the whole object over the state that it was read in."""
        return await self._do("PUT", resource, _name(obj), lambda: self._server.update(resource.plural, obj))

    async def replace_status(self, resource: Resource, obj: Object, status: Object) -> Object:
        """Write the whole status as it was decided on the object."""
        return await self._do(
            "PUT status", resource, _name(obj), lambda: self._server.update_status(resource.plural, obj, status)
        )

    async def patch(self, resource: Resource, obj: Object, changes: Object, *, any_state: bool = False) -> Object:
        """Merge changes into the object."""
        wanted = "uid" if any_state else "resourceVersion"
        body = {**changes, "metadata": {**changes.get("metadata", {}), wanted: obj["metadata"][wanted]}}
        place = obj["metadata"]["namespace"], _name(obj)
        return await self._do("PATCH", resource, _name(obj), lambda: self._server.patch(resource.plural, *place, body))

    async def patch_status(self, resource: Resource, obj: Object, changes: Object) -> Object:
        """Merge changes into the status in whatever state it is."""
        body = {"metadata": {"uid": obj["metadata"]["uid"]}, "status": changes}
        place = obj["metadata"]["namespace"], _name(obj)
        return await self._do(
            "PATCH status", resource, _name(obj), lambda: self._server.patch_status(resource.plural, *place, body)
        )

    async def delete(
        self, resource: Resource, obj: Object, grace: int | None = None, *, any_state: bool = False
    ) -> None:
        """Delete exactly this object with its pods: another one of its name, or a newer state, is a conflict."""
        meta = obj["metadata"]
        checked = {name: meta[name] for name in (("uid",) if any_state else ("uid", "resourceVersion"))}
        place = meta["namespace"], meta["name"]
        await self._do(
            "DELETE",
            resource,
            meta["name"],
            lambda: self._server.delete(resource.plural, *place, preconditions=checked, grace=grace),
        )

    async def events_of(self, namespace: str, uids: Iterable[str]) -> list[Object]:
        """Return the events of objects."""
        wanted = set(uids)
        events = [e for e in self._server.all("events") if e["involvedObject"].get("uid") in wanted]
        return await self._do("LIST", EVENTS, "", lambda: events)

    async def our_events(self, namespace: str) -> set[str]:
        """Return the names of events that the operator posted."""
        found = [e for e in self._server.all("events") if "reportingComponent" in e]
        return await self._do("LIST", EVENTS, "", lambda: {str(e["metadata"]["name"]) for e in found})

    async def post_event(self, event: Object) -> bool:
        """Post an event; return whether it is new."""
        try:
            await self.create(EVENTS, event)
        except ApiError as error:
            if not error.already_exists:
                raise
            return False
        return True

    async def _do(self, verb: str, resource: Resource, name: str, act: Callable[[], Any]) -> Any:
        self.requests.append((verb, resource.plural, name))
        self._interrupt()
        dies = self._counts_down()
        if dies and not self._trouble.dies_after_effect:
            raise DiedError
        if self._outage():
            raise ApiError(0, "Unreachable", f"{verb} {resource.plural}: Connection refused")
        self._refuse(verb, resource.plural)
        answer = act()
        if dies:
            raise DiedError
        return copy_of(answer) if not isinstance(answer, set) else answer

    def _interrupt(self) -> None:
        for interrupt in list(self._trouble.interrupts):
            interrupt[0] -= 1
            if interrupt[0] <= 0:
                self._trouble.interrupts.remove(interrupt)
                interrupt[1]()

    def _counts_down(self) -> bool:
        if self._trouble.dies_in is None:
            return False
        self._trouble.dies_in -= 1
        if self._trouble.dies_in > 0:
            return False
        self._trouble.dies_in = None
        return True

    def _refuse(self, verb: str, plural: str) -> None:
        for refusal in self._trouble.refusals:
            if refusal.times > 0 and (refusal.verb, refusal.plural) == (verb, plural):
                refusal.times -= 1
                raise refusal.error()

    def _pick(self, resource: Resource, namespace: str | None, labels: str) -> list[Object]:
        pairs = [pair.split("=", 1) for pair in labels.split(",") if pair]
        return [
            obj
            for obj in self._server.all(resource.plural)
            if namespace in (None, obj["metadata"]["namespace"])
            and all((obj["metadata"].get("labels") or {}).get(name) == value for name, value in pairs)
        ]


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])
