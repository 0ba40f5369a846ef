"""Following a run to its end: its phases and its pod's log, as they come."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator

from demo.console import phase, say, styled
from deploy import Target
from devcluster.errors import DevClusterError
from mlrun_operator.api.objects import Object

PATIENCE_SECONDS = 300
# The log of a pod that has ended is complete at once; this is for a machine under load.
LOG_PATIENCE_SECONDS = 15.0


class Follower:
    """Prints a line for each phase of one execution, and the pod's log between them.

    `started` is the moment on time.monotonic()'s clock that the printed seconds count from.
    """

    def __init__(self, target: Target, namespace: str, name: str, started: float) -> None:
        self._target = target
        self._namespace = namespace
        self._name = name
        self._started = started
        self._shown = ""
        self._log: threading.Thread | None = None

    def to_the_end(self, generation: int) -> Object:
        """Return the run when its execution for this generation of the spec has ended.

        Raises DevClusterError where it has not within five minutes, or is deleted.
        """
        for run in self._states():
            status = run.get("status", {})
            if status.get("execution", {}).get("generation", 0) < generation:
                continue
            if status["phase"] == "Running":
                self._show_log(status)
            if status["phase"] in ("Succeeded", "Failed"):
                self._show_log(status)
                if self._log:
                    self._log.join(LOG_PATIENCE_SECONDS)
                self._show(status)
                return run
            self._show(status)
        raise DevClusterError(
            f"run {self._name} had not ended after {PATIENCE_SECONDS} s",
            hint=f"`kubectl describe mlr {self._name} -n {self._namespace}` says what it waits for",
        )

    def _states(self) -> Iterator[Object]:
        """The run as it is, and again after each change."""
        command = [self._target.facts.kubectl, "get", "mlr", self._name, f"--namespace={self._namespace}"]
        options = ["--watch", "--output-watch-events", "--output=json", f"--request-timeout={PATIENCE_SECONDS}s"]
        watch = self._piped([*command, *options], subprocess.DEVNULL)
        assert watch.stdout is not None
        try:
            for line in watch.stdout:  # an event each
                event = json.loads(line)
                if event["type"] == "DELETED":
                    raise DevClusterError(f"somebody deleted run {self._name}", hint="`make demo` makes it anew")
                yield event["object"]
        finally:
            watch.terminate()
            watch.wait()
            watch.stdout.close()

    def _show(self, status: Object) -> None:
        """One line for each phase and reason."""
        elapsed = time.monotonic() - self._started
        reason, words = status.get("reason", ""), status.get("message", "")
        if f"{status['phase']} {reason}" == self._shown:
            return
        self._shown = f"{status['phase']} {reason}"
        more = "" if reason == status["phase"] else f"{reason}  "
        say(f"  {elapsed:5.1f} s  {phase(status['phase'])} {more}{words}".rstrip())

    def _show_log(self, status: Object) -> None:
        """Start to print the pod's log, once, after the line of the phase that it belongs to."""
        if self._log or not status.get("attempts"):
            return
        if status["phase"] == "Running":
            self._show(status)
        self._log = threading.Thread(target=self._print_log, args=(status["jobName"],), daemon=True)
        self._log.start()

    def _print_log(self, job: str) -> None:
        command = [self._target.facts.kubectl, "logs", "--follow", f"--namespace={self._namespace}", f"job/{job}"]
        with self._piped(command, subprocess.STDOUT) as log:
            assert log.stdout is not None
            for line in log.stdout:
                say(f"           {styled('│ ' + line.rstrip(), 'dim')}")

    def _piped(self, command: list[str], stderr: int) -> subprocess.Popen[str]:
        environment = {**os.environ, **self._target.environment}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True)
