"""The log of a run from its pods, attempt after attempt, each line once; from the store where a pod is gone."""

import asyncio
import contextlib
import math
import re
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlrun_operator.api import bounds, constants
from mlrun_operator.api.contract.live import PREFIX
from mlrun_operator.api.contract.log_length import GAP, NEAR_END, told_length
from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.sdk.backend import Backend, LogLine
from mlrun_operator.sdk.backends.explained import explained, is_transient
from mlrun_operator.sdk.errors import SdkError
from mlrun_operator.sdk.states import FINISHED
from mlrun_operator.sdk.status import has_ended
from mlrun_operator.sdk.stores.runs import stored_log

if TYPE_CHECKING:
    from mlrun_operator.cluster.user_client import UserApiClient

_PAUSE: Final = 0.3
# For how long a server may refuse the log of a pod that has ended before the store is asked.
_PATIENCE: Final = 5.0
_BUFFERED: Final = bounds.LOG_LINES.limit
_MAX_WHY: Final = 200
# What is read of a log for live results: its end, and where so many lines have none, what came in the last seconds,
# in which the wrapper tells them again.
_LIVE_LINES: Final = bounds.LIVE_LOG.limit
_LIVE_SECONDS: Final = 3 * bounds.LIVE_SECONDS.limit
_LIVE_BYTES: Final = 4 * bounds.MIB
# In a 400: the container may still start.
_NOT_STARTED: Final = ("waiting to start", "Initializ", "is not available", "does not have a host assigned")


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


class LogSource(Backend):
    """A backend whose runs are in pods. `outage` is for how many seconds the cluster may not answer."""

    outage: float

    @abstractmethod
    async def client(self) -> "UserApiClient":
        """Return the connection of the running event loop."""


def pods_of(run: Object) -> list[Pod]:
    """The pods that the status tells of, in the order of their attempts; of replicas the newest pod of each, too."""
    status = status_of(run)
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


def has_ended_pod(run: Object | None, pod: Pod) -> bool:
    """Whether no more will come from the pod, by the run's newest state; None: it was deleted."""
    if run is None or has_ended(run):
        return True
    status = status_of(run)
    for each in status.get("attempts") or ():
        if each["pod"] == pod.name:
            return any(each.get(name) is not None for name in ("reason", "exitCode", "completionTime"))
    phases = [each["phase"] for each in status.get("replicaStatuses") or () if each.get("pod") == pod.name]
    return not phases or phases[0] in FINISHED


async def run_log(backend: LogSource, run: Object, *, follow: bool) -> AsyncIterator[LogLine]:
    """The lines of all pods of the current execution; with `follow` until the run has ended.

    One pod after the other; followed replicas side by side, as their lines come.
    """
    meta = run["metadata"]
    if not follow:
        now = await backend.read(RUNS, meta["namespace"], meta["name"])
        for pod in pods_of(now):
            async for line in _Attempt(backend, now, pod, lambda: now).lines(follow=False):
                yield line
        return
    async with _Following(backend, run) as lines:
        async for line in lines:
            yield line


async def live_lines(backend: LogSource, run: Object, pod: str) -> list[str]:
    """Return the lines of live results in the end of a pod's log. Raises SdkError."""
    client, namespace = await backend.client(), run["metadata"]["namespace"]
    try:
        for only in ({"tailLines": _LIVE_LINES}, {"sinceSeconds": _LIVE_SECONDS}):
            lines = await client.log_end(namespace, pod, constants.CONTAINER, limitBytes=_LIVE_BYTES, **only)
            frames = [line for line in lines if line.startswith(PREFIX)]
            if frames or len(lines) < _LIVE_LINES:
                return frames
    except ApiError as error:
        if error.code == 400 and any(words in error.message for words in _NOT_STARTED):
            return []
        raise explained(error, backend.describe(), f"the log of pod {pod}") from error
    return []


class _Following:
    """A queue of lines, filled by a task for each pod and one that looks for new pods."""

    def __init__(self, backend: LogSource, run: Object) -> None:
        self._backend = backend
        self._run = run
        self._newest: Object | None = run
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
                    self._newest = None
                    return
                self._newest = current
                for pod in pods_of(current):
                    if pod.name not in told:
                        told.add(pod.name)
                        group.create_task(self._tell(current, pod, turn if pod.replica is None else None))
                if has_ended(current):
                    return

    async def _tell(self, run: Object, pod: Pod, turn: asyncio.Lock | None) -> None:
        """The lines of a pod; one that has to wait for its turn comes after those before it."""
        async with turn or contextlib.nullcontext():
            async for line in _Attempt(self._backend, run, pod, lambda: self._newest).lines(follow=True):
                await self._lines.put(line)


