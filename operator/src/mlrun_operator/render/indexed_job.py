"""Pods side by side in one Indexed Job: the replicas of a run, or the points of a sweep."""

from dataclasses import dataclass
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.v1alpha1.sweep import DEFAULT_ERRORS, Hyperparameters, count_of, parallelism_of
from mlrun_operator.render.service import replica_host

_INDEX: Final = f"metadata.labels['{constants.LABEL_INDEX}']"
# Kubernetes' own, where each index is tried again by itself: how often this one has failed before.
_FAILURES: Final = "metadata.annotations['batch.kubernetes.io/job-index-failure-count']"


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many pods there are, and by which `<host>.<domain>` they find each other, if they are to."""

    count: int
    host: str | None = None

    @property
    def domain(self) -> str | None:
        """The Service that their names end with."""
        return self.host.partition(".")[2] if self.host else None

    @property
    def environment(self) -> list[Object]:
        """What tells a pod which it is."""
        return [
            _from_pod("MLRUN_REPLICA_INDEX", _INDEX),
            {"name": "MLRUN_REPLICA_COUNT", "value": str(self.count)},
            *([{"name": "MLRUN_REPLICA_HOST", "value": self.host}] if self.host else []),
        ]

    @property
    def annotations(self) -> dict[str, str]:
        """What tells the operator of them, on their Job."""
        return {constants.ANNOTATION_REPLICAS: str(self.count)}

    def tries(self, retries: int) -> Object:
        """Their part of the Job's spec: all run at once."""
        return _indexed(self.count, self.count, retries)


@dataclass(frozen=True, slots=True)
class Points:
    """How many there are, how many pods run at once, and how many may fail."""

    count: int
    parallelism: int
    max_errors: int

    domain: None = None

    @classmethod
    def of(cls, hyper: Hyperparameters) -> "Points | None":
        """None where one pod does them all."""
        count = count_of(hyper) if hyper.placement == "FanOut" else None
        if count is None:
            return None
        errors = hyper.max_errors if hyper.max_errors is not None else DEFAULT_ERRORS
        return cls(count, parallelism_of(hyper), errors)

    @property
    def environment(self) -> list[Object]:
        """What tells a pod which it is, and how often it was tried before."""
        return [_from_pod("MLRUN_SWEEP_INDEX", _INDEX), _from_pod("MLRUN_SWEEP_FAILURES", _FAILURES)]

    @property
    def annotations(self) -> dict[str, str]:
        """What tells the operator of them, on their Job."""
        return {constants.ANNOTATION_POINTS: str(self.count)}

    def tries(self, retries: int) -> Object:
        """Their part of the Job's spec. Kubernetes itself ends the Job with one failed point more than may fail."""
        return {
            **_indexed(self.count, self.parallelism, retries),
            "maxFailedIndexes": min(self.max_errors, self.count),
        }


def abreast(spec: RunSpec, job: str, run_uid: str) -> Replicas | Points | None:
    """The pods of a run's Job of that name; None for a single one."""
    if spec.hyperparameters is not None:
        return Points.of(spec.hyperparameters)
    if spec.replicas is None:
        return None
    return Replicas(spec.replicas, replica_host(job, run_uid) if spec.replica_hostnames else None)


def _indexed(count: int, at_once: int, retries: int) -> Object:
    """Each index has its retries, so that one which fails leaves the others to their work."""
    return {
        "completionMode": "Indexed",
        "completions": count,
        "parallelism": at_once,
        "backoffLimitPerIndex": retries,
    }


def _from_pod(name: str, path: str) -> Object:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
