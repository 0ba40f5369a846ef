"""Runs of the real wrapper process, with the environment that the operator gives it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from mlrun_operator.api.contract.envelope import Envelope, FunctionInfo, RunInfo, StoreInfo, encode
from mlrun_operator.api.contract.result import Result, decode
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.inputs import resolve
from mlrun_operator.api.v1alpha1.run import output_ref
from mlrun_operator.api.v1alpha1.source import Source

POD_UID = "7d0cfa4e-5d0e-4f4b-9d3c-111111111111"


def envelope(
    code: str | Source,
    handler: str | None = "handler",
    *,
    store: StoreInfo,
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
    returns: list[str] | None = None,
    requirements: list[str] | None = None,
    **more: Any,
) -> Envelope:
    """An envelope as the operator renders it."""
    source = Source(code=dedent(code)) if isinstance(code, str) else code
    spec = FunctionSpec(source=source, handler=handler, requirements=requirements)
    run = {"name": "my-run", "namespace": "team-a", "uid": "run-uid", "project": "demo", "execution": 1}
    return Envelope(
        run=RunInfo(**{**run, **more.pop("run", {})}),
        function=FunctionInfo(name="my_function", uuid="fn-uuid", digest="d1", spec=spec),
        inputs={name: resolve(value) if isinstance(value, str) else value for name, value in (inputs or {}).items()},
        outputs={
            name: value if isinstance(value, dict) else output_ref(value) for name, value in (outputs or {}).items()
        },
        returns=returns,
        store=store,
        **more,
    )


@dataclass
class Ended:
    """How a wrapper process ended."""

    code: int
    log: str
    termination: str
    seconds: float
    work: Path

    @property
    def result(self) -> Result:
        found = decode(self.termination)
        assert found is not None, f"no result in {self.termination!r}; log:\n{self.log}"
        return found

    @property
    def reason(self) -> str:
        return str(self.result.reason)


class WrapperRun:
    """One wrapper process."""

    def __init__(
        self,
        folder: Path,
        content: Envelope | str,
        env: Mapping[str, str] | None = None,
        prepare: Callable[[Path], object] | None = None,
    ) -> None:
        self.work = folder / "work"
        shutil.rmtree(self.work, ignore_errors=True)
        for name in ("home", "tmp"):
            (self.work / name).mkdir(parents=True)
        if prepare is not None:
            prepare(self.work)
        self._termination = folder / "termination-log"
        self._termination.write_text("")
        file = folder / "envelope"
        file.write_text(content if isinstance(content, str) else encode(content))
        self.lines: list[str] = []
        self._start = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-m", "mlrun_wrapper"],
            env=self._environment(file) | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _environment(self, file: Path) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return kept | {
            "MLRUN_ENVELOPE_FILE": str(file),
            "MLRUN_TERMINATION_LOG": str(self._termination),
            "MLRUN_WORK_DIR": str(self.work),
            "MLRUN_EXECUTOR_PYTHON": sys.executable,
            "MLRUN_POD_NAME": "my-run-abc12",
            "MLRUN_POD_UID": POD_UID,
            "MLRUN_JOB_NAME": "my-run",
            "MLRUN_WRAPPER_ATTEMPTS": "2",
            "HOME": str(self.work / "home"),
            "TMPDIR": str(self.work / "tmp"),
            "MPLCONFIGDIR": str(self.work / "tmp"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def wait_for(self, text: str, seconds: float = 180) -> None:
        """Until a line of the log holds the text."""
        deadline = time.monotonic() + seconds
        while not any(text in line for line in list(self.lines)):
            assert time.monotonic() < deadline, f"{text!r} did not come; log:\n{''.join(self.lines)}"
            assert self.process.poll() is None or any(text in line for line in self.lines), "".join(self.lines)
            time.sleep(0.02)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def end(self, seconds: float = 240) -> Ended:
        """Wait for it."""
        code = self.process.wait(seconds)
        took = time.monotonic() - self._start
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return Ended(code, "".join(self.lines), self._termination.read_text(), took, self.work)


def entity_of(path: Path | str) -> dict[str, Any]:
    """An entity.json as it is on disk."""
    found: dict[str, Any] = json.loads(Path(path).read_text())
    return found
