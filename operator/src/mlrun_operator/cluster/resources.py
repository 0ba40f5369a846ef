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
        """The path of an object, of a namespace's collection, or of the cluster's."""
        root = "/api" if "/" not in self.api_version else "/apis"
        parts = [root, self.api_version]
        if namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        parts += [quote(part, safe="") for part in (name, sub) if part]
        return "/".join(parts)


RUNS: Final = Resource(constants.API_VERSION, constants.RUN_PLURAL, constants.RUN_KIND)
FUNCTIONS: Final = Resource(constants.API_VERSION, constants.FUNCTION_PLURAL, constants.FUNCTION_KIND)
JOBS: Final = Resource("batch/v1", "jobs", "Job")
CRON_JOBS: Final = Resource("batch/v1", "cronjobs", "CronJob")
PODS: Final = Resource("v1", "pods", "Pod")
EVENTS: Final = Resource("v1", "events", "Event")
SERVICES: Final = Resource("v1", "services", "Service")
LEASES: Final = Resource("coordination.k8s.io/v1", "leases", "Lease")
