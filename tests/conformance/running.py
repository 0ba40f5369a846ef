"""Every program once under plain mlrun and once by the wrapper, several at a time."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ours
from comparison import job_of
from warm import WarmInterpreter

from docgen.programs import Program

_HERE = Path(__file__).parent

Outcome = list[dict[str, Any]]


class Plain:
    """One process of plain mlrun goes through all programs; each one's outcome is a future."""

    def __init__(self, jobs: list[dict[str, Any]], folder: Path) -> None:
        self._folders = {job["id"]: Path(job["folder"]) for job in jobs}
        self._futures: dict[str, Future[Outcome]] = {job["id"]: Future() for job in jobs}
        file = folder / "jobs.json"
        file.write_text(json.dumps(jobs))
        self._log = (folder / "plain.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-u", str(_HERE / "plain.py"), str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def outcome(self, program: str) -> Outcome:
        """Wait for it."""
        return self._futures[program].result()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._log.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                program = line.strip()
                self._settle(program, self._folders[program])
        for future in self._futures.values():
            if not future.done():
                future.set_exception(AssertionError(f"plain mlrun has ended: {Path(self._log.name).read_text()}"))

    def _settle(self, program: str, folder: Path) -> None:
        try:
            self._futures[program].set_result(json.loads((folder / "plain.json").read_text()))
        except FileNotFoundError:
            log = (folder / "plain" / "log.txt").read_text()
            self._futures[program].set_exception(AssertionError(f"{program} broke plain mlrun: {log}"))


class Outcomes:
    """Both outcomes of the programs; `folder` is theirs."""

    def __init__(self, programs: list[Program], folder: Path) -> None:
        self._jobs = {program.id: job_of(program, folder) for program in programs}
        self._socket = Path(tempfile.mkdtemp(prefix="warm-"))  # a short path: sockets have at most 107 characters
        self._plain = Plain(list(self._jobs.values()), folder)
        self._warm = WarmInterpreter(self._socket)
        self._warm.wait()
        self._pool = ThreadPoolExecutor(int(os.environ.get("CONFORMANCE_JOBS", os.cpu_count() or 2)))
        self._ours = {name: self._pool.submit(self._run, job) for name, job in self._jobs.items()}

    def _run(self, job: dict[str, Any]) -> Outcome:
        return ours.Runs(job, self._warm.path).all()

    def of(self, program: Program) -> tuple[Outcome, Outcome]:
        """What came of it under plain mlrun, and what here."""
        return self._plain.outcome(program.id), self._ours[program.id].result()

    def forget(self, program: Program) -> None:
        """Remove the files of a program that is as it should be."""
        shutil.rmtree(self._jobs[program.id]["folder"])

    def stop(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._warm.stop()
        self._plain.stop()
        shutil.rmtree(self._socket)
