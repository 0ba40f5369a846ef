"""One execution of a run on this machine: the wrapper as a process, again within `backoffLimit`, its status told."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mlrun_operator.api.contract import result as results
from mlrun_operator.api.contract.envelope import Envelope, encode
from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.objects import Object
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.options import EnvVar, SecretRef
from mlrun_operator.api.v1alpha1.status import (
    MAX_ATTEMPTS,
    MAX_MESSAGE,
    Attempt,
    Condition,
    Execution,
    FunctionPin,
    Phase,
    RunStatus,
)
from mlrun_operator.api.v1alpha1.sweep import sweep_words, with_progress
from mlrun_operator.api.values.variables import expanded
from mlrun_operator.api.words import clauses

# Told the whole status at each step.
Tell = Callable[[RunStatus], None]
_GRACE: Final = 30


@dataclass(frozen=True, slots=True)
class Work:
    """What an execution needs to know."""

    envelope: Envelope
    execution: Execution
    generation: int
    pin: FunctionPin
    python: str
    folder: Path
    environment: dict[str, str]
    retries: int = 0
    deadline: int | None = None
    grace: int = _GRACE


class LocalProcess:
    """The attempts of one execution. `stop` ends them as a pod is ended: SIGTERM, then SIGKILL."""

    def __init__(self, work: Work, tell: Tell) -> None:
        self._work = work
        self._tell = tell
        self._process: asyncio.subprocess.Process | None = None
        self._stopped = False
        self._late = False
        self._started = ""
        self._attempts: list[Attempt] = []

    async def run(self) -> None:
        """All attempts, then the end is told."""
        try:
            async with asyncio.timeout(self._work.deadline):
                ended = await self._attempts_until_end()
        except TimeoutError:
            self._late = True
            ended = await self._ended_now()
        self._tell(self._final(*ended))

    async def stop(self) -> None:
        """End the process that runs; what it has logged is kept."""
        self._stopped = True
        await self._end_process()

    async def _attempts_until_end(self) -> tuple[int, Result | None]:
        while True:
            code, result = await self._attempt()
            reason = result.reason if result else Reason.WRAPPER_ERROR
            again = EXPLANATIONS[reason].retried and len(self._attempts) <= self._work.retries
            if code == 0 or self._stopped or not again:
                return code, result

    async def _attempt(self) -> tuple[int, Result | None]:
        number, pod_uid = len(self._attempts) + 1, str(uuid.uuid4())
        pod = f"{self._work.envelope.run.name}-{self._work.execution.number}-{number}"
        begun = _now()
        self._started = self._started or begun
        self._attempts.append(Attempt(pod=pod, uid=pod_uid, start_time=begun))
        self._tell(self._status(Phase.RUNNING, Reason.RUNNING, ""))
        folder = self._work.folder / str(number)
        code = await self._wrapper(folder, pod, pod_uid)
        result = self._report_of(folder, code)
        shutil.rmtree(folder / "work", ignore_errors=True)
        self._attempts[-1] = Attempt(
            pod=pod,
            uid=pod_uid,
            exit_code=code,
            reason=result.reason if result else Reason.WRAPPER_ERROR,
            message=(result.message[:1024] if result else None) or None,
            start_time=begun,
            completion_time=_now(),
        )
        return code, result

    async def _wrapper(self, folder: Path, pod: str, pod_uid: str) -> int:
        """The wrapper's process, its output in `log.txt`; its exit code."""
        work = folder / "work"
        for name in ("home", "tmp"):
            (work / name).mkdir(parents=True, exist_ok=True)
        (folder / "termination-log").write_text("")
        (folder / "envelope").write_text(encode(self._work.envelope))
        with (folder / "log.txt").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "mlrun_wrapper"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=work,
                env={**os.environ, **self._work.environment, **self._variables(folder, work, pod, pod_uid)},
            )
            if self._stopped:  # while the process was being made
                await self._end_process()
            try:
                return await self._process.wait()
            except asyncio.CancelledError:
                await self._end_process()
                raise

    def _variables(self, folder: Path, work: Path, pod: str, pod_uid: str) -> dict[str, str]:
        return {
            "MLRUN_ENVELOPE_FILE": str(folder / "envelope"),
            "MLRUN_TERMINATION_LOG": str(folder / "termination-log"),
            "MLRUN_WORK_DIR": str(work),
            "MLRUN_EXECUTOR_PYTHON": self._work.python,
            "MLRUN_POD_NAME": pod,
            "MLRUN_POD_UID": pod_uid,
            "MLRUN_JOB_NAME": pod.rpartition("-")[0],
            "TMPDIR": str(work / "tmp"),
            "MPLCONFIGDIR": str(work / "tmp"),
            # What the caller's interpreter was told must not reach the handler's.
            "PYTHONPATH": "",
            "PYTHONHOME": "",
        }

    async def _end_process(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(process.wait()), self._work.grace)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def _ended_now(self) -> tuple[int, Result | None]:
        """What the process left that the deadline ended."""
        return 1, self._report_of(self._work.folder / str(len(self._attempts)))

    def _report_of(self, folder: Path, code: int | None = None) -> Result | None:
        file = folder / "termination-log"
        text = file.read_text(errors="replace") if file.exists() else ""
        return results.decode(text, code, self._work.envelope.result_budget)

    def _final(self, code: int, result: Result | None) -> RunStatus:
        phase, reason = Phase.FAILED, result.reason if result else Reason.WRAPPER_ERROR
        message = result.message if result else f"the wrapper ended with {code} and left no report"
        if self._stopped:
            phase, reason, message = Phase.STOPPED, Reason.STOPPED, EXPLANATIONS[Reason.STOPPED].happened
        elif self._late:
            reason, message = Reason.DEADLINE_EXCEEDED, EXPLANATIONS[Reason.DEADLINE_EXCEEDED].happened
        elif code == 0:
            phase = Phase.SUCCEEDED
        if result and result.traceback:
            message = f"{message}\n\n{result.traceback}"
        told: Object = {} if result is None else {"source": result.source, "inputs": result.inputs or None}
        if result is not None:
            told |= {"outputs": result.outputs or None, "results": result.results or None}
        if result is not None and result.sweep is not None:
            told["sweep"] = with_progress(result.sweep)
            message = message or sweep_words(result.sweep)
        if result is not None and result.warnings:
            told["conditions"] = [self._warning(clauses(*result.warnings))]
        return self._status(phase, reason, message, completion_time=_now(), **told)

    def _warning(self, words: str) -> Condition:
        """The condition by which a cluster's run tells the same."""
        return Condition(
            type="Warnings",
            status="True",
            reason="Warnings",
            message=words[:MAX_MESSAGE],
            last_transition_time=_now(),
            observed_generation=self._work.generation,
        )

    def _status(self, phase: Phase, reason: Reason, message: str, **more: Any) -> RunStatus:
        return RunStatus(
            observed_generation=self._work.generation,
            phase=phase,
            reason=reason,
            message=message[:4096] or None,
            execution=self._work.execution,
            start_time=self._started,
            function=self._work.pin,
            attempt_count=len(self._attempts),
            attempts=self._attempts[-MAX_ATTEMPTS:],
            **more,
        )


def environment(env: list[EnvVar], secrets: list[str | SecretRef], held: dict[str, str]) -> dict[str, str]:
    """The variables that a pod would have, expanded. Raises LookupError that names a secret which is not here."""
    found: dict[str, str] = {}
    for entry in secrets:
        if isinstance(entry, str) or entry.keys is None:
            name = entry if isinstance(entry, str) else entry.name
            if isinstance(entry, str) or not entry.optional:
                raise LookupError(f"Secret {name} is in the cluster; here there are only a project's own (new_secret)")
            continue
        for key in entry.keys:
            if key in held:
                found[f"{entry.prefix or ''}{key}"] = held[key]
            elif not entry.optional:
                raise LookupError(f"secret {key} is not here; project.new_secret makes it")
    own: dict[str, str] = {}
    for variable in env:
        if variable.value_from is None:
            own[variable.name] = expanded(variable.value or "", own)
    return found | own


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
