"""Where everything comes in that is seen of the watched objects, by a watch or by a listing."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import PODS, Resource
from mlrun_operator.controller.log_format import about_key

log = logging.getLogger("mlrun_operator")
Object = dict[str, Any]
# Told the resource and an object of it that is new, changed or gone.
Listener = Callable[[Resource, Object], None]

# Seconds for which a pod that is gone can still be read: more than any reconcile waits.
_DELETED_POD_TTL_SECONDS: Final = 60.0


class WatchEventHandler:
    """Puts objects into the index and tells of what is new; the same news twice is told once."""

    def __init__(self, index: Index, listener: Listener) -> None:
        self.index = index
        self._listener = listener

    def on_update(self, resource: Resource, obj: Object) -> None:
        """The object is so. What is wrong with one object must not hide the others."""
        try:
            if self.index.put(resource, obj):
                self._listener(resource, obj)
        except Exception:
            log.exception("%s cannot be read: %.500s", resource.kind, obj.get("metadata"))

    def on_delete(self, resource: Resource, obj: Object) -> None:
        """The object is no more, and was so at last."""
        try:
            self._listener(resource, obj)
            self._forget(resource, obj)
        except Exception:
            log.exception("%s cannot be read: %.500s", resource.kind, obj.get("metadata"))

    def on_missing(self, resource: Resource, objects: Iterable[Object]) -> None:
        """The objects are no more, and no watch told so."""
        for obj in objects:
            key = obj["metadata"]["namespace"], obj["metadata"]["name"]
            log.info("%s %s/%s is gone", resource.kind, *key, extra=about_key(resource.kind, key))
            self.on_delete(resource, obj)

    def _forget(self, resource: Resource, obj: Object) -> None:
        """Drop what is gone. A pod's end and its deletion may come as one: then its report is kept for a while."""
        if resource is PODS and (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            self.index.put(resource, obj)
            asyncio.get_running_loop().call_later(_DELETED_POD_TTL_SECONDS, self.index.drop, resource, obj)
        else:
            self.index.drop(resource, obj)
