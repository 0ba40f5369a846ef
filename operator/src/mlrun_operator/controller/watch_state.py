"""What is known of one watch: a resource in one namespace, or in all of them."""

import asyncio
import time
from dataclasses import dataclass, field

from mlrun_operator.cluster.resources import Resource


@dataclass(slots=True, eq=False)
class WatchState:
    """One watch: what was listed for it, when it last brought anything, and what the API server refuses."""

    resource: Resource
    namespace: str | None
    # Set where something is to be done before the next regular comparison.
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    # The watch monitor's round of listings in which all objects were last read; 0 where they are to be read.
    listed_round: int = 0
    last_listed: float = 0.0
    object_count: int = 0
    resource_version: int = 0
    needs_comparison: bool = False
    # Whether the watch was established since it was last refused.
    is_watched: bool = False
    last_activity: float = field(default_factory=time.monotonic)
    # Why the resource cannot be listed for good: a 403 or 404.
    refusal: str | None = None
    attempts: int = 0
    # The HTTP codes of what was last logged, so that each change is logged once.
    list_problem: int | None = None
    watch_problem: int | None = None

    def __str__(self) -> str:
        where = f"namespace {self.namespace}" if self.namespace else "all namespaces"
        return f"{self.resource.plural} in {where}"

    @property
    def path(self) -> str:
        """The URL path of the collection."""
        return self.resource.url(self.namespace)

    def idle(self) -> float:
        """Return the seconds since the watch, or the listing before it, last brought anything."""
        return time.monotonic() - self.last_activity

    def touch(self) -> None:
        """Note that the API server sent something."""
        self.last_activity = time.monotonic()

    def refuse(self, message: str) -> None:
        """Note that the API server refuses the resource; all objects are read when it no longer does."""
        self.refusal = message
        self.listed_round = 0
        self.is_watched = False
