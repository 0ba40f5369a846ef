"""The parallel pods of one Indexed Job: the replicas of a run, or the points of a sweep."""

from dataclasses import dataclass
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.sweep import DEFAULT_ERRORS, Hyperparameters, count_of, parallelism_of
from mlrun_operator.render.service import replica_host

_INDEX: Final = f"metadata.labels['{constants.LABEL_INDEX}']"
# Kubernetes counts here how often the index has failed, if each index has its own retries.
_FAILURE_COUNT: Final = "metadata.annotations['batch.kubernetes.io/job-index-failure-count']"


@dataclass(frozen=True, slots=True)
class Replicas:
    """The replicas of a run: their number, and the `<host>.<domain>` of each if they have hostnames."""

    count: int
    host: str | None = None

    @property
    def domain(self) -> str | None:
        """Return the name of the Service that the hostnames end with."""
        return self.host.partition(".")[2] if self.host else None

    @property
    def environment(self) -> list[Object]:
        """Return the environment variables that tell a pod its index."""
        return [
            _from_pod("MLRUN_REPLICA_INDEX", _INDEX),
            {"name": "MLRUN_REPLICA_COUNT", "value": str(self.count)},
            *([{"name": "MLRUN_REPLICA_HOST", "value": self.host}] if self.host else []),
        ]

    @property
    def annotations(self) -> dict[str, str]:
        """Return the annotation of the Job that holds the number of replicas."""
        return {constants.ANNOTATION_REPLICAS: str(self.count)}

    def job_spec(self, retries: int) -> Object:
        """Return the fields of the Job's spec that run all replicas at once."""
        return _indexed(self.count, self.count, retries)


@dataclass(frozen=True, slots=True)
class SweepPoints:
    """The points of a sweep: their number, how many pods run at once, and how many points may fail."""

    count: int
    parallelism: int
    max_errors: int

    domain: None = None

    @classmethod
    def of(cls, hyper: Hyperparameters) -> "SweepPoints | None":
        """Return the points; None if one pod runs all of them."""
        count = count_of(hyper) if hyper.placement == "FanOut" else None
        if count is None:
            return None
        max_errors = hyper.max_errors if hyper.max_errors is not None else DEFAULT_ERRORS
        return cls(count, parallelism_of(hyper), max_errors)

    @property
    def environment(self) -> list[Object]:
        """Return the environment variables that tell a pod its index, and how often that has failed."""
        return [_from_pod("MLRUN_SWEEP_INDEX", _INDEX), _from_pod("MLRUN_SWEEP_FAILURES", _FAILURE_COUNT)]

    @property
    def annotations(self) -> dict[str, str]:
        """Return the annotation of the Job that holds the number of points."""
        return {constants.ANNOTATION_POINTS: str(self.count)}

    def job_spec(self, retries: int) -> Object:
        """Return the fields of the Job's spec. Kubernetes ends the Job when more points failed than may fail."""
        return {
            **_indexed(self.count, self.parallelism, retries),
            "maxFailedIndexes": min(self.max_errors, self.count),
        }


def parallel_pods(spec: RunSpec, job_name: str, run_uid: str) -> Replicas | SweepPoints | None:
    """Return the parallel pods of the Job with that name; None for a single pod."""
    if spec.hyperparameters is not None:
        return SweepPoints.of(spec.hyperparameters)
    if spec.replicas is None:
        return None
    return Replicas(spec.replicas, replica_host(job_name, run_uid) if spec.replica_hostnames else None)


def _indexed(count: int, parallelism: int, retries: int) -> Object:
    """Return the spec of an Indexed Job whose indexes have their own retries: one failure leaves the others alone."""
    return {
        "completionMode": "Indexed",
        "completions": count,
        "parallelism": parallelism,
        "backoffLimitPerIndex": retries,
    }


def _from_pod(name: str, path: str) -> Object:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
