"""What is checked before the operator starts: the cluster serves our resources, with the fields that it writes."""

import asyncio
import logging
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import FUNCTIONS, RUNS
from mlrun_operator.controller.crd_check import missing_status_fields

log = logging.getLogger("mlrun_operator")

# The API server publishes a changed CRD some seconds after it was applied.
_ATTEMPTS: Final = 5
_PAUSE_SECONDS: Final = 1.0


class StartError(Exception):
    """The operator cannot start; the message says what to do."""


async def check_cluster(cluster: ApiClient, pause_seconds: float = _PAUSE_SECONDS) -> None:
    """Raise StartError where the cluster does not serve our resources as this operator needs them."""
    try:
        missing = [resource for resource in (FUNCTIONS, RUNS) if not await cluster.serves(resource)]
    except ApiError as error:
        raise StartError(f"cannot ask the API server for the operator's resources: {error}") from None
    if missing:
        names = ", ".join(f"{resource.plural} ({resource.api_version})" for resource in missing)
        raise StartError(
            f"the cluster does not serve {names}; install the chart mlrun-operator-crds, or kustomize/crds, first"
        )
    await _check_status_fields(cluster, pause_seconds)


async def _check_status_fields(cluster: ApiClient, pause_seconds: float) -> None:
    """Raise StartError where the served CRDs are older than this operator."""
    fields: list[str] = []
    for attempt in range(_ATTEMPTS):
        if attempt:
            await asyncio.sleep(pause_seconds)
        try:
            fields = missing_status_fields(await cluster.read_openapi(constants.API_VERSION))
        except ApiError as error:
            log.warning("cannot check the CRDs' fields: %s", error)
            return
        if not fields:
            return
    raise StartError(f"the CRD {fields[0]}{_and_more(len(fields) - 1)}; upgrade the chart mlrun-operator-crds first")


def _and_more(count: int) -> str:
    return f" and {count} more field{'s' * (count > 1)}" if count else ""
