"""Leader election by a Lease: 15 s lease, 10 s to renew it, an attempt every 2 s.

It runs in a thread with an event loop and a connection of its own, so that a busy operator does not lose its lease.
All waiting is measured by the monotonic clock, never by comparing clocks of two machines: a lease has expired when
nobody was seen to renew it for its whole duration. Losing it ends the process, which is the only sure way to stop what
is under way; until then no write leaves this process once another one may lead.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from mlrun_operator.api.objects import Object
from mlrun_operator.cluster.api_client import ApiClient, Observe
from mlrun_operator.cluster.connection import connect
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import LEASES

log = logging.getLogger("mlrun_operator")

LEASE: Final = "mlrun-operator"
LEASE_SECONDS: Final = 15
RENEW_SECONDS: Final = 10
RETRY_SECONDS: Final = 2
_REQUEST_SECONDS: Final = 5
EXIT_CODE: Final = 3


class Leadership:
    """Whether this process leads. Without an election it always does."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: float | None = None
        self.elected = False

    def renewed(self, sent_at: float) -> None:
        """Note that the lease was renewed by a request that was sent at this time."""
        self._until = sent_at + RENEW_SECONDS

    def may_write(self) -> bool:
        """Return whether no other process can lead yet."""
        return not self.elected or (self._until is not None and self._clock() < self._until)


class Candidate:
    """One process's view of the lease: whether it may take or renew it."""

    def __init__(self, identity: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.identity = identity
        self._clock = clock
        self._last_spec: Object | None = None
        self._changed_at = 0.0

    def may_take(self, spec: Object) -> bool:
        """Return whether the lease is ours, nobody's, or was not renewed for its whole duration."""
        if spec != self._last_spec:
            self._last_spec, self._changed_at = dict(spec), self._clock()
        holder = spec.get("holderIdentity")
        duration = spec.get("leaseDurationSeconds") or LEASE_SECONDS
        return holder in (None, "", self.identity) or self._clock() - self._changed_at >= duration

    def held(self, spec: Object) -> Object:
        """Return the lease's spec with us as its holder."""
        renew_time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        is_ours = spec.get("holderIdentity") == self.identity
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": LEASE_SECONDS,
            "acquireTime": spec.get("acquireTime") if is_ours else renew_time,
            "renewTime": renew_time,
            "leaseTransitions": (spec.get("leaseTransitions") or 0) + (0 if is_ours else 1),
        }


class Election:
    """Takes part in the election from its own thread; `won` is set on the caller's loop."""

    def __init__(
        self, leadership: Leadership, namespace: str, identity: str, observe: Observe = lambda *_: None
    ) -> None:
        self._leadership = leadership
        self._namespace = namespace
        self._observe = observe
        self._candidate = Candidate(identity)
        self._callers_loop = asyncio.get_running_loop()
        self._resigned = threading.Event()
        self._ended = threading.Event()
        self.won = asyncio.Event()
        leadership.elected = True

    def start(self) -> None:
        """Start to take part; return at once."""
        threading.Thread(target=self._run, name="leader election", daemon=True).start()

    async def resign(self) -> None:
        """Release the lease, so that a standby does not wait for its end."""
        self._resigned.set()
        await asyncio.to_thread(self._ended.wait, RETRY_SECONDS + 2 * _REQUEST_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._elect())
        except Exception:
            log.exception("leader election failed")
        finally:
            self._ended.set()
        if not self._resigned.is_set():
            log.error("the lease is lost; exiting so that the pod is restarted")
            os._exit(EXIT_CODE)

    async def _elect(self) -> None:
        """Take and renew the lease; return when it was held and is lost, or when resigned."""
        connection = await connect()
        cluster = ApiClient(connection, self._observe)
        is_leader = False
        try:
            while not self._resigned.is_set():
                if is_leader and not self._leadership.may_write():
                    return
                sent_at = time.monotonic()
                if await self._attempt(cluster):
                    self._leadership.renewed(sent_at)
                    is_leader = is_leader or self._on_won()
                await asyncio.sleep(RETRY_SECONDS)
            await self._release(cluster)
        finally:
            await connection.close()

    def _on_won(self) -> bool:
        log.info("%s is the leader", self._candidate.identity)
        self._callers_loop.call_soon_threadsafe(self.won.set)
        return True

    async def _attempt(self, cluster: ApiClient) -> bool:
        """Try to take or renew the lease; return whether that worked. No answer is a failure."""
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                return await self._take(cluster)
        except ApiError as error:
            if not error.conflict and not error.already_exists:
                log.warning("cannot renew the lease: %s", error)
        except TimeoutError:
            log.warning("cannot renew the lease: no answer within %d s", _REQUEST_SECONDS)
        return False

    async def _take(self, cluster: ApiClient) -> bool:
        try:
            lease = await cluster.read(LEASES, self._namespace, LEASE)
        except ApiError as error:
            if not error.not_found:
                raise
            await cluster.create(LEASES, self._new())
            return True
        spec = lease.get("spec") or {}
        if not self._candidate.may_take(spec):
            return False
        await cluster.replace(LEASES, {**lease, "spec": self._candidate.held(spec)})
        return True

    def _new(self) -> Object:
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": LEASE, "namespace": self._namespace},
            "spec": self._candidate.held({}),
        }

    async def _release(self, cluster: ApiClient) -> None:
        """Take our name off the lease, if we hold it."""
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                lease = await cluster.read(LEASES, self._namespace, LEASE)
                if lease["spec"].get("holderIdentity") == self._candidate.identity:
                    await cluster.replace(LEASES, {**lease, "spec": {**lease["spec"], "holderIdentity": ""}})
        except (ApiError, TimeoutError) as error:
            log.warning("cannot release the lease: %s", error)
