"""What came out of a run: state, error, results and artifacts, as one JSON document for the wrapper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from .call import Caller
from .database import MemoryDB
from .describe import described_artifacts
from .ending import Ending
from .levels import too_deep
from .limits import CHILDREN, MLRUN_RECORD_BYTES
from .sweep import Points
from .values import Cleaner


def collect(db: MemoryDB, caller: Caller) -> dict[str, Any]:
    """The outcome of the process's first run; those nested in it are its children."""
    run = next(iter(db.runs.values()), {})
    if caller.sweep is not None:
        return _sweep(db, caller, caller.sweep, run)
    return _outcome(db, caller.newest, run)


def so_far(db: MemoryDB, caller: Caller) -> dict[str, Any]:
    """The outcome of the run while its handler is at work. The files that it names may still change."""
    if caller.sweep is not None:
        return _sweep(db, caller, caller.sweep, next(iter(db.runs.values()), {}))
    run = caller.root.to_dict() if caller.root is not None else {}
    return {**_outcome(db, caller.newest, run), "state": "running"}


def _outcome(db: MemoryDB, ending: Ending, run: dict[str, Any]) -> dict[str, Any]:
    uid = run.get("metadata", {}).get("uid")
    return {
        **_made(ending, run, described_artifacts(db, 0)),
        "children": list(islice(_children(db, uid), CHILDREN)),
        "mlrun": _bounded(Cleaner().clean(run, "run")),
    }


def _sweep(db: MemoryDB, caller: Caller, sweep: Points, run: dict[str, Any]) -> dict[str, Any]:
    """Each point that has begun with an outcome of its own."""
    uid = run.get("metadata", {}).get("uid")
    points = []
    for iteration, ending in list(caller.endings.items()):
        at_work = ending is caller.newest and not ending.returned
        point = caller.root.to_dict() if at_work else db.runs.get((uid, iteration), {})
        made = _made(ending, point, described_artifacts(db, iteration))
        points.append({"iteration": iteration, **made})
    return {
        **_made(Ending(stopped=caller.stopped, returned=True), {}, []),
        "points": points,
        "stop": sweep.stop,
        "warnings": sweep.told,
        "children": list(islice(_children(db, uid, of_sweep=True), CHILDREN)),
        "mlrun": _bounded(Cleaner().clean(run, "run")),
    }


def _made(ending: Ending, run: dict[str, Any], artifacts: list[dict[str, Any]]) -> dict[str, Any]:
    """How one call of the handler ended and what it left."""
    cleaner = Cleaner()
    results = {name: cleaner.clean(value, name) for name, value in run.get("status", {}).get("results", {}).items()}
    cut = sorted({*ending.cut, *cleaner.cut})
    nones = [f"the handler returned None for {name!r}" for name in ending.nones]
    return {
        "state": ending.state,
        "error": ending.error,
        "results": results,
        "nonfinite": sorted(cleaner.nonfinite),
        "artifacts": artifacts,
        "packing_errors": ending.packing_errors,
        "warnings": [*nones, *ending.lost, *map(too_deep, cut)],
        "truncated": bool(cut),
    }


def _children(db: MemoryDB, uid: str | None, *, of_sweep: bool = False) -> Iterator[dict[str, Any]]:
    """The runs that the handler made, and its iterations, each small; a sweep's own are told as its points."""
    for (run_uid, iteration), run in list(db.runs.items()):
        if run_uid == uid and (of_sweep or not iteration):
            continue
        cleaner = Cleaner()
        metadata, spec, status = (run.get(part) or {} for part in ("metadata", "spec", "status"))
        child = {
            "name": metadata.get("name"),
            "uid": run_uid,
            "iteration": iteration,
            "state": status.get("state"),
            "error": status.get("error"),
            "parameters": spec.get("parameters") or {},
            "results": status.get("results") or {},
            "artifacts": sorted({a.name for a in db.artifacts if (a.tree, a.iteration) == (run_uid, iteration)}),
        }
        yield {name: cleaner.clean(value, name) for name, value in child.items() if value}


def _bounded(run: Any) -> Any:
    """What mlrun knows of the run, without its largest parts where it is too large."""
    if len(json.dumps(run)) <= MLRUN_RECORD_BYTES:
        return run
    return {"metadata": run.get("metadata"), "status": {"state": run.get("status", {}).get("state")}, "truncated": True}
