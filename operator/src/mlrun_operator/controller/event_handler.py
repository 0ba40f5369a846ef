"""Where every object comes in that a watch or a listing shows."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from mlrun_operator.api.objects import Object, has_pod_ended, key_of
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import PODS, Resource
from mlrun_operator.controller.log_format import about_key

log = logging.getLogger("mlrun_operator")
# Called with the resource and an object of it that is new, changed or gone.
Listener = Callable[[Resource, Object], None]

# Seconds for which a deleted pod can still be read: more than any reconcile waits.
_DELETED_POD_TTL_SECONDS: Final = 60.0


class WatchEventHandler:
    """Puts objects into the index and passes on what changed; the same state twice is passed on once."""

    def __init__(self, index: Index, listener: Listener) -> None:
        self.index = index
        self._listener = listener

    def on_update(self, resource: Resource, obj: Object) -> None:
        """Take in the object as it is now. A malformed one does not hide the others."""
        try:
            if self.index.put(resource, obj):
                self._listener(resource, obj)
        except Exception:
            _log_malformed(resource, obj)

    def on_delete(self, resource: Resource, obj: Object) -> None:
        """Take the object out, given its last state. What leads from it to runs is followed before."""
        try:
            self._listener(resource, obj)
        except Exception:
            _log_malformed(resource, obj)
        try:
            self._forget(resource, obj)
        except Exception:
            _log_malformed(resource, obj)

    def on_missing(self, resource: Resource, objects: Iterable[Object]) -> None:
        """Take out objects that a listing no longer has and no watch event deleted."""
        for obj in objects:
            key = key_of(obj)
            log.info("%s %s/%s was deleted", resource.kind, *key, extra=about_key(resource.kind, key))
            self.on_delete(resource, obj)

    def _forget(self, resource: Resource, obj: Object) -> None:
        """Drop the object; a pod that ended only later: its end and its deletion may come as one event."""
        if resource is PODS and has_pod_ended(obj):
            self.index.put(resource, obj)
            asyncio.get_running_loop().call_later(_DELETED_POD_TTL_SECONDS, self.index.drop, resource, obj)
        else:
            self.index.drop(resource, obj)


def _log_malformed(resource: Resource, obj: Object) -> None:
    log.exception("%s cannot be read: %.500s", resource.kind, obj.get("metadata"))
