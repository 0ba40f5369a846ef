"""Kueue's Workload of a Job: read by the label that Kueue sets, and set active or inactive.

Workloads are not watched. Without Kueue's API, or without the rights, the run's status says so.
"""

from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, is_controlled_by, is_deleting, key_of
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import workloads
from mlrun_operator.plan.context import is_workload_active
from mlrun_operator.plan.observation import WorkloadRead

_FORBIDDEN: Final = 403


async def read_workload(cluster: ApiClient, job: Object) -> WorkloadRead:
    """Read the Job's Workload in the version of Kueue's API that the API server prefers."""
    uid, namespace = job["metadata"]["uid"], key_of(job)[0]
    try:
        version = await cluster.preferred_version(constants.KUEUE_GROUP)
        if version is None:
            return WorkloadRead(job)
        listed = await cluster.read_all(workloads(version), namespace, f"{constants.LABEL_WORKLOAD_JOB_UID}={uid}")
    except ApiError as error:
        return _out_of_reach(error, job)
    own = [workload for workload in listed if is_controlled_by(workload, uid) and not is_deleting(workload)]
    return WorkloadRead(job, {**own[-1], "apiVersion": workloads(version).api_version} if own else None)


async def set_active(cluster: ApiClient, job: Object, workload: Object | None, *, is_active: bool) -> WorkloadRead:
    """Set the Workload active or inactive, unless it is so already or there is none."""
    if workload is None or is_workload_active(workload) == is_active:
        return WorkloadRead(job, workload)
    version = workload["apiVersion"].rpartition("/")[2]
    changes = {"spec": {"active": is_active}}
    try:
        patched = await cluster.patch(workloads(version), workload, changes, any_state=True)
    except ApiError as error:
        return _out_of_reach(error, job)
    return WorkloadRead(job, patched)


def _out_of_reach(error: ApiError, job: Object) -> WorkloadRead:
    """Return that there is no Workload, or no right to it. Raises any other error: try again later."""
    if error.not_found or error.code == _FORBIDDEN:
        return WorkloadRead(job, is_forbidden=error.code == _FORBIDDEN)
    raise error
