"""What must hold of sweeps that fan out: one collector, after the points; each point counted once, as it ended."""

import json
from collections.abc import Callable, Iterator
from typing import Final

from support.simulator.api_server import ApiServer, Change
from support.simulator.job_controller import CONTROLLER_UID, numbers_of
from support.simulator.objects import Object, controller_of, is_terminal, uid_of
from support.simulator.wrappers import Board, Wrappers, envelope_of

_GROUP: Final = "mlrun-operator.dev/"
_ENDS: Final = ("Succeeded", "Failed", "Stopped")
_COUNTS: Final = ("points", "succeeded", "failed", "skipped")


class SweepLedger:
    """Listens to the API server, and says what is broken."""

    def __init__(
        self,
        server: ApiServer,
        wrappers: Wrappers,
        breaks: Callable[[str, str], None],
        is_presumed_lost: Callable[[Object], bool],
    ) -> None:
        self._server = server
        self._wrappers = wrappers
        self._breaks = breaks
        self._is_presumed_lost = is_presumed_lost
        server.observers.append(self._see)

    def _see(self, change: Change) -> None:
        if change.plural == "jobs" and change.old is None and self._server.author == "operator":
            self._see_new_job(change.last)
        elif change.plural == "mlrunruns" and change.old is not None and change.new is not None:
            old, new = change.old.get("status") or {}, change.new.get("status") or {}
            if new.get("sweep") and new != old and self._server.author == "operator":
                self._see_status(change.new["metadata"]["name"], old, new)

    def _see_new_job(self, job: Object) -> None:
        points_name = (job["metadata"].get("annotations") or {}).get(f"{_GROUP}collects")
        if points_name is None:
            return
        owner = controller_of(job)
        run = self._server.by_uid("mlrunruns", owner["uid"]) or {"status": {}}
        status = run.get("status") or {}
        if status.get("phase") in _ENDS and (status.get("execution") or {}).get("number") == _number(job):
            self._breaks(owner["name"], f"a collector was made after the end as {status['phase']}")
        points = self._server.get("jobs", job["metadata"]["namespace"], points_name)
        if points is None:
            return
        running = [pod["metadata"]["name"] for pod in self._pods_of(points) if not self._is_presumed_lost(pod)]
        if running:
            self._breaks(owner["name"], f"points may still run, and a collector was made: {', '.join(running)}")
        self._check_lost(owner["name"], points, envelope_of(job["spec"]["template"]))

    def _check_lost(self, run_name: str, points: Object, envelope: Object) -> None:
        """Check that the collector is told of every point that failed and could leave no word."""
        board = self._board(points, envelope)
        failed = {index + 1 for index in numbers_of(points["status"].get("failedIndexes", ""))}
        silent = failed - set(board.states) - {int(n) for n in envelope["sweep"].get("lost") or {}}
        if silent:
            self._breaks(run_name, f"points {sorted(silent)} failed without a word, and the collector is not told")

    def _see_status(self, run_name: str, old: Object, new: Object) -> None:
        sweep = new["sweep"]
        ended = sum(sweep.get(name) or 0 for name in ("succeeded", "failed", "skipped", "running"))
        if ended > sweep["points"]:
            self._breaks(run_name, f"of {sweep['points']} points {ended} are counted: {json.dumps(sweep)}")
        if new.get("phase") in _ENDS and old.get("phase") not in _ENDS:
            self._check_end(run_name, new)

    def _check_end(self, run_name: str, status: Object) -> None:
        """Check that the end tells what the collector found; one that succeeded has been collected."""
        collected = [
            self._wrappers.collected[attempt["uid"]]
            for attempt in status.get("attempts") or ()
            if attempt.get("uid") in self._wrappers.collected
        ]
        if not collected:
            if status["phase"] == "Succeeded":
                self._breaks(run_name, "a sweep succeeded, and nothing was collected")
            return
        found: Object = collected[-1].wire()
        told = status["sweep"]
        if any((found.get(name) or 0) != (told.get(name) or 0) for name in _COUNTS):
            self._breaks(run_name, f"the collector found {json.dumps(found)}, and the end tells {json.dumps(told)}")
        elif (found.get("best") or {}).get("iteration") != (told.get("best") or {}).get("iteration"):
            self._breaks(run_name, f"the best point is {found.get('best')}, and the end tells {told.get('best')}")

    def lost_points(self) -> Iterator[str]:
        """Yield sweeps that succeeded at rest though not every point's end is in them."""
        for run in self._server.all("mlrunruns"):
            status = run.get("status") or {}
            sweep = status.get("sweep")
            if not sweep or status.get("phase") != "Succeeded":
                continue
            if sum(sweep.get(name) or 0 for name in _COUNTS[1:]) != sweep["points"]:
                yield f"{run['metadata']['name']}: it succeeded without all its points: {json.dumps(sweep)}"

    def _board(self, points: Object, envelope: Object) -> Board:
        run = envelope["run"]
        return self._wrappers.boards[run["uid"], run["execution"], points["metadata"]["name"]]

    def _pods_of(self, job: Object) -> Iterator[Object]:
        for pod in self._server.all("pods"):
            if pod["metadata"]["labels"].get(CONTROLLER_UID) == uid_of(job) and not is_terminal(pod):
                yield pod


def _number(job: Object) -> int:
    return int((job["metadata"].get("annotations") or {}).get(f"{_GROUP}execution", 0))
