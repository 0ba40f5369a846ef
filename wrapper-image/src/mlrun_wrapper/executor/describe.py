"""The artifacts that one call of the handler left, described for the wrapper, which stores them.

Who logged an artifact decides how it is called: the run itself and the project by the artifact's key or the `db_key`
that the user chose, a nested run by mlrun's `<run>_<key>`; those of iterations have their number.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .artifacts import Logged, newest_versions
from .database import MemoryDB
from .limits import ARTIFACT_RECORD_BYTES
from .tables import described_table
from .values import Cleaner

# Of mlrun's artifact, what is true of this run's process only, and what the entity says itself.
_OF_THE_PROCESS = frozenset({"target_path", "src_path", "db_key", "producer", "sources", "inline", "size", "hash"})


def described_artifacts(db: MemoryDB, call: int) -> list[dict[str, Any]]:
    """Return what was logged in that call: by the run itself, then by the project, then by nested runs."""
    logged, nested, uid = _logged(db, call), _nested(db), _uid(db)
    newest = newest_versions(logged)
    plain = {(each.tree, each.key) for each in logged if each.iteration == call}
    found = []
    for each in sorted(logged, key=lambda each: (each.tree != uid, each.tree in nested)):
        best = db.runs.get((each.tree, 0), {}).get("status", {}).get("results", {}).get("best_iteration")
        iteration = 0 if each.iteration == call else each.iteration
        name, entity = _names(each, nested)
        place = {
            "name": name,
            "entity": entity,
            "iteration": iteration,
            "best": bool(iteration) and iteration == best and (each.tree, each.key) not in plain,
            "updates": each.updates,
            "superseded": newest[each.identity] is not each,
            "identity": repr(each.identity),
            "tags": list(each.tags),
            "uri": each.uri,
        }
        found.append({**described_artifact(each.document), **place})
    return found


def names_logged(db: MemoryDB, call: int) -> set[str]:
    """Return the names by which a run may map what was logged in that call."""
    nested = _nested(db)
    return {name for each in _logged(db, call) for name in _names(each, nested)}


def _logged(db: MemoryDB, call: int) -> list[Logged]:
    return [each for each in db.artifacts if each.call == call and not each.is_link]


def _uid(db: MemoryDB) -> str | None:
    """Return the uid of the process's first run; those that its handler makes are nested in it."""
    return next(iter(db.runs), (None, 0))[0]


def _nested(db: MemoryDB) -> set[str]:
    return {uid for uid, _ in list(db.runs) if uid != _uid(db)}


def _names(logged: Logged, nested: set[str]) -> tuple[str, str]:
    """Return how the run calls it, and how the catalogue does."""
    if logged.tree in nested and logged.key:
        return logged.key, logged.key
    return logged.name, logged.chosen_key


def described_artifact(artifact: dict[str, Any]) -> dict[str, Any]:
    """One artifact: its key and kind, the local file or folder or the remote path it is at, and what it holds.

    Local paths are percent-encoded: a document is UTF-8, and they may be any bytes.
    """
    cleaner, where = Cleaner(), _location(artifact.get("spec", {}))
    spec, metadata = artifact.get("spec", {}), artifact.get("metadata", {})
    kind = artifact.get("kind") or "artifact"
    document = {
        "name": metadata["key"],
        "kind": kind,
        "labels": cleaner.clean(metadata.get("labels") or {}, "labels"),
        **where,
        **{place: quote(where[place], errors="surrogateescape") for place in ("file", "folder") if where[place]},
        "target": cleaner.clean(spec.get("target_path") or "", "target"),
        **_record(artifact, cleaner),
    }
    if kind == "dataset" and where["file"]:
        document["table"] = _described_table(where["file"], where["changed"], spec.get("length"))
    if kind == "model":
        fields = ("model_file", "framework", "algorithm", "metrics", "parameters")
        document["model"] = {name: cleaner.clean(spec[name], name) for name in fields if spec.get(name)}
    return document


def _record(artifact: dict[str, Any], cleaner: Cleaner) -> dict[str, Any]:
    """What mlrun wrote of it, for whoever gets it as an input; what is largest is left out where it is too much."""
    spec = {name: value for name, value in artifact.get("spec", {}).items() if name not in _OF_THE_PROCESS}
    status = {name: artifact.get("status", {}).get(name) for name in ("stats", "header_original_length")}
    parts = {("spec", name): cleaner.clean(value, name) for name, value in spec.items()}
    parts |= {("status", name): cleaner.clean(value, name) for name, value in status.items()}
    sizes = {part: len(json.dumps(value)) for part, value in parts.items() if value not in (None, "", [], {})}
    left_out = []
    while sum(sizes.values()) > ARTIFACT_RECORD_BYTES:
        largest = max(sizes, key=lambda part: sizes[part])
        left_out.append(largest[1])
        del sizes[largest]
    record: dict[str, Any] = {"kind": artifact.get("kind") or "artifact", "key": artifact["metadata"]["key"]}
    for section, name in sizes:
        record.setdefault(section, {})[name] = parts[section, name]
    return {"mlrun": record, "left_out": left_out}


def _location(spec: dict[str, Any]) -> dict[str, Any]:
    """Exactly one of file, folder, remote and body is set; `changed` is when a file was, in nanoseconds."""
    found: dict[str, Any] = {"file": None, "folder": None, "remote": None, "body": None}
    if spec.get("inline") is not None and not spec.get("target_path"):
        body = spec["inline"]
        found["body"] = body if isinstance(body, str) else Cleaner().clean(body, "body")
        found["format"] = spec.get("format") or None
        return found
    for path in (spec.get("target_path"), spec.get("src_path"), spec.get("model_url")):
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
