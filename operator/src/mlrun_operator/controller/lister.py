"""Reads what is watched directly, and brings the index in line with it."""

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.watch import selector_of
from mlrun_operator.controller.watch_state import WatchState


class ResourceVersionRegressedError(Exception):
    """The API server's data are older than they were: its etcd was restored, and what this process knows is void."""


class Lister:
    """Lists the objects of a watch, or only their uids. Raises ApiError and ResourceVersionRegressedError."""

    def __init__(self, cluster: ApiClient, event_handler: WatchEventHandler) -> None:
        self._cluster = cluster
        self._event_handler = event_handler

    async def read_objects(self, watch: WatchState, *, is_activity: bool) -> None:
        """Read all objects. With `is_activity` each page counts as a sign of life of the watch."""
        known_version, version, uids = self._newest_version(watch), 0, set[str]()
        watch.object_count = 0
        pages = self._cluster.pages(watch.resource, watch.namespace, selector_of(watch.resource))
        async for objects, version in pages:  # noqa: B007 - the last page's counts
            if is_activity:
                watch.touch()
            for obj in objects:
                uids.add(obj["metadata"]["uid"])
                self._event_handler.on_update(watch.resource, obj)
            watch.object_count += len(objects)
        self._drop_missing(watch, uids, version, known_version)

    async def compare_uids(self, watch: WatchState) -> None:
        """Forget objects that are gone though no watch event deleted them."""
        known_version = self._newest_version(watch)
        version, uids = await self._cluster.read_uids(watch.resource, watch.namespace, selector_of(watch.resource))
        self._drop_missing(watch, uids, version, known_version)

    def _newest_version(self, watch: WatchState) -> int:
        return max(watch.resource_version, self._event_handler.index.newest(watch.resource, watch.namespace))

    def _drop_missing(self, watch: WatchState, uids: set[str], version: int, known_version: int) -> None:
        if version < known_version:
            raise ResourceVersionRegressedError(
                f"the API server lists {watch} at resource version {version} after {known_version}: its data were "
                "restored from a backup"
            )
        watch.resource_version = version
        missing = self._event_handler.index.missing_from(watch.resource, watch.namespace, uids, version)
        self._event_handler.on_missing(watch.resource, missing)
