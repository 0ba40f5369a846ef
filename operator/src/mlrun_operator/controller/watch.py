"""kopf's part: it runs the operator and watches; its handlers pass on what it shows.

Only handlers of raw events are used, and kopf keeps no state: it never writes anything of its own to users' objects and
remembers none of them. What the operator knows of the cluster is in the index.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain, repeat
from typing import Any, Final

import kopf
from kopf._core.engines.peering import Identity
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from mlrun_operator.api import constants
from mlrun_operator.cluster.api_client import REQUEST_SECONDS
from mlrun_operator.cluster.codec import MAX_DEPTH
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, PODS, RUNS, Resource
from mlrun_operator.controller.background import TaskExitedError, one_line
from mlrun_operator.controller.event_handler import WatchEventHandler

WATCHED: Final = (RUNS, FUNCTIONS, CRON_JOBS, JOBS, PODS)
OURS: Final = f"{constants.LABEL_MANAGED_BY}={constants.MANAGER}"
# The API server ends a watch after this long. A bookmark comes every 60 to 75 s; a longer silence is a dead connection.
_WATCH_SECONDS: Final = 600
_STALL_SECONDS: Final = 80
# Objects that kopf lists at a time; all of them are in memory as Python objects until the last is handled.
_PAGE: Final = 100


def selector_of(resource: Resource) -> str:
    """Return the label selector of the resource's watch; what users write is watched without one."""
    return "" if resource in (RUNS, FUNCTIONS) else OURS


async def watch(
    registry: kopf.OperatorRegistry, settings: kopf.OperatorSettings, namespaces: tuple[str, ...], stop: asyncio.Event
) -> None:
    """Run kopf until `stop` or a signal.

    Raises TaskExitedError where it ends by itself; some of its tasks may still run then, and the process must end.
    """
    # kopf decodes by recursion, and one deeply nested object must not end the watch of all others.
    sys.setrecursionlimit(max(MAX_DEPTH, sys.getrecursionlimit()))
    other_tasks = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=settings,
        memories=NoMemories(),
        # Without one kopf asks for the user's name, and the user of a container has none.
        identity=Identity(constants.MANAGER),
        namespaces=namespaces,
        clusterwide=not namespaces,
        stop_flag=stop,
    )
    exited, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in exited:
        if not task.cancelled() and (error := task.exception()):
            # Not kopf's own way to stop: after a failure it may wait for its other watches for ever.
            raise TaskExitedError(f"the watches exited: {one_line(error)}") from error
    await kopf.run_tasks(tasks, ignored=other_tasks)


def build_registry(
    connection: Connection,
    event_handler: WatchEventHandler,
    on_startup: Callable[[], Awaitable[None]],
    on_cleanup: Callable[[], Awaitable[None]],
) -> kopf.OperatorRegistry:
    """Return the handlers: what runs before and after the watches, the credentials, and each event of a watch."""
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry, errors=kopf.ErrorsMode.PERMANENT)
    async def start(**_: Any) -> None:
        await on_startup()

    @kopf.on.cleanup(registry=registry, errors=kopf.ErrorsMode.PERMANENT)
    async def stop(**_: Any) -> None:
        await on_cleanup()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=connection.server, aiohttp_session=connection.session)

    async def handle(event: kopf.RawEvent, param: Any = None, **_: Any) -> None:
        on_event = event_handler.on_delete if event["type"] == "DELETED" else event_handler.on_update
        on_event(param, dict(event["object"]))

    for resource in WATCHED:
        register = kopf.on.event(
            resource.api_version, resource.plural, registry=registry, id=resource.plural, param=resource
        )
        register(handle)
    return registry


def build_settings() -> kopf.OperatorSettings:
    """Return kopf's settings: no scanning, peering or posting, and no state of its own on objects."""
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = 20
    settings.persistence.diffbase_storage = _NoDiffs()
    # While an object's worker waits for more events, it holds the last one.
    settings.queueing.idle_timeout = 0.05
    settings.networking.request_timeout = REQUEST_SECONDS
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = _ForEver()
    settings.watching.server_timeout = _WATCH_SECONDS
    settings.watching.inactivity_timeout = _STALL_SECONDS
    settings.watching.chunk_size = _PAGE
    for resource in WATCHED:
        if selector := selector_of(resource):
            settings.watching.label_selectors[resource.api_version, resource.plural] = selector
    return settings


class _ForEver:
    """Seconds between attempts, without end: giving up a watch would end the process."""

    def __iter__(self) -> Iterator[float]:
        return chain((1, 1, 2, 3), repeat(5))


class _NoDiffs(kopf.DiffBaseStorage):
    """Keeps no last state of objects: handlers of raw events get no differences, and copying bodies takes time."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        """Return nothing: bodies are not compared."""
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        """Return nothing."""

    def store(self, **_: Any) -> None:
        """Do nothing."""


class NoMemories(ResourceMemories):
    """Remembers no objects: handlers of raw events need none, and thousands of finished runs would fill it."""

    async def recall(self, *args: Any, **kwargs: Any) -> ResourceMemory:
        """Return a new memory that is not kept."""
        return await super().recall(*args, **{**kwargs, "ephemeral": True})
