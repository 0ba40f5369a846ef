"""What the pod tells the wrapper by its environment; everything else is in the envelope."""

import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mlrun_wrapper.interpreter import carried, find_python

_IMAGE_PYTHON: Final = Path("/opt/mlrun/bin/python")
# The store's keys once more, for a run that has its own under the usual names; what boto3 calls them.
_STORE_KEYS: Final = {
    "MLRUN_STORE_AWS_ACCESS_KEY_ID": "aws_access_key_id",
    "MLRUN_STORE_AWS_SECRET_ACCESS_KEY": "aws_secret_access_key",
    "MLRUN_STORE_AWS_SESSION_TOKEN": "aws_session_token",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are in this pod. `executor_python` is empty where the image has no Python.

    `replica` is the index of this pod where the run has several, `point` where each is a point of a sweep, which has
    failed `failures` times before. `attempts` is how often a download or a store request
    is tried before it counts as unavailable. `store_keys` are boto3's arguments; without any its own chain counts.
    """

    envelope_file: Path
    termination_log: Path
    work: Path
    executor_python: str
    pod_name: str
    pod_uid: str
    job_name: str
    attempts: int
    job_uid: str = ""
    replica: int | None = None
    point: int | None = None
    failures: int = 0
    store_keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "Settings":
        """Read the variables that the operator sets; the defaults are the image's."""
        return cls(
            envelope_file=Path(env.get("MLRUN_ENVELOPE_FILE", "/etc/mlrun-operator/envelope")),
            termination_log=Path(env.get("MLRUN_TERMINATION_LOG", "/dev/termination-log")),
            work=Path(env.get("MLRUN_WORK_DIR", "/work")),
            executor_python=env.get("MLRUN_EXECUTOR_PYTHON") or _default_python(env),
            pod_name=env.get("MLRUN_POD_NAME", ""),
            pod_uid=env.get("MLRUN_POD_UID", ""),
            job_name=env.get("MLRUN_JOB_NAME", ""),
            job_uid=env.get("MLRUN_JOB_UID", ""),
            attempts=int(env.get("MLRUN_WRAPPER_ATTEMPTS", "5")),
            replica=_number(env.get("MLRUN_REPLICA_INDEX")),
            point=_number(env.get("MLRUN_SWEEP_INDEX")),
            failures=_number(env.get("MLRUN_SWEEP_FAILURES")) or 0,
            store_keys={argument: env[name] for name, argument in _STORE_KEYS.items() if env.get(name)},
        )

    @property
    def exchange(self) -> Path:
        """Where wrapper and executor leave each other's documents."""
        return self.work / "exchange"

    @property
    def source(self) -> Path:
        """The user's code: the handler's current folder."""
        return self.work / "source"

    @property
    def inputs(self) -> Path:
        """One folder for each input."""
        return self.work / "inputs"

    @property
    def outputs(self) -> Path:
        """mlrun's output path."""
        return self.work / "outputs"

    @property
    def project(self) -> Path:
        """mlrun's project context, empty at the start."""
        return self.work / "project"

    def prepare_folders(self) -> None:
        """Make the folders that both processes use, and those that HOME and TMPDIR name in a pod."""
        own = (self.work / "home", self.work / "tmp")
        for folder in (self.exchange, self.source, self.inputs, self.outputs, self.project, *own):
            folder.mkdir(parents=True, exist_ok=True)


def forget_store_keys(env: MutableMapping[str, str]) -> None:
    """Take them out of the environment, so that no process that is started has them."""
    for name in _STORE_KEYS:
        env.pop(name, None)


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _default_python(env: Mapping[str, str]) -> str:
    """In an image of ours its own environment, in somebody else's what is found there; by hand our own interpreter."""
    if carried():
        return find_python(env) or ""
    return str(_IMAGE_PYTHON) if _IMAGE_PYTHON.exists() else sys.executable
