"""A history's steps on the real API server, each a verb of the simulated world with the same arguments.

Names begin with the history's prefix, so that many histories share one namespace and one operator. Limits of time are a
sixth of the simulator's, and waits a second or a few. Steps that no real cluster offers are skipped: clocks that step
(`step_clock`), watches that are held, lost or doubled (`hold`, `release`, `lose`, `double`), and a quota for pods
(`refuse_pods`), which would hold all histories of the namespace.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

from support.api import Answer, url
from support.kube import Object, function, run
from support.lab import World
from support.real.keeper import Keeper
from support.real.kubelet import PlayedKubelet, PlayedPod
from support.simulator.kubelet import Sigterm
from support.simulator.objects import controller_of, is_deleting, is_job_finished, is_terminal
from support.simulator.rules import Call
from support.simulator.world import CODE, JOB_PATCHES, REFUSALS
from support.troubles import Trouble, Troubles

LIMITS_OF_TIME: Final = ("activeDeadlineSeconds", "pendingDeadlineSeconds", "ttlSecondsAfterFinished")
_SHORTER: Final = 6
_SHORTEST: Final = 3
# After a step all is given time to happen: until nothing has for a while, but not for ever; now and then none.
_STILL_SECONDS: Final = 0.25
_SETTLE_SECONDS: Final = 1.5
_HASTE: Final = 0.25
# A silent node's pods are deleted after so long.
_TOLERATION: Final = 340
# Slots at which a schedule fires when a history waits long, in minutes since 1970.
_FIRST_SLOT: Final = 29_000_000
_SLOT_MINUTES: Final = 10
_INTERRUPTED_SECONDS: Final = 3.0


class RealHistory:
    """One history in a world."""

    def __init__(self, world: World, kubelet: PlayedKubelet, troubles: Troubles, keeper: Keeper, seed: int) -> None:
        self.seed, self.prefix = seed, prefix_of(seed)
        self._world, self._kubelet, self._troubles, self._keeper = world, kubelet, troubles, keeper
        self._habits = kubelet.habits[self.prefix]
        self._dice = random.Random(seed)
        self._slots = 0
        self._acts: set[asyncio.Task[None]] = set()
        # The steps that were not played, and what the API server refused.
        self.skipped: list[str] = []
        self.refused: list[str] = []

    async def play(self, calls: list[Call]) -> None:
        """Play all steps."""
        await self.apply_function()
        for call in calls:
            verb = getattr(self, call.verb, None)
            if verb is None:
                self.skipped.append(call.verb)
                continue
            try:
                await verb(*call.args, **call.kwargs)
            except Answer as answer:
                self.refused.append(f"{call}: {answer}")
            if self._dice.random() > _HASTE:
                await self._settle()

    async def end_troubles(self) -> None:
        """Let the rest of the world be kind: pods start and succeed by themselves."""
        self._troubles.end(prefix=self.prefix)
        for task in self._acts:
            task.cancel()
        for schedule in [*self._all("mlrunruns")]:
            if "schedule" in schedule["spec"]:
                await self._patch("mlrunruns", schedule["metadata"]["name"], {"spec": {"suspend": True}})
        for played in self._played_pods():
            self._kubelet.give_back(played)
        self._habits.are_pods_automatic = True

    # What there is.

    def _all(self, plural: str) -> Iterator[Object]:
        objects = self._world.records.all(plural, self._world.namespace)
        return (obj for obj in objects if obj["metadata"]["name"].startswith(self.prefix))

    def _get(self, plural: str, name: str) -> Object | None:
        return self._world.records.get(plural, self._world.namespace, name)

    def _played_pods(self) -> list[PlayedPod]:
        pods = (self._kubelet.played(pod) for pod in self._all("pods"))
        return [played for played in pods if played is not None]

    async def _patch(self, plural: str, name: str, changes: Object) -> None:
        with _gone_is_fine():
            await self._world.api.merge(plural, self._world.namespace, name, changes)

    async def _delete(self, plural: str, name: str, propagation: str = "Background") -> None:
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        with _gone_is_fine():
            await self._world.api.request("DELETE", url(plural, self._world.namespace, name), options)

    async def _settle(self) -> None:
        """Wait until nothing of the history has changed for a moment."""
        until, still, before = time.monotonic() + _SETTLE_SECONDS, 0.0, self._changes()
        while still < _STILL_SECONDS and time.monotonic() < until:
            await asyncio.sleep(0.05)
            still, before = (still + 0.05, before) if self._changes() == before else (0.0, self._changes())

    def _changes(self) -> int:
        """Return a number that grows with every change of what there is."""
        objects = (obj for plural in ("mlrunruns", "jobs", "pods") for obj in self._all(plural))
        return max((int(obj["metadata"]["resourceVersion"]) for obj in objects), default=0)

    # Users.

    async def apply_function(self, name: str = "fn", **spec: Any) -> None:
        """Create the function, or change fields of it."""
        place, spec = self.prefix + name, self._scaled(spec)
        if self._get("mlrunfunctions", place) is None:
            whole = _without_nones(spec)
            with _gone_is_fine(409):
                await self._world.apply(function(place, CODE, **whole))
        else:
            await self._patch("mlrunfunctions", place, {"spec": spec})

    async def delete_function(self, name: str = "fn") -> None:
        """Delete the function."""
        await self._delete("mlrunfunctions", self.prefix + name)

    async def create(self, name: str, **spec: Any) -> None:
        """Create a run, unless there is one of that name."""
        whole = {"parameters": {"x": 1}, **_without_nones(self._scaled(spec))}
        if "schedule" in whole:
            whole["schedule"] = "0 0 1 1 *"
        obj = run(self.prefix + name, self.prefix + "fn", **whole)
        if "function" in whole:
            del obj["spec"]["functionRef"]
        with _gone_is_fine(409):
            await self._world.apply(obj)

    async def edit(self, name: str, **spec: Any) -> None:
        """Change fields of a run's spec; None removes a field."""
        await self._patch("mlrunruns", self.prefix + name, {"spec": self._scaled(spec)})

    async def delete(self, name: str) -> None:
        """Delete a run."""
        await self._delete("mlrunruns", self.prefix + name)

    async def hold_by_finalizer(self, name: str) -> None:
        """Somebody puts a finalizer on the run."""
        obj = self._get("mlrunruns", self.prefix + name)
        if obj is not None and not is_deleting(obj):
            await self._patch("mlrunruns", self.prefix + name, {"metadata": {"finalizers": ["example.org/keep"]}})

    async def drop_finalizer(self, name: str) -> None:
        """The finalizer is taken off."""
        await self._patch("mlrunruns", self.prefix + name, {"metadata": {"finalizers": None}})

    async def give_secret(self) -> None:
        """The missing Secret is created."""
        self._habits.missing_secrets.clear()

    def _scaled(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return the spec with shorter times, and with the names of this history."""
        shorter = {name: _shorter(spec[name]) for name in LIMITS_OF_TIME if name in spec}
        scaled: dict[str, Any] = {**spec, **shorter}
        for nested in ("run", "function"):
            if isinstance(scaled.get(nested), dict):
                scaled[nested] = self._scaled(scaled[nested])
        if isinstance(reference := scaled.get("functionRef"), dict):
            scaled["functionRef"] = {**reference, "name": self.prefix + reference["name"]}
        return scaled

    # Pods.

    async def pod_runs(self, number: int = 0) -> None:
        """A pod's containers start."""
        if played := self._pod(number):
            await self._kubelet.run(played)

    async def pod_ends(self, number: int = 0, reason: str = "Succeeded", code: int = 0) -> None:
        """A pod's wrapper reports and ends."""
        if played := self._pod(number):
            await self._kubelet.end(played, reason, code)

    async def pod_is_killed(self, number: int = 0) -> None:
        """A pod's wrapper is killed for its memory, without a report."""
        if played := self._pod(number):
            await self._kubelet.end(played, "", 137, reason="OOMKilled")

    async def sidecar_ends(self, number: int = 0, code: int = 0) -> None:
        """The other containers of a pod end."""
        if played := self._pod(number):
            await self._kubelet.end_sidecars(played, code)

    async def evict(self, number: int = 0, *, own_limit: bool = False) -> None:
        """A pod is evicted."""
        if played := self._pod(number):
            await self._kubelet.evict(played, own_limit=own_limit)

    async def lose_node(self, number: int = 0) -> None:
        """A pod's node falls silent."""
        if played := self._pod(number):
            self._kubelet.lose(played)

    async def remove_node(self, number: int = 0) -> None:
        """A pod's node is taken away."""
        if played := self._pod(number):
            await self._kubelet.collect(played)

    async def return_node(self, number: int = 0) -> None:
        """A pod's silent node comes back."""
        if played := self._pod(number):
            self._kubelet.give_back(played)

    async def delete_pod(self, number: int = 0) -> None:
        """Somebody deletes a pod."""
        if played := self._pod(number):
            await self._kubelet.delete(played)

    async def force_delete(self, number: int = 0) -> None:
        """Somebody deletes a pod without grace."""
        if played := self._pod(number):
            await self._kubelet.delete(played, grace=0)

    async def sigterm(self, seconds: int, code: int) -> None:
        """From now on wrappers answer SIGTERM so."""
        self._habits.sigterm = Sigterm(seconds, code)

    def _pod(self, number: int) -> PlayedPod | None:
        """Return the n-th pod that may run, where it was scheduled."""
        pods = [pod for pod in self._all("pods") if not is_terminal(pod)]
        return self._kubelet.played(pods[number]) if number < len(pods) else None

    # Jobs.

    async def delete_job(self, number: int = 0, propagation: str = "Background") -> None:
        """Somebody deletes a Job."""
        if name := self._job(number):
            await self._delete("jobs", name, propagation)

    async def patch_job(self, number: int, what: str) -> None:
        """Somebody changes a Job."""
        if name := self._job(number):
            await self._patch("jobs", name, JOB_PATCHES[what])

    def _job(self, number: int) -> str | None:
        jobs = [job["metadata"]["name"] for job in self._all("jobs")]
        return jobs[-1 - number] if number < len(jobs) else None

    # The operator and the API server.

    async def restart(self) -> None:
        """The operator ends and starts again."""
        await self._keeper.restart()

    async def die(self, requests: int, *, after: bool, seconds: int = 0) -> None:
        """The operator dies at its n-th request about this history."""
        self._keeper.downtime = min(seconds, 1 + seconds / 60)
        self._troubles.add(Trouble("die", self.prefix, requests, is_after=after))

    async def interrupt(self, requests: int, verb: str, **arguments: Any) -> None:
        """Before the operator's n-th request about this history somebody does something."""
        task = asyncio.create_task(self._interrupt(requests, verb, arguments))
        self._acts.add(task)
        task.add_done_callback(self._acts.discard)

    async def _interrupt(self, requests: int, verb: str, arguments: dict[str, Any]) -> None:
        file = self._troubles.add(Trouble("interrupt", self.prefix, requests))
        with suppress(TimeoutError, Answer):
            async with asyncio.timeout(_INTERRUPTED_SECONDS):
                await self._troubles.interrupted(file)
                await getattr(self, verb)(**arguments)
        file.unlink(missing_ok=True)
        self._troubles.let_go(file)

    async def refuse(self, verb: str, plural: str, why: str, times: int) -> None:
        """The API server refuses so many requests of that kind."""
        error = REFUSALS[why]()
        told = (error.code, error.reason, error.message)
        for _ in range(times):
            self._troubles.add(Trouble("refuse", self.prefix, 1, False, verb, plural, *told))

    async def cut_off(self, *, cut: bool) -> None:
        """The operator cannot ask the API server about this history, or can again."""
        if cut:
            self._troubles.add(Trouble("cut off", self.prefix))
        else:
            self._troubles.end("cut off", self.prefix)

    # Time.

    async def wait(self, seconds: float) -> None:
        """Time goes by: where it is long, silent nodes' pods are deleted, and schedules fire."""
        if seconds >= _TOLERATION:
            for played in self._played_pods():
                if played.is_silent and not played.is_over:
                    await self._kubelet.taint(played)
        if seconds > _SLOT_MINUTES * 60:
            for schedule in [*self._all("mlrunruns")]:
                if "schedule" in schedule["spec"] and not is_deleting(schedule):
                    await self._fire(schedule)
        await asyncio.sleep(min(seconds, 1 + seconds / 200))

    async def _fire(self, schedule: Object) -> None:
        """Do what the CronJob controller does when a slot is due."""
        name, policy = schedule["metadata"]["name"], schedule["spec"].get("concurrencyPolicy", "Allow")
        if "cronJobName" not in self._world.status(name):
            return
        cron_job = await self._world.cron_job(name)
        running = [job for job in self._all("jobs") if _is_active_of(job, cron_job)]
        if cron_job["spec"].get("suspend") or (running and policy == "Forbid"):
            return
        for job in running if policy == "Replace" else ():
            await self._delete("jobs", job["metadata"]["name"])
        self._slots += 1
        await self._world.fire(name, _FIRST_SLOT + self._slots * _SLOT_MINUTES)


def prefix_of(seed: int) -> str:
    """Return how all names of a history begin."""
    return f"h{seed}-"


def _is_active_of(job: Object, cron_job: Object) -> bool:
    """Return whether a schedule's Job has not ended."""
    return controller_of(job).get("uid") == cron_job["metadata"]["uid"] and not is_job_finished(job)


def _without_nones(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if value is not None}


def _shorter(seconds: int | None) -> int | None:
    """Return a limit of time as real histories have it; no time and no limit stay."""
    return max(_SHORTEST, seconds // _SHORTER) if seconds else seconds


@contextmanager
def _gone_is_fine(*codes: int) -> Iterator[None]:
    """Let what is asked of an object that is gone be nothing."""
    try:
        yield
    except Answer as answer:
        if answer.code not in (404, *codes):
            raise
