"""The interface of a backend, and the lines of its logs."""

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from typing import ClassVar, Final, Self

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object
from mlrun_operator.cluster.resources import Resource

# Where an S3 server's URL is looked for; DigitalHub's name is the last.
_ENDPOINTS: Final = ("MLRUN_OPERATOR_STORE_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT_URL")


def named_endpoint() -> str | None:
    """The S3 server that this program's environment names."""
    return next(filter(None, map(os.environ.get, _ENDPOINTS)), None)


class LogLine(str):
    """A line of a run's log, without its end. `pod` wrote it, in the attempt of that number (from 1)."""

    __slots__ = ("attempt", "pod", "replica")

    pod: str
    attempt: int
    replica: int | None

    def __new__(cls, text: str, pod: str = "", attempt: int = 1, replica: int | None = None) -> Self:
        """The line, and where it comes from."""
        line = super().__new__(cls, text)
        line.pod, line.attempt, line.replica = pod, attempt, replica
        return line


class Backend(ABC):
    """Objects as Kubernetes has them, their changes, and the logs of their pods.

    Every method raises an SdkError: NotFound where there is no such object, else what docs/sdk.md lists.
    """

    kind: ClassVar[str]

    @abstractmethod
    def describe(self) -> str:
        """One line for people: what it is and where."""

    @abstractmethod
    async def namespace(self, project: str | None) -> str:
        """Where the objects of a project are."""

    @abstractmethod
    async def apply(self, resource: Resource, obj: Object) -> Object:
        """Create the object or make it so."""

    @abstractmethod
    async def create(self, resource: Resource, obj: Object) -> Object:
        """Create the object; one of its name is a Conflict."""

    @abstractmethod
    async def read(self, resource: Resource, namespace: str, name: str) -> Object:
        """The object as it is now."""

    @abstractmethod
    async def find(self, resource: Resource, namespace: str, labels: str = "") -> list[Object]:
        """The objects that a label selector picks."""

    @abstractmethod
    async def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """Change what the merge patch says."""

    @abstractmethod
    async def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Delete the object and what it owns."""

    @abstractmethod
    def follow(self, resource: Resource, namespace: str, name: str) -> AsyncGenerator[Object | None, None]:
        """The object now and after each change, None when it is gone."""

    @abstractmethod
    def follow_all(self, resource: Resource, namespace: str, labels: str = "") -> AsyncIterator[tuple[str, Object]]:
        """("ADDED" | "MODIFIED" | "DELETED", object): those that are there, then every change."""

    @abstractmethod
    def log(self, run: Object, *, follow: bool = False) -> AsyncIterator[LogLine]:
        """The lines of the run's log, attempt after attempt; with `follow` until the run has ended."""

    @abstractmethod
    async def live_lines(self, run: Object, pod: str, attempt: int) -> list[str]:
        """The lines in the end of one pod's log that begin as live results do; none where it has not started."""

    @abstractmethod
    async def events(self, namespace: str, uids: list[str]) -> list[Object]:
        """Kubernetes' events about objects, oldest first."""

    @abstractmethod
    async def set_secret(self, project: str, name: str, value: str) -> None:
        """Keep a secret of a project."""

    @abstractmethod
    async def platform(self, namespace: str) -> Platform | None:
        """What the operator decides for all runs; None where it does not tell."""

    @abstractmethod
    async def stores(self, namespace: str) -> list[StoreInfo]:
        """The store as it may be reached from here, best first."""

    @abstractmethod
    async def close(self) -> None:
        """Close what is open in this event loop."""
