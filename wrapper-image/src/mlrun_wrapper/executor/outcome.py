"""What came out of a run: state, error, results and artifacts, as one JSON document for the wrapper."""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .call import Caller
from .database import MemoryDB
from .ending import Ending
from .levels import too_deep
from .limits import CHILDREN, MLRUN_RECORD_BYTES
from .older import uris_of
from .sweep import Points
from .tables import described_table
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
    own = [artifact for artifact in db.artifacts if artifact["metadata"].get("tree") == uid]
    return {
        **_made(ending, run, own),
        "children": list(islice(_children(db, uid), CHILDREN)),
        "mlrun": _bounded(Cleaner().clean(run, "run")),
    }


def _sweep(db: MemoryDB, caller: Caller, sweep: Points, run: dict[str, Any]) -> dict[str, Any]:
    """Each point that has begun with an outcome of its own."""
    uid = run.get("metadata", {}).get("uid")
    own: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for artifact in db.artifacts:
        if artifact["metadata"].get("tree") == uid:
            own[artifact["metadata"].get("iter") or 0].append(artifact)
    points = []
    for iteration, ending in list(caller.endings.items()):
        at_work = ending is caller.newest and not ending.returned
        point = caller.root.to_dict() if at_work else db.runs.get((uid, iteration), {})
        points.append({"iteration": iteration, **_made(ending, point, own[iteration])})
    return {
        **_made(Ending(stopped=caller.stopped, returned=True), {}, []),
        "points": points,
        "stop": sweep.stop,
        "warnings": sweep.told,
        "children": list(islice(_children(db, uid, of_sweep=True), CHILDREN)),
        "mlrun": _bounded(Cleaner().clean(run, "run")),
    }


def _made(ending: Ending, run: dict[str, Any], artifacts: list[dict[str, Any]]) -> dict[str, Any]:
    """How one call of the handler ended and what it left, of its own artifacts those that it has not replaced."""
    cleaner = Cleaner()
    results = {name: cleaner.clean(value, name) for name, value in run.get("status", {}).get("results", {}).items()}
    uris, cut = uris_of(run, artifacts), sorted({*ending.cut, *cleaner.cut})
    return {
        "state": ending.state,
        "error": ending.error,
        "results": results,
        "nonfinite": sorted(cleaner.nonfinite),
        "artifacts": [
            {**described_artifact(artifact), "uri": uris[artifact["metadata"]["key"]]}
            for artifact in artifacts
            if artifact["metadata"].get("key") in uris
        ],
        "packing_errors": ending.packing_errors,
        "warnings": [
            *(f"the handler returned None for {name!r}" for name in ending.nones),
            *ending.lost,
            *map(too_deep, cut),
        ],
        "truncated": bool(cut),
    }


def described_artifact(artifact: dict[str, Any]) -> dict[str, Any]:
    """One artifact: its key and kind, the local file or folder or the remote path it is at, and what it holds.

    Local paths are percent-encoded: a document is UTF-8, and they may be any bytes.
    """
    cleaner, where = Cleaner(), _location(artifact.get("spec", {}))
    spec, metadata = artifact.get("spec", {}), artifact.get("metadata", {})
    document = {
        "name": metadata["key"],
        "kind": artifact.get("kind") or "artifact",
        "labels": cleaner.clean(metadata.get("labels") or {}, "labels"),
        **where,
        **{kind: quote(where[kind], errors="surrogateescape") for kind in ("file", "folder") if where[kind]},
    }
    if document["kind"] == "dataset" and where["file"]:
        document["table"] = _described_table(where["file"], where["changed"], spec.get("length"))
    if document["kind"] == "model":
        fields = ("model_file", "framework", "algorithm", "metrics", "parameters")
        document["model"] = {name: cleaner.clean(spec[name], name) for name in fields if spec.get(name)}
    return document


def _location(spec: dict[str, Any]) -> dict[str, Any]:
    """Exactly one of file, folder, remote and body is set; `changed` is when a file was, in nanoseconds."""
    found: dict[str, Any] = {"file": None, "folder": None, "remote": None, "body": None}
    if spec.get("inline") is not None and not spec.get("target_path"):
        body = spec["inline"]
        found["body"] = body if isinstance(body, str) else Cleaner().clean(body, "body")
        found["format"] = spec.get("format") or None
        return found
    for path in (spec.get("target_path"), spec.get("src_path")):
        if not path:
            continue
        local = Path(path.removeprefix("file://"))
        if "://" in path and not path.startswith("file://"):
            found["remote"] = path
            return found
        if local.is_dir():
            found["folder"] = str(local.resolve())
            return found
        if local.is_file():
            found["file"] = str(local.resolve())
            found["changed"] = local.stat().st_mtime_ns
            return found
    found["missing"] = spec.get("target_path") or spec.get("src_path") or ""
    return found


@functools.lru_cache(maxsize=256)
def _described_table(file: str, changed: int, length: int | None) -> dict[str, Any]:
    return described_table(Path(file), length)


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
            "artifacts": sorted(uris_of(run, db.artifacts)),
        }
        yield {name: cleaner.clean(value, name) for name, value in child.items() if value}


def _bounded(run: Any) -> Any:
    """What mlrun knows of the run, without its largest parts where it is too large."""
    if len(json.dumps(run)) <= MLRUN_RECORD_BYTES:
        return run
    return {"metadata": run.get("metadata"), "status": {"state": run.get("status", {}).get("state")}, "truncated": True}
