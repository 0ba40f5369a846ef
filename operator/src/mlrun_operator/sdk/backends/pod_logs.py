"""The log of a run from its pods, attempt after attempt, each line once; from the store where a pod is gone."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlrun_operator.api import constants
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.sdk.backends.base import LogLine, Object
from mlrun_operator.sdk.backends.explained import explained, is_transient
from mlrun_operator.sdk.errors import SdkError
from mlrun_operator.sdk.status import has_ended
from mlrun_operator.sdk.stores.runs import stored_log

if TYPE_CHECKING:
    from mlrun_operator.sdk.backends.kubernetes import KubernetesBackend

_PAUSE: Final = 0.3
# Lines that may wait for a slow reader.
_BUFFERED: Final = 1000


# A log line's time: to the second, its fraction, its zone.
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")


def _second(time: str) -> str | None:
    """The time without its fraction, which the API does not take."""
    match = _TIME.fullmatch(time)
    return f"{match[1]}{match[2]}" if match else None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of the run's current execution."""

    name: str
    uid: str | None
    attempt: int
    replica: int | None

    def line(self, text: str) -> LogLine:
        """A line that it wrote."""
        return LogLine(text, self.name, self.attempt, self.replica)


def pods_of(run: Object) -> list[Pod]:
    """The pods that the status tells of, in the order of their attempts; of replicas the newest pod of each, too."""
    status = run.get("status") or {}
    attempts = status.get("attempts") or []
    before = (status.get("attemptCount") or len(attempts)) - len(attempts)
    replicas = {each["pod"]: each["index"] for each in status.get("replicaStatuses") or () if each.get("pod")}
    found = {
        each["pod"]: Pod(each["pod"], each.get("uid"), number, replicas.get(each["pod"], _index(status, each["pod"])))
        for number, each in enumerate(attempts, before + 1)
    }
    for name, index in replicas.items():
        found.setdefault(name, Pod(name, None, 1, index))
    return list(found.values())


def _index(status: Object, pod: str) -> int | None:
    """The number of a replica or a sweep's point in the name of a pod of an Indexed Job."""
    if not (status.get("replicas") or status.get("sweep")):
        return None
    number, indexed, _ = pod.removeprefix(f"{status.get('jobName')}-").partition("-")
    return int(number) if indexed and number.isdigit() else None


async def run_log(backend: "KubernetesBackend", run: Object, *, follow: bool) -> AsyncIterator[LogLine]:
    """The lines of all pods of the current execution; with `follow` until the run has ended.

    One pod after the other; followed replicas side by side, as their lines come.
    """
    meta = run["metadata"]
    if not follow:
        now = await backend.read(RUNS, meta["namespace"], meta["name"])
        for pod in pods_of(now):
            async for line in _Attempt(backend, now, pod).lines(follow=False):
                yield line
        return
    async with _Following(backend, run) as lines:
        async for line in lines:
            yield line


class _Following:
    """A queue of lines, filled by a task for each pod and one that looks for new pods."""

    def __init__(self, backend: "KubernetesBackend", run: Object) -> None:
        self._backend = backend
        self._run = run
        self._lines: asyncio.Queue[LogLine | None] = asyncio.Queue(_BUFFERED)
        self._filling: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AsyncIterator[LogLine]:
        self._filling = asyncio.create_task(self._fill())
        return self._until_end()

    async def __aexit__(self, *_: object) -> None:
        assert self._filling is not None  # noqa: S101 - entered before
        self._filling.cancel()
        await asyncio.gather(self._filling, return_exceptions=True)

    async def _until_end(self) -> AsyncIterator[LogLine]:
        while (line := await self._lines.get()) is not None:
            yield line
        assert self._filling is not None  # noqa: S101 - as above
        await self._filling

    async def _fill(self) -> None:
        try:
            await self._pods()
        except* SdkError as errors:
            raise errors.exceptions[0] from None
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await self._lines.put(None)

    async def _pods(self) -> None:
        meta, told, turn = self._run["metadata"], set[str](), asyncio.Lock()
        async with asyncio.TaskGroup() as group:
            async for current in self._backend.follow(RUNS, meta["namespace"], meta["name"]):
                if current is None or current["metadata"]["uid"] != meta.get("uid", current["metadata"]["uid"]):
                    return
                for pod in pods_of(current):
                    if pod.name not in told:
                        told.add(pod.name)
                        group.create_task(self._tell(current, pod, turn if pod.replica is None else None))
                if has_ended(current):
                    return

    async def _tell(self, run: Object, pod: Pod, turn: asyncio.Lock | None) -> None:
        """The lines of a pod; one that has to wait for its turn comes after those before it."""
        async with turn or contextlib.nullcontext():
            async for line in _Attempt(self._backend, run, pod).lines(follow=True):
                await self._lines.put(line)


class _Attempt:
    """The log of one pod. What was told already is known by time and by how many lines had that time."""

    def __init__(self, backend: "KubernetesBackend", run: Object, pod: Pod) -> None:
        self._backend = backend
        self._run = run
        self._pod = pod
        self._last = ""
        self._at_last = 0

    async def lines(self, *, follow: bool) -> AsyncIterator[LogLine]:
        """The lines, each once; a broken connection is taken up where it broke."""
        deadline: float | None = None
        while True:
            got = 0
            try:
                async for text in self._stream(follow=follow):
                    got += 1
                    deadline = None
                    yield self._pod.line(text)
                # A stream that ended may have been cut; one that brings nothing more has ended.
                if got == 0 or not follow:
                    return
            except ApiError as error:
                if error.not_found:
                    async for text in self._stored():
                        yield self._pod.line(text)
                    return
                waiting = error.code == 400 and ("waiting to start" in error.message or "Initializ" in error.message)
                now = asyncio.get_running_loop().time()
                deadline = now + self._backend.outage if deadline is None else deadline
                if not (is_transient(error) or waiting) or now > deadline:
                    raise explained(error, self._backend.describe(), f"the log of pod {self._pod.name}") from error
                await asyncio.sleep(_PAUSE)

    async def _stream(self, *, follow: bool) -> AsyncIterator[str]:
        client = await self._backend.client()
        since, skip = _second(self._last), self._at_last
        namespace = self._run["metadata"]["namespace"]
        lines = client.log(namespace, self._pod.name, constants.CONTAINER, follow=follow, since=since)
        repeated = since is not None
        async for line in lines:
            time, _, text = line.partition(" ")
            if repeated and time <= self._last and (time < self._last or skip):
                skip -= time == self._last
                continue
            repeated = False
            self._at_last = self._at_last + 1 if time == self._last else 1
            self._last = time
            yield text

    async def _stored(self) -> AsyncIterator[str]:
        """From the store, the rest after what was told; a line that says so where it cannot be had."""
        text, problem = await stored_log(self._backend, self._run, {"uid": self._pod.uid})
        if text is None:
            yield f"[pod {self._pod.name} is gone, and its log in the store cannot be read: {problem}]"
            return
        if self._last:
            yield f"[pod {self._pod.name} is gone; its whole log is in the store]"
            return
        for line in text.splitlines():
            yield line
