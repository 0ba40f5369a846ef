"""The resources that the operator reads and writes, and their URLs."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from mlrun_operator.api import constants


@dataclass(frozen=True, slots=True)
class Resource:
    """A namespaced resource of the API."""

    api_version: str
    plural: str
    kind: str

    def url(self, namespace: str | None = None, name: str | None = None, sub: str | None = None) -> str:
        """Return the path of an object, of a namespace's collection, or of the cluster's."""
        root = "/api" if "/" not in self.api_version else "/apis"
        segments = [root, self.api_version]
        if namespace:
            segments += ["namespaces", quote(namespace, safe="")]
        segments.append(self.plural)
        segments += [quote(segment, safe="") for segment in (name, sub) if segment]
        return "/".join(segments)


RUNS: Final = Resource(constants.API_VERSION, constants.RUN_PLURAL, constants.RUN_KIND)
FUNCTIONS: Final = Resource(constants.API_VERSION, constants.FUNCTION_PLURAL, constants.FUNCTION_KIND)
JOBS: Final = Resource("batch/v1", "jobs", "Job")
CRON_JOBS: Final = Resource("batch/v1", "cronjobs", "CronJob")
PODS: Final = Resource("v1", "pods", "Pod")
EVENTS: Final = Resource("v1", "events", "Event")
SERVICES: Final = Resource("v1", "services", "Service")
LEASES: Final = Resource("coordination.k8s.io/v1", "leases", "Lease")
# These are not collections, but the names under which requests for API documents and groups are counted.
OPENAPI: Final = Resource("", "openapi", "OpenAPI")
DISCOVERY: Final = Resource("", "apis", "APIGroup")


def workloads(version: str) -> Resource:
    """Return Kueue's Workloads in this version of its API."""
    return Resource(f"{constants.KUEUE_GROUP}/{version}", "workloads", "Workload")
