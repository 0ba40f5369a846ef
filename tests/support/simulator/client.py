"""The operator's own API client, whose requests are answered by the simulated API server, or go wrong."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from support.simulator.api_server import PLURALS, ApiServer
from support.simulator.objects import Object, copy_of

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import Resource

_ONE_OF: Final = re.compile(r"(\S+) in \((.*)\)")


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


class SimulatedClient(ApiClient):
    """The real client but for the wire."""

    def __init__(self, server: ApiServer, trouble: Trouble, *, outage: Callable[[], bool] = lambda: False) -> None:
        self._server = server
        self._trouble = trouble
        self._outage = outage
        # Verb, plural and name of every request.
        self.requests: list[tuple[str, str, str]] = []

    async def _request(
        self,
        verb: str,
        resource: Resource,
        url: str,
        *,
        params: dict[str, str] | None = None,
        body: Object | None = None,
        accept: str = "application/json",
        content: str = "",
    ) -> Any:
        if url.startswith("/apis/") and resource.plural not in PLURALS:
            return self._group(url.rpartition("/")[2])
        namespace, name, sub = _place_of(url, resource.plural)
        what = " ".join(filter(None, (verb if name or verb != "GET" else "LIST", sub)))
        told = copy_of(body) if body is not None else {}
        self.requests.append((what, resource.plural, name or told.get("metadata", {}).get("name", "")))
        self._interrupt()
        dies = self._counts_down()
        if dies and not self._trouble.dies_after_effect:
            raise DiedError
        if self._outage():
            raise ApiError(0, "Unreachable", f"{verb} {url}: Connection refused")
        self._refuse(what, resource.plural)
        self._server.author = "operator"
        try:
            answer = self._answer(what, (resource.plural, namespace, name), told, params or {})
        finally:
            self._server.author = ""
        if dies:
            raise DiedError
        return copy_of(answer)

    def _answer(  # noqa: PLR0911 - one a kind of request
        self, what: str, place: tuple[str, str, str], body: Object, params: dict[str, str]
    ) -> Object:
        server, (plural, namespace, _) = self._server, place
        match what:
            case "LIST":
                items = [obj for obj in server.all(plural) if _picks(obj, namespace, params)]
                return {"items": items, "metadata": {"resourceVersion": str(server.version)}}
            case "GET":
                return server.require(*place)
            case "POST":
                return server.create(plural, body)
            case "PUT":
                return server.update(plural, body)
            case "PUT status":
                return server.update_status(plural, body, body["status"])
            case "PATCH":
                return server.patch(*place, body)
            case "PATCH status":
                return server.patch_status(*place, body)
            case "DELETE":
                grace, checked = body.get("gracePeriodSeconds"), body.get("preconditions")
                server.delete(*place, propagation=body["propagationPolicy"], preconditions=checked, grace=grace)
                return {}
        raise AssertionError(f"the simulator does not answer {what} {plural}")

    def _group(self, name: str) -> Object:
        """Answer the discovery of an API group; that of Kueue is there with Kueue."""
        if name not in self._server.groups:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        return {"name": name, "preferredVersion": {"version": "v1beta1"}}

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

    def _refuse(self, what: str, plural: str) -> None:
        for refusal in self._trouble.refusals:
            if refusal.times > 0 and (refusal.verb, refusal.plural) == (what, plural):
                refusal.times -= 1
                raise refusal.error()


def _place_of(url: str, plural: str) -> tuple[str, str, str]:
    """Return namespace, name and subresource of a path, empty where there is none."""
    before, _, after = url.partition(f"/{plural}")
    namespace = before.partition("/namespaces/")[2]
    name, _, sub = after.strip("/").partition("/")
    return namespace, name, sub


def _picks(obj: Object, namespace: str, params: dict[str, str]) -> bool:
    if namespace and obj["metadata"]["namespace"] != namespace:
        return False
    labels = obj["metadata"].get("labels") or {}
    fields = {
        "involvedObject.uid": (obj.get("involvedObject") or {}).get("uid"),
        "reportingComponent": obj.get("reportingComponent"),
    }
    return _meets(params.get("labelSelector", ""), labels) and _meets(params.get("fieldSelector", ""), fields)


def _meets(selector: str, values: Object) -> bool:
    if found := _ONE_OF.fullmatch(selector):
        return values.get(found[1]) in found[2].split(",")
    pairs = (pair.partition("=") for pair in selector.split(",") if pair)
    return all(values.get(name) == value for name, _, value in pairs)
