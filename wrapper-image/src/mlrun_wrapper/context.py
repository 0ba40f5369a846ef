"""What the steps hand on to each other."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlrun_operator.api.contract.envelope import GRACE_SECONDS, Envelope, StoreInfo
from mlrun_operator.api.v1alpha1.status import InputInfo, OutputInfo, SourceInfo, SweepStatus
from mlrun_operator.store import Catalogue, Store, derived_uuid
from mlrun_wrapper.code import Code
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.executor_process import ExecutorProcess
from mlrun_wrapper.grace_period import GracePeriod
from mlrun_wrapper.log import Log
from mlrun_wrapper.point_summary import Summary
from mlrun_wrapper.settings import Settings
from mlrun_wrapper.signals import Sigterm


@dataclass
class Context:
    """One run in this pod. A field is set by the step that its comment names."""

    settings: Settings
    log: Log
    executor: ExecutorProcess
    sigterm: Sigterm
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    timings: dict[str, float] = field(default_factory=dict)
    failure: StepError | None = None
    warnings: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)  # envelope: set for both processes
    envelope: Envelope | None = None  # envelope
    elsewhere: StoreInfo | None = None  # envelope: the run's own S3 server, if it has one
    store: Store | None = None  # store
    earlier: dict[str, Any] | None = None  # attempts: the run.json of an earlier pod that has succeeded
    points: dict[int, dict[str, Any]] = field(default_factory=dict)  # points: of a sweep, by mlrun's iterations
    iteration: int | None = None  # join: which point this pod is
    code: Code | None = None  # source
    source: SourceInfo | None = None  # source
    packages: list[Path] = field(default_factory=list)  # requirements
    input_paths: dict[str, Any] = field(default_factory=dict)  # inputs: a path, a list or a map of paths each
    artifacts: dict[str, dict[str, Any]] = field(default_factory=dict)  # inputs: mlrun's, of entities, by their keys
    inputs: list[InputInfo] = field(default_factory=list)  # inputs
    executing: bool = False  # execute: the handler is running
    outcome: dict[str, Any] | None = None  # execute
    outputs: dict[str, OutputInfo] = field(default_factory=dict)  # outputs
    tags: dict[str, list[str]] = field(default_factory=dict)  # outputs: of entities, by their keys
    not_latest: set[str] = field(default_factory=set)  # outputs: entities that a newer one of the same name is beside
    results: dict[str, Any] = field(default_factory=dict)  # outputs
    truncated: bool = False  # outputs: a result was nested too deeply for run.json
    summaries: dict[int, Summary] = field(default_factory=dict)  # collect: how each point of a sweep ended
    sweep: SweepStatus | None = None  # collect
    run_path: str | None = None  # the report: the folder of run.json and log.txt

    @property
    def run(self) -> Envelope:
        """The envelope, in every step after the first."""
        assert self.envelope is not None  # noqa: S101 - the order of the steps
        return self.envelope

    @property
    def catalogue(self) -> Catalogue:
        """The store's entities, in every step after the store's."""
        assert self.store is not None  # noqa: S101 - the order of the steps
        return Catalogue(self.store)

    @property
    def function_code(self) -> Code:
        """The function's code, in every step after its source was fetched."""
        assert self.code is not None  # noqa: S101 - the order of the steps
        return self.code

    @property
    def parameters(self) -> dict[str, Any]:
        """What the handler gets; a point's own values win over the run's."""
        return self.run.parameters | self.points.get(self.iteration or 0, {})

    @property
    def collecting(self) -> bool:
        """Whether this pod calls no handler: it is the last one of a fan-out."""
        return self.envelope is not None and self.envelope.sweep is not None and self.envelope.sweep.part == "collect"

    @property
    def number(self) -> int | None:
        """What ends the names of this pod's entities in the store."""
        return self.settings.replica if self.iteration is None else self.iteration

    @property
    def grace(self) -> GracePeriod:
        """Return the pod's grace period; Kubernetes' own until the envelope is read."""
        return GracePeriod(self.envelope.grace_seconds if self.envelope else GRACE_SECONDS)

    @property
    def run_uuid(self) -> str:
        """Return the uuid of this pod's attempt at this execution."""
        return self._run_uuid_of(self.settings.pod_uid)

    @property
    def run_folder(self) -> str:
        """Return where run.json and log.txt go, relative to the store's root."""
        return self.run_folder_of(self.settings.pod_uid)

    def run_folder_of(self, pod_uid: str) -> str:
        """Return where those of any pod of this execution are."""
        return f"{self.run.run.project}/run/run/{self.run.run.name}/{self._run_uuid_of(pod_uid)}"

    def _run_uuid_of(self, pod_uid: str) -> str:
        run = self.run.run
        return derived_uuid(run.uid, run.execution, "run", 0, pod_uid)

    def output_uuid(self, name: str, index: int = 0) -> str:
        """The uuid of an output: a duplicate pod's outputs have others."""
        run = self.run.run
        return derived_uuid(run.uid, run.execution, name, index, self.settings.pod_uid)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Measure a step."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.timings[step] = round(time.monotonic() - start, 3)
