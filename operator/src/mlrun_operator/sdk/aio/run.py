"""A run's handle."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final, Self

from mlrun_operator.api.objects import Object, is_controlled_by
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.visible import visible
from mlrun_operator.cluster.queue_position import function_keys
from mlrun_operator.cluster.resources import FUNCTIONS, RUNS
from mlrun_operator.sdk.aio.entities import AsyncEntity, handle, read_entity
from mlrun_operator.sdk.aio.run_outputs import output_entities
from mlrun_operator.sdk.backend import Backend, LogLine
from mlrun_operator.sdk.errors import (
    DataUnreachable,
    NotFound,
    NotSupported,
    RunFailed,
    RunNotFinished,
    RunStopped,
    RunStuck,
    WaitTimeout,
)
from mlrun_operator.sdk.live import frame_of, live_results
from mlrun_operator.sdk.progress import Progress
from mlrun_operator.sdk.results import Results
from mlrun_operator.sdk.session import Session
from mlrun_operator.sdk.status import has_ended, is_stop_seen, told_objects
from mlrun_operator.sdk.stores.runs import stored_text
from mlrun_operator.sdk.views import RunView
from mlrun_operator.store import DamagedError, parse_document

# What does not get better by waiting alone. The run goes on trying, but the user should know at once.
STUCK: Final = frozenset(
    {
        Reason.IMAGE_PULL,
        Reason.UNSCHEDULABLE,
        Reason.SECRET_MISSING,
        Reason.CONFIG_MAP_MISSING,
        Reason.VOLUME_MISSING,
        Reason.VOLUME_UNSUPPORTED,
        Reason.POD_FAILING,
        Reason.FUNCTION_MISSING,
        Reason.QUOTA_EXCEEDED,
        Reason.ADMISSION_DENIED,
        Reason.NAME_CONFLICT,
    }
)

# How long a rerun waits for the operator to see the stop that it takes back.
_SEEN_SECONDS: Final = 60.0


class AsyncRun(RunView):
    """One run. Its properties tell what was read last; `refresh` and `wait` read anew."""

    def __init__(self, session: Session, obj: Object) -> None:
        self._session = session
        self._obj = obj

    async def refresh(self) -> Self:
        """Read the run again. Raises NotFound where it was deleted."""
        self._obj = await self._session.backend.read(RUNS, self.namespace, self.object_name)
        return self

    async def save(self) -> Self:
        """Create the run, or make the one of that name so; for runs that came from a manifest."""
        self._obj = await self._session.backend.apply(RUNS, _written(self._obj))
        return self

    submit = save

    async def wait(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - a deadline in words, not a cancellation
        *,
        check: bool = True,
        fail_fast: bool = True,
        patience: float = 10.0,
        logs: bool = False,
        log_info: bool | None = None,
    ) -> Self:
        """Wait for the end of the run, by a watch.

        Raises RunFailed or RunStopped with the diagnosis, unless `check` is false; RunStuck where for `patience`
        seconds it could not start for a cause that does not mend itself, unless `fail_fast` is false; WaitTimeout after
        `timeout` seconds. With `logs` the log is printed as it comes, with `log_info` each change of state (in
        notebooks by default). A schedule has no end: NotSupported, with the hint `next_run()`.
        """
        if self.is_scheduled:
            raise NotSupported(
                f"{self.name} is a schedule, which has no end", hint="next_run() waits for its next run."
            )
        printing = asyncio.create_task(self._print_logs()) if logs else None
        progress = Progress(self, shown=log_info)
        try:
            async with asyncio.timeout(timeout):
                await self._until_end(progress, patience if fail_fast else None)
                if printing is not None:
                    await printing
        except TimeoutError:
            if not has_ended(self._obj):
                raise WaitTimeout(
                    f"{self.name} did not end within {timeout:g} seconds; it is {self.state}"
                    f"{f' ({self.status.reason})' if self.status.reason else ''}",
                    hint="It goes on; wait again, or stop() it.",
                ) from None
        finally:
            if printing is not None:
                printing.cancel()
                await asyncio.gather(printing, return_exceptions=True)
        if check:
            self.raise_for_status()
        return self

    async def _until_end(self, progress: Progress, patience: float | None) -> None:
        changes = self._session.backend.follow(RUNS, self.namespace, self.object_name)
        uid = self.uuid
        pending: asyncio.Task[Object | None] | None = None
        try:
            while True:
                pending = pending or asyncio.ensure_future(anext(changes))
                stuck = self._stuck() if patience is not None else ""
                done, _ = await asyncio.wait({pending}, timeout=patience if stuck else None)
                if not done:
                    raise self._stuck_error()
                current, pending = pending.result(), None
                if current is None or uid not in (None, current["metadata"]["uid"]):
                    raise NotFound(f"{self.name} was deleted")
                self._obj = current
                progress.changed()
                if has_ended(current):
                    return
        finally:
            if pending is not None:
                pending.cancel()
                await asyncio.gather(pending, return_exceptions=True)
            await changes.aclose()

    def _stuck(self) -> str:
        """The reason that keeps it from starting, if it is one that lasts."""
        reason = self.status.reason or ""
        return reason if self.phase == "Pending" and reason in STUCK else ""

    def _stuck_error(self) -> RunStuck:
        words = self.status.message.split("\n", 1)[0] or self.status.reason
        return RunStuck(
            f"{self.name} cannot start: {self.status.reason}: {words}",
            hint=f"{_todo(self)} The run goes on trying; stop() ends it.",
            reason=self.status.reason or "",
            details=self.status.message,
        )

    def raise_for_status(self) -> None:
        """Raise RunFailed or RunStopped where, as it was read last, the run ended so."""
        if not has_ended(self._obj) or self.phase == "Succeeded":
            return
        message, reason = self.status.message, self.status.reason or ""
        words = message.split("\n", 1)[0]
        text = f"{self.name} {'was stopped' if self.phase == 'Stopped' else 'failed'}"
        text += f": {reason}" if reason not in ("", self.phase) else ""
        text += f": {words}" if words else ""
        kind = RunStopped if self.phase == "Stopped" else RunFailed
        todo = "" if _todo(self) in words else _todo(self)
        raise kind(text, hint=todo or "logs() has the rest.", reason=reason, details=message)

    async def _print_logs(self) -> None:
        async for line in self.logs(follow=True):
            print(visible(line), flush=True)

    async def logs(self, follow: bool = False) -> AsyncIterator[LogLine]:  # noqa: FBT001, FBT002 - DigitalHub's
        """The lines of the log, attempt after attempt; with `follow` as they come, until the run has ended.

        From the pods, and from the store where a pod is gone. Lines of live results are left out.
        """
        async for line in self._session.backend.log(self._obj, follow=follow):
            if frame_of(line) is None:
                yield line

    async def log_text(self) -> str:
        """The log as it is now."""
        return "\n".join([line async for line in self.logs()])

    async def run_json(self) -> Object:
        """The wrapper's whole report of the newest attempt, from the store: also what is too long for the status.

        Raises DataUnreachable where no way leads to the store, and RunNotFinished before the end.
        """
        await self._ended()
        attempts = self.status.get("attempts") or ()
        if not attempts:
            raise NotFound(f"{self.name} had no attempt; nothing of it is in the store")
        text, problem = await stored_text(self._session.backend, self._obj, attempts[-1], "run.json")
        if text is None:
            raise DataUnreachable(f"run.json of {self.name} cannot be read: {problem}")
        try:
            return parse_document(f"run.json of {self.name}", text)
        except DamagedError as error:
            raise DataUnreachable(str(error)) from error

    async def stop(self) -> Self:
        """End the current execution; what it has logged so far is kept."""
        return await self._change({"stop": True})

    async def suspend(self) -> Self:
        """Hold the run, or a schedule's next ones, until `resume`."""
        return await self._change({"suspend": True})

    async def resume(self) -> Self:
        """Let a suspended run go on."""
        return await self._change({"suspend": None})

    async def rerun(self) -> Self:
        """Run once more, as a new execution of this run, once the last one has ended. `stop` is taken back.

        Not before the operator has seen that stop: else it might never see it, and the last execution would run on.
        Raises WaitTimeout where that takes over a minute; the stop stays.
        """
        await self._until_stop_is_seen()
        return await self._change({"rerun": secrets.token_hex(4), "stop": None})

    async def _until_stop_is_seen(self) -> None:
        if is_stop_seen((await self.refresh())._obj):
            return
        changes = self._session.backend.follow(RUNS, self.namespace, self.object_name)
        try:
            async with asyncio.timeout(_SEEN_SECONDS), aclosing(changes):
                async for current in changes:
                    if current is None or is_stop_seen(current):
                        return
        except TimeoutError:
            raise WaitTimeout(
                f"the operator has not seen within {_SEEN_SECONDS:g} seconds that {self.name} is to stop",
                hint="Nothing was changed. Look whether the operator runs (`mlrunctl doctor`), then run it again.",
            ) from None

    async def _change(self, spec: Object) -> Self:
        self._obj = await self._session.backend.merge(RUNS, self.namespace, self.object_name, {"spec": spec})
        return self

    async def replay(self, *, current: bool = False) -> "AsyncRun":
        """Run it once more on this machine, as its last execution ran; the handle of that local run, at once.

        It gets the same code, the same versions of its inputs, which are copied here, and the same parameters. With
        `current` function and run may have changed since, and count as they are now. Raises InvalidArgument where the
        run cannot be had again as it ran, NotSupported for schedules, DataUnreachable where an input cannot be read.
        """
        from mlrun_operator.sdk.aio.replay import Replay

        local = await self._session.local()
        obj = await Replay(self._session, local, (await self.refresh())._obj).object(
            await referenced_function(self._session.backend, self._obj), current=current
        )
        return AsyncRun(local, await local.backend.create(RUNS, obj))

    async def delete(self) -> None:
        """Delete the run with its Job and pods. What it stored stays in the store."""
        await self._session.backend.delete(RUNS, self.namespace, self.object_name)

    async def events(self) -> list[Object]:
        """Kubernetes' events of the run, its Job and its pods, oldest first: time, type, reason, message, object."""
        found = await self._session.backend.events(self.namespace, told_objects(self._obj))
        return [_event(each) for each in found]

    async def outputs(self, as_key: bool = False, as_dict: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """What the run stored, by name: handles, or with `as_key` keys, with `as_dict` dictionaries.

        Raises RunNotFinished before the end. A run that failed has what it stored until then.
        """
        await self._ended()
        found = output_entities(self._obj)
        for entity in found.values():
            self._session.remember(entity)
        if as_key:
            return {name: str(entity.key) for name, entity in found.items()}
        if as_dict:
            return {name: entity.to_dict() for name, entity in found.items()}
        return {name: handle(self._session, entity, self.namespace) for name, entity in found.items()}

    async def output(self, name: str) -> AsyncEntity:
        """One output. Raises NotFound with the names that there are."""
        found: dict[str, AsyncEntity] = await self.outputs()
        if name not in found:
            there = ", ".join(sorted(found)) or "none"
            raise NotFound(f"{self.name} has no output {name!r}; its outputs: {there}")
        return found[name]

    async def results(self, *, live: bool = False) -> Results:
        """The plain values that the handler returned or logged. Raises RunNotFinished before the end.

        With `live` before the end, too: what the handler has logged so far, with the run's progress, from the ends of
        its pods' logs or, without the right to read them, from the store. Raises DataUnreachable where neither can be
        read.
        """
        if live and not self.is_finished and self.saved:
            await self.refresh()
        if live and not self.is_finished:
            return await live_results(self._session.backend, self._obj)
        await self._ended()
        return Results(self.status.get("results"))

    async def result(self, key: str) -> Any:
        """One of them. Raises NotFound with the names that there are."""
        found = await self.results()
        if key not in found:
            raise NotFound(f"{self.name} has no result {key!r}; its results: {', '.join(sorted(found)) or 'none'}")
        return found[key]

    async def values(self) -> Object:
        """The results that the run's `values` name; all where it names none."""
        found = await self.results()
        named = self._spec.get("values")
        return found if named is None else {name: found[name] for name in named if name in found}

    async def inputs(self, as_key: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - DigitalHub's
        """What the run reads, by parameter: entity handles for keys, else as it was written."""
        found: dict[str, Any] = {}
        for name, value in (self._spec.get("inputs") or {}).items():
            key = value if isinstance(value, str) else value.get("key") if isinstance(value, dict) else None
            if not as_key and isinstance(key, str) and key.startswith("store://"):
                found[name] = handle(self._session, await read_entity(self._session, self.namespace, key))
            else:
                found[name] = value
        return found

    async def next_run(self, timeout: float | None = None) -> "AsyncRun":  # noqa: ASYNC109 - as in wait
        """Of a schedule: wait for its next run. Raises WaitTimeout, and NotSupported for a run that is no schedule."""
        if not self.is_scheduled:
            raise NotSupported(f"{self.name} is no schedule", hint="wait() waits for its end.")
        try:
            async with asyncio.timeout(timeout):
                return await self._next_child()
        except TimeoutError:
            raise WaitTimeout(f"{self.name} had no new run within {timeout:g} seconds") from None

    async def _next_child(self) -> "AsyncRun":
        known = {run["metadata"]["uid"] for run in await self._session.backend.find(RUNS, self.namespace)}
        async for kind, obj in self._session.backend.follow_all(RUNS, self.namespace):
            if kind == "ADDED" and self._is_child(obj) and obj["metadata"]["uid"] not in known:
                return AsyncRun(self._session, obj)
        raise NotFound(f"{self.name} was deleted")

    async def runs(self) -> list["AsyncRun"]:
        """Of a schedule: its runs, oldest first."""
        children = list(filter(self._is_child, await self._session.backend.find(RUNS, self.namespace)))
        children.sort(key=lambda run: str(run["metadata"].get("creationTimestamp")))
        return [AsyncRun(self._session, run) for run in children]

    def _is_child(self, run: Object) -> bool:
        """Return whether this schedule made the run."""
        return self.uuid is not None and is_controlled_by(run, self.uuid)

    async def _ended(self) -> None:
        if not self.is_finished and self.saved:
            await self.refresh()
        if not self.is_finished:
            raise RunNotFinished(f"{self.name} has not finished; it is {self.state}", hint="wait() waits for its end.")


async def referenced_function(backend: Backend, run: Object) -> Object | None:
    """The function that the run's reference names, as it is now; None where it is gone, or inline."""
    for namespace, name in function_keys(run):
        try:
            return await backend.read(FUNCTIONS, namespace, name)
        except NotFound:
            continue
    return None


def _todo(run: RunView) -> str:
    return run.explanation.partition(". ")[2] if run.explanation else ""


def _event(event: Object) -> Object:
    involved = event.get("involvedObject") or {}
    return {
        "time": event.get("eventTime") or event.get("lastTimestamp"),
        "type": event.get("type"),
        "reason": event.get("reason"),
        "message": event.get("message"),
        "object": f"{involved.get('kind')}/{involved.get('name')}",
    }


def _written(obj: Object) -> Object:
    """The object as server-side apply takes it: what the server keeps for itself is left out."""
    meta = {n: v for n, v in obj["metadata"].items() if n in ("name", "namespace", "labels", "annotations")}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": meta, "spec": obj["spec"]}
