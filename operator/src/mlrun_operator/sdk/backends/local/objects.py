"""Kubernetes' objects in a folder: `<home>/<namespace>/<plural>/<name>.json`."""

import fcntl
import json
import os
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mlrun_operator.api.objects import Object, labels_of
from mlrun_operator.cluster.resources import Resource
from mlrun_operator.sdk.errors import Conflict, NotFound


class Objects:
    """Objects of one home, safe between processes. Every change gives a new resourceVersion."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def create(self, resource: Resource, obj: Object) -> Object:
        """Add it. Raises Conflict where one of its name is."""
        meta = obj["metadata"]
        with self._locked(resource, meta["namespace"]):
            if self._file(resource, meta["namespace"], meta["name"]).exists():
                raise Conflict(f"{resource.kind} {meta['name']} exists already", hint="Give another name.")
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            added = {"uid": str(uuid.uuid4()), "generation": 1, "creationTimestamp": now}
            return self._write(resource, {**obj, "kind": resource.kind, "metadata": {**meta, **added}})

    def apply(self, resource: Resource, obj: Object) -> Object:
        """Add it, or make the one of its name so."""
        meta = obj["metadata"]
        try:
            return self.change(resource, meta["namespace"], meta["name"], lambda _: obj)
        except NotFound:
            return self.create(resource, obj)

    def change(self, resource: Resource, namespace: str, name: str, changed: Callable[[Object], Object]) -> Object:
        """Make it what `changed` makes of it. A new spec is a new generation."""
        with self._locked(resource, namespace):
            before = self.read(resource, namespace, name)
            after = changed(before)
            kept = {n: before["metadata"][n] for n in ("uid", "creationTimestamp")}
            generation = before["metadata"]["generation"] + (after.get("spec") != before.get("spec"))
            meta = {**after["metadata"], **kept, "generation": generation}
            return self._write(resource, {"status": before.get("status"), **after, "metadata": meta})

    def read(self, resource: Resource, namespace: str, name: str) -> Object:
        """As it is now. Raises NotFound."""
        try:
            found: Object = json.loads(self._file(resource, namespace, name).read_text())
        except FileNotFoundError:
            raise NotFound(f"{resource.kind} {name} does not exist (local, {namespace})") from None
        return found

    def find(self, resource: Resource, namespace: str, labels: str = "") -> list[Object]:
        """All that have the labels, `name=value` with commas between."""
        wanted = dict(pair.split("=", 1) for pair in labels.split(",") if pair)
        found = []
        for file in sorted((self.home / namespace / resource.plural).glob("*.json")):
            obj = json.loads(file.read_text())
            held = labels_of(obj)
            if all(held.get(name) == value for name, value in wanted.items()):
                found.append(obj)
        return found

    def delete(self, resource: Resource, namespace: str, name: str) -> Object:
        """Remove it; as it was. Raises NotFound."""
        with self._locked(resource, namespace):
            obj = self.read(resource, namespace, name)
            self._file(resource, namespace, name).unlink()
            return obj

    def _file(self, resource: Resource, namespace: str, name: str) -> Path:
        return self.home / namespace / resource.plural / f"{name}.json"

    def _write(self, resource: Resource, obj: Object) -> Object:
        meta = obj["metadata"]
        file = self._file(resource, meta["namespace"], meta["name"])
        written = {**obj, "metadata": {**meta, "resourceVersion": secrets.token_hex(8)}}
        temporary = file.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps({n: v for n, v in written.items() if v is not None}, indent=1))
        temporary.replace(file)
        return written

    @contextmanager
    def _locked(self, resource: Resource, namespace: str) -> Iterator[None]:
        folder = self.home / namespace / resource.plural
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
