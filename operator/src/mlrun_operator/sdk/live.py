"""Live results: those of a run's newest pods, from the end of their logs, else from their folders in the store."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, NoReturn

from mlrun_operator.api import bounds
from mlrun_operator.api.contract.live import LIVE_FILE, PREFIX, LiveResults, decode
from mlrun_operator.api.objects import Object
from mlrun_operator.api.words import clauses
from mlrun_operator.sdk.backend import Backend, LogLine
from mlrun_operator.sdk.backends.pod_logs import Pod, has_ended_pod, pods_of
from mlrun_operator.sdk.errors import DataUnreachable, SdkError
from mlrun_operator.sdk.results import Results, of_pod, of_run
from mlrun_operator.sdk.stores.access import Access
from mlrun_operator.sdk.stores.runs import run_folder
from mlrun_operator.store import NotFoundError, StoreError

_MAX_PODS: Final = bounds.LIVE_PODS.limit


def frame_of(line: LogLine) -> LiveResults | None:
    """Return the live results that the line of a log tells of its own pod; None for any other line."""
    live = decode(line) if line.startswith(PREFIX) else None
    return live if live is not None and live.pod == line.pod else None


class LiveLog:
    """The live results in a log that is followed."""

    def __init__(self) -> None:
        self._pods: dict[int | None, Results] = {}
        self._attempts: dict[int | None, int] = {}
        self._read: Results | None = None

    def take(self, line: LogLine) -> bool:
        """Remember what the line tells, of each index the newest pod's; return whether it is one of live results."""
        live, newest = frame_of(line), self._attempts.get(line.replica, 0)
        if line.attempt > newest:
            self._attempts[line.replica] = line.attempt
            self._pods.pop(line.replica, None)
        if live is not None and line.attempt >= newest:
            self._pods[line.replica] = of_pod(live, "log")
        return live is not None

    async def read(self, backend: Backend, newest: Callable[[], Object]) -> NoReturn:
        """Read the live results every few seconds, where the log cannot be followed."""
        while True:
            with contextlib.suppress(SdkError):
                self._read = await live_results(backend, newest())
            await asyncio.sleep(bounds.LIVE_SECONDS.limit)

    def results(self, run: Object) -> Results | None:
        """Return what the pods told last; None where none of them has told anything."""
        pods = dict(sorted(self._pods.items(), key=_index)[:_MAX_PODS])
        return of_run(run, pods) if pods else self._read


async def live_results(backend: Backend, run: Object) -> Results:
    """Return what the run's newest pods tell. Raises DataUnreachable where neither log nor store can be read."""
    pods = _newest(run)
    answers = await asyncio.gather(*(_of_pod(backend, run, pod) for pod in pods))
    problems = [answer for answer in answers if isinstance(answer, str)]
    if problems and len(problems) == len(pods):
        name = run["metadata"]["name"]
        raise DataUnreachable(
            f"the live results of {name} cannot be read: {problems[0]}", hint="Use wait() for the final results."
        )
    read = {pod.replica: answer for pod, answer in zip(pods, answers, strict=True) if isinstance(answer, Results)}
    return of_run(run, read)


def _index(pod: tuple[int | None, Results]) -> int:
    return pod[0] or 0


def _newest(run: Object) -> list[Pod]:
    """Return the newest pod of each index, at most a few, those that run first."""
    newest = {pod.replica: pod for pod in sorted(pods_of(run), key=lambda pod: pod.attempt)}
    if len(newest) > 1:
        newest.pop(None, None)  # a fan-out's collector calls no handler
    ordered = sorted(newest.values(), key=lambda pod: (has_ended_pod(run, pod), pod.replica or 0))
    return ordered[:_MAX_PODS]


async def _of_pod(backend: Backend, run: Object, pod: Pod) -> Results | str:
    """Return what the pod tells, or why it cannot be read."""
    try:
        lines = await backend.live_lines(run, pod.name, pod.attempt)
    except SdkError as error:
        live, problem = await _stored(backend, run, pod)
        return of_pod(live, "store") if not problem else clauses(error.message, problem)
    frames = (frame_of(LogLine(line, pod.name)) for line in reversed(lines))
    live = next(filter(None, frames), None)
    return of_pod(live, "log")


async def _stored(backend: Backend, run: Object, pod: Pod) -> tuple[LiveResults | None, str]:
    """Return what the pod's folder in the store has, and why it cannot be read. No fetch run is started for it."""
    folder = run_folder(run, {"uid": pod.uid})
    if folder is None:
        return None, f"the run does not tell the folder of pod {pod.name} in the store"
    try:
        catalogue = await Access(backend, run["metadata"]["namespace"]).catalogue()
    except SdkError as error:
        return None, error.message
    if catalogue is None:
        return None, "the store cannot be reached from here"
    try:
        data = await asyncio.to_thread(catalogue.store.read, f"{folder}/{LIVE_FILE}")
    except NotFoundError:
        return None, ""
    except StoreError as error:
        return None, str(error)
    return decode(data.decode(errors="replace"), bounds.LIVE_DOCUMENT.limit), ""