class _Attempt:
    """The log of one pod. What was told already is known by time and by how many lines had that time.

    `newest` tells the run as it is now; `run` is the one whose execution the pod is of.
    """

    def __init__(self, backend: LogSource, run: Object, pod: Pod, newest: Callable[[], Object | None]) -> None:
        self._backend = backend
        self._run = run
        self._pod = pod
        self._newest = newest
        self._last = ""
        self._at_last = 0

    async def lines(self, *, follow: bool) -> AsyncIterator[LogLine]:
        """The lines, each once; a broken connection is taken up where it broke.

        One pod whose log cannot be had must not hide the others': once it has ended, the store is asked.
        """
        if not follow:
            is_whole, texts = await self._lost_head()
            for text in texts:
                yield self._pod.line(text)
            if is_whole:
                return
        failing: float | None = None
        while True:
            got = 0
            try:
                async for text in self._stream(follow=follow):
                    got += 1
                    failing = None
                    yield self._pod.line(text)
                # A stream that ended may have been cut; one that brings nothing more has ended.
                if got == 0 or not follow:
                    return
            except ApiError as error:
                now = asyncio.get_running_loop().time()
                failing = now if failing is None else failing
                ended = has_ended_pod(self._newest(), self._pod)
                if now - failing <= self._patience(error, ended=ended, follow=follow):
                    await asyncio.sleep(_PAUSE)
                    continue
                if not (error.not_found or (ended and error.code)):
                    raise explained(error, self._backend.describe(), f"the log of pod {self._pod.name}") from error
                async for text in self._stored(error):
                    yield self._pod.line(text)
                return

    def _patience(self, error: ApiError, *, ended: bool, follow: bool) -> float:
        """For how many seconds this error may last; negative where another try is of no use."""
        starts = not ended and error.code == 400 and any(words in error.message for words in _NOT_STARTED)
        if not (is_transient(error) or starts):
            return -1
        if error.code and ended:
            return min(_PATIENCE, self._backend.outage)
        # A server that answers, of a node that does not: the run's own watch tells when the pod is given up.
        return math.inf if error.code and follow else self._backend.outage

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

    async def _lost_head(self) -> tuple[bool, list[str]]:
        """What the node no longer has of the beginning, from the store; and whether that is the whole log."""
        meta, pod = self._run["metadata"], self._pod.name
        if not has_ended_pod(self._newest(), self._pod):
            return False, []
        client = await self._backend.client()
        try:
            end = await client.log_end(meta["namespace"], pod, constants.CONTAINER, tailLines=NEAR_END)
            length = told_length(end)
            if length is None:
                return False, []
            sizes = [len(text.encode()) + 1 async for text in self._unstamped(client)]
        except ApiError:
            return False, []  # the log itself is asked for next, and told as it can be had
        if sum(sizes) >= length:
            return False, []
        text, problem = await stored_log(self._backend, self._run, {"uid": self._pod.uid})
        lost = f"about {length - sum(sizes)} bytes of the log of pod {pod} are gone from its node, which rotated it"
        if text is None:
            return False, [f"[the first {lost}; the log in the store cannot be read: {problem}]"]
        head, *rest = GAP.split(text, maxsplit=1)
        if not rest or sum(sizes) <= len(rest[0].encode()):
            return True, [*text.splitlines(), f"[{lost}; this is the log of the store]"]
        return False, [*head.splitlines(), f"[{lost}; above is the beginning from the store, below what the node has]"]

    async def _unstamped(self, client: "UserApiClient") -> AsyncIterator[str]:
        async for line in client.log(self._run["metadata"]["namespace"], self._pod.name, constants.CONTAINER):
            yield line.partition(" ")[2]

    async def _stored(self, error: ApiError) -> AsyncIterator[str]:
        """From the store, the rest after what was told; a line that says so where it cannot be had."""
        text, problem = await stored_log(self._backend, self._run, {"uid": self._pod.uid})
        pod, why = self._pod.name, error.message.split("\n", 1)[0][:_MAX_WHY]
        if text is None and error.not_found:
            yield f"[pod {pod} is gone, and its log in the store cannot be read: {problem}]"
        elif text is None:
            yield f"[the log of pod {pod} cannot be had ({why}), nor the one in the store: {problem}]"
        elif self._last:
            lost = "is gone" if error.not_found else f"tells no more ({why})"
            yield f"[pod {pod} {lost}; its whole log is in the store]"
        else:
            for line in text.splitlines():
                yield line
