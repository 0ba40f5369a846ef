"""What a run that is gone leaves behind: its fired Job, and pods that have no controller any more.

A fired Job that a backup brings back is another one than its run's, and no run's.
"""

import logging

from mlrun_operator.api.objects import Object, is_deleting
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import JOBS, PODS, RUNS, Resource
from mlrun_operator.cluster.run_queues import RunKey
from mlrun_operator.controller.direct_reader import recorded_jobs
from mlrun_operator.controller.log_format import about_key
from mlrun_operator.plan.adopt import is_orphaned

log = logging.getLogger("mlrun_operator")


class OrphanCollector:
    """Deletes what runs that are gone have left; that they are gone is read directly."""

    def __init__(self, cluster: ApiClient, index: Index) -> None:
        self._cluster = cluster
        self._index = index

    async def delete(self, key: RunKey, run: Object | None) -> None:
        """Delete what earlier runs of this name have left. `run` is the present one. Raises ApiError."""
        orphans = [(PODS, pod) for pod in self._index.orphaned_pods(*key)]
        job = self._index.get(JOBS, *key)
        if job is not None and is_orphaned(job) and (run is None or job["metadata"]["uid"] not in recorded_jobs(run)):
            orphans.append((JOBS, job))
        orphans = [(resource, obj) for resource, obj in orphans if not is_deleting(obj)]
        if orphans and await self._read_uid(key) == (run["metadata"]["uid"] if run else None):
            for resource, obj in orphans:
                await self._delete(key, resource, obj)

    async def _read_uid(self, key: RunKey) -> str | None:
        """Return the uid of the run that has this name; None where none has."""
        try:
            run = await self._cluster.read(RUNS, *key)
        except ApiError as error:
            if not error.not_found:
                raise
            return None
        return str(run["metadata"]["uid"])

    async def _delete(self, key: RunKey, resource: Resource, obj: Object) -> None:
        try:
            await self._cluster.delete(resource, obj, any_state=resource is PODS)
        except ApiError as error:
            if not error.not_found:
                raise
        name = obj["metadata"]["name"]
        log.info("%s/%s: deleted %s %s with its run", *key, resource.kind, name, extra=about_key(RUNS.kind, key))
