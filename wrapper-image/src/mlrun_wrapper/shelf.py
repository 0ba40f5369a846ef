"""What one call of the handler made, as entities of the store: each under a name, with its data and mlrun's record.

An artifact of an iteration is called `<name>-<iteration>`, and the best one's by the plain name as well.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mlrun_operator.api.v1alpha1.status import OutputInfo
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Entity, StoreError
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import STORE, from_store
from mlrun_wrapper.names import entity_name, numbered
from mlrun_wrapper.progress import report_fetched
from mlrun_wrapper.upload import Stored, store_data

# An artifact of this process by mlrun's own URI, with or without the tag.
_URI: Final = re.compile(
    r"store://[a-z-]+/[^/]+/(?P<key>[^/#:@^]+)(#(?P<iteration>\d+))?(:[^@^]*)?@(?P<tree>[^^]+)(\^.*)?"
)
# Of an entity, what a copy of it under another name has, too.
_COPIED: Final = ("labels", "tag", "tags", "superseded")
_TYPES: Final = {"dataset": ("dataitem", "table"), "model": ("model", "model")}


@dataclass(frozen=True, slots=True)
class Destination:
    """The run's output that an artifact is, and its entity; `best` are both once more for the best iteration's.

    Of several versions of one entity that a run logs the older ones are `superseded`.
    """

    artifact: Mapping[str, Any]
    output: str
    key: Key
    best: tuple[str, Key] | None = None
    superseded: bool = False


class Shelf:
    """Stores what one call of the handler made. `number` is its replica or point, and ends the entities' names.

    `apart` tells the points of one pod from each other.
    """

    def __init__(self, context: Context, number: int | None = None, *, apart: bool = False) -> None:
        self._context = context
        self._number = number
        self._mark = f"/{number}" if apart else ""
        self._taken: set[tuple[str, str]] = set()
        self.outputs: dict[str, OutputInfo] = {}

    def fill(self, outcome: Mapping[str, Any]) -> dict[str, Any]:
        """Store the artifacts that are there; the results, in which mlrun's URIs of them have become their keys."""
        destinations = self._destinations([each for each in outcome.get("artifacts", []) if "missing" not in each])
        keys = {_identity(destination.artifact["uri"]): str(destination.key) for destination in destinations}
        targets = {
            destination.artifact["target"]: str(destination.key)
            for destination in destinations
            if destination.artifact["target"]
        }
        for destination in destinations:
            self._store(destination, keys | targets)
        return {name: _with_keys(value, keys) for name, value in outcome.get("results", {}).items()}

    def put(self, artifact: Mapping[str, Any]) -> None:
        """Store one artifact that names no other."""
        self._store(self._destination(artifact, 0), {})

    def copy(self, entity: Entity, output: str, key: Key) -> None:
        """Make an output whose data are another entity's own."""
        own = metadata(self._context, {})
        own |= {name: entity.metadata[name] for name in _COPIED if name in entity.metadata}
        own["relationships"] = [*own["relationships"], {"type": "copy_of", "dest": str(entity.key)}]
        self._write(Entity(key, own, entity.spec, entity.status), output)

    def _destinations(self, artifacts: Sequence[Mapping[str, Any]]) -> list[Destination]:
        """Where each goes, the versions of an entity from the oldest on: results name the newest."""
        numbered_artifacts = list(enumerate(artifacts))
        current = [(index, each) for index, each in numbered_artifacts if not each.get("superseded")]
        newest = {each["name"]: index for index, each in current if is_plain(each)}
        found = {
            index: self._destination(each, index, older=is_plain(each) and newest[each["name"]] != index)
            for index, each in current
        }
        versions = {each["identity"]: found[index] for index, each in current if "identity" in each}
        for index, each in numbered_artifacts:
            if each.get("superseded"):
                found[index] = self._older(each, index, versions[each["identity"]])
        return self._one_latest([found[index] for index, _ in numbered_artifacts])

    def _older(self, artifact: Mapping[str, Any], index: int, newest: Destination) -> Destination:
        """An older version of an entity that the run logs as well; as an output it has a number."""
        key = replace(newest.key, uuid=self._context.output_uuid(f"{artifact['name']}{self._mark}", index))
        return Destination(artifact, self._free("output", newest.output, 0, set()), key, superseded=True)

    def _one_latest(self, destinations: list[Destination]) -> list[Destination]:
        """A new version of a stored entity is not the latest where the run logs one of that name itself."""
        logged = {each.key.any_version() for each in destinations if not each.artifact.get("updates")}
        for index, each in enumerate(destinations):
            if each.artifact.get("updates") and each.key.any_version() in logged:
                destinations[index] = replace(each, superseded=True)
                self._context.warnings.append(
                    f"output {each.output!r}, a new version of {each.artifact['updates']}, is not the latest one: "
                    f"the run has also logged a new {each.key.name!r}"
                )
        return destinations

    def _destination(self, artifact: Mapping[str, Any], index: int, *, older: bool = False) -> Destination:
        """Of several of one key the newest is the output of that name; an older one is called as its entity."""
        context, iteration = self._context, artifact.get("iteration", 0)
        entity = artifact.get("entity", artifact["name"])
        output = entity if older else artifact["name"]
        uuid = context.output_uuid(f"{artifact['name']}{self._mark}", index)
        names = self._names(artifact, output, entity, iteration)
        if artifact.get("updates"):
            old = Key.parse(artifact["updates"])
            return Destination(artifact, names[0], Key(old.project, old.type, old.kind, old.name, uuid))
        key = self._key(artifact, names[1], uuid)
        if not artifact.get("best"):
            return Destination(artifact, names[0], key)
        plain = self._names(artifact, output, entity, 0)
        copied = self._key(artifact, plain[1], context.output_uuid(f"best{self._mark}/{plain[0]}"))
        return Destination(artifact, names[0], key, (plain[0], copied))

    def _key(self, artifact: Mapping[str, Any], name: str, uuid: str) -> Key:
        type_, kind = _type_of(artifact)
        return Key(self._context.run.run.project, type_, kind, numbered(name, self._number), uuid)

    def _names(self, artifact: Mapping[str, Any], output: str, entity: str, iteration: int) -> tuple[str, str]:
        """Return the names of output and entity: as the run maps them, else their own, with a number where taken."""
        mapping, type_ = self._context.run.outputs, _type_of(artifact)[0]
        mapped = mapping.get(output) or mapping.get(entity)
        reserved = {ref.name for ref in mapping.values()} if mapped is None else set()
        name = self._free("output", mapped.name if mapped else entity_name(output), iteration, reserved)
        if mapped or entity == output:
            return name, self._free(type_, name, 0, set())
        return name, self._free(type_, entity_name(entity), iteration, reserved)

    def _free(self, kind: str, name: str, iteration: int, reserved: set[str]) -> str:
        first = candidate = numbered(name, iteration)
        number = 2
        while (kind, candidate) in self._taken or candidate in reserved:
            candidate, number = f"{first}-{number}", number + 1
        self._taken.add((kind, candidate))
        return candidate

    def _store(self, destination: Destination, keys: Mapping[str, str]) -> None:
        start, context, artifact = time.monotonic(), self._context, destination.artifact
        stored = with_errors(context, store_data, context.catalogue, destination.key, artifact, context.settings.work)
        own = metadata(context, artifact["labels"], self._tags(artifact, destination))
        if destination.superseded:
            own["superseded"] = True
        if artifact.get("updates"):
            own["relationships"] = [*own["relationships"], {"type": "version_of", "dest": artifact["updates"]}]
        entity = Entity(destination.key, own, _spec(artifact, stored, keys), _status(artifact, stored))
        self._write(entity, destination.output)
        if destination.best is not None:
            self.copy(entity, *destination.best)
        self._warn(artifact, destination.key, stored)
        report_fetched(
            context.log, f"output {destination.key.name!r}", stored.size, stored.sha256, time.monotonic() - start
        )

    def _tags(self, artifact: Mapping[str, Any], destination: Destination) -> list[str]:
        """The tags by which a key can name it; mlrun checks those of what it uploads itself only."""
        good = []
        for tag in artifact.get("tags", ()):
            try:
                Key.parse(str(replace(destination.key, uuid=tag)))
                good.append(tag)
            except ValueError:
                self._context.warnings.append(
                    f"output {destination.output!r} is stored without the tag {tag!r}: use letters, digits, '.', '_', "
                    "'-' and '+'"
                )
        return good

    def _write(self, entity: Entity, output: str) -> None:
        context, key, status = self._context, entity.key, entity.status
        with_errors(context, context.catalogue.write, entity)
        self._taken |= {("output", output), (key.type, key.name)}
        if tag := entity.metadata.get("tag"):
            context.tags[str(key)] = entity.metadata.get("tags", [tag])
        if entity.metadata.get("superseded"):
            context.not_latest.add(str(key))
        self.outputs[output] = OutputInfo(
            key=str(key),
            kind=key.kind,
            path=str(entity.path),
            size=status.get("size"),
            sha256=status.get("sha256"),
            preview=status.get("preview"),
        )

    def _warn(self, artifact: Mapping[str, Any], key: Key, stored: Stored) -> None:
        if stored.file_count == 0:
            self._context.warnings.append(f"output {key.name!r} is an empty folder")
        if left_out := artifact.get("left_out"):
            names = ", ".join(left_out)
            self._context.warnings.append(f"output {key.name!r} is stored without mlrun's {names}: they are too large")


def is_plain(artifact: Mapping[str, Any]) -> bool:
    """Whether an artifact has the plain name: it is of no iteration, or of the best one."""
    return not artifact.get("iteration") or bool(artifact.get("best"))


def publish(context: Context, outputs: Mapping[str, OutputInfo]) -> None:
    """Let `latest` name them, and their tags."""
    for info in outputs.values():
        key = Key.parse(info.key)
        if info.key not in context.not_latest:
            with_errors(context, context.catalogue.publish, key, started(context))
        for tag in context.tags.get(info.key, ()):
            with_errors(context, context.catalogue.publish, key, started(context), tag)


def started(context: Context) -> str:
    """When the run started, in the form that `latest` compares."""
    return context.started.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def with_errors(context: Context, action: Any, *arguments: Any) -> Any:
    """Call something that uses the store; its failures become the run's."""
    try:
        return action(*arguments)
    except StoreError as error:
        raise from_store(error, STORE, context.run.store.secret, context.run.run.namespace) from error


def metadata(context: Context, labels: Mapping[str, Any], tags: Sequence[str] = ()) -> dict[str, Any]:
    """An entity's, with the run that made it."""
    run = context.run.run
    key = f"store://{run.project}/run/run/{run.name}:{context.run_uuid}"
    return {
        "created": started(context),
        "updated": started(context),
        "labels": [f"{name}:{value}" for name, value in sorted(labels.items())],
        **({"tag": tags[-1]} if tags else {}),
        **({"tags": list(tags)} if len(tags) > 1 else {}),
        "relationships": [{"type": "produced_by", "dest": key}],
    }


def _type_of(artifact: Mapping[str, Any]) -> tuple[str, str]:
    return _TYPES.get(artifact["kind"], ("artifact", "artifact"))


def _with_keys(value: Any, keys: Mapping[str, str]) -> Any:
    """A value in which mlrun named artifacts by its own URIs, or by their files, names them by their keys."""
    if isinstance(value, str):
        return keys.get(_identity(value), value)
    if isinstance(value, list):
        return [_with_keys(item, keys) for item in value]
    if isinstance(value, dict):
        return {name: _with_keys(item, keys) for name, item in value.items()}
    return value


def _identity(text: str) -> str:
    """What an URI of mlrun's names, however it is spelled: key, iteration and tree; any other text as it is."""
    found = _URI.fullmatch(text)
    return f"{found['key']}#{found['iteration'] or 0}@{found['tree']}" if found else text


def _spec(artifact: Mapping[str, Any], stored: Stored, keys: Mapping[str, str]) -> dict[str, Any]:
    spec: dict[str, Any] = {"path": stored.path, **artifact.get("model", {})}
    if record := artifact.get("mlrun"):
        spec["mlrun"] = _with_keys(_relative(record, artifact.get("target", "")), keys)
    if artifact["kind"] == "dataset":
        schema = artifact.get("table", {}).get("schema")
        return {**spec, "schema": schema} if schema else spec
    suffix = Path(stored.path).suffix.lstrip(".")
    extra = {"src_path": stored.name, "hash": stored.sha256, "size": stored.size, "file_extension": suffix or None}
    return {**spec, **{name: value for name, value in extra.items() if value is not None}}


def _relative(record: Mapping[str, Any], target: str) -> dict[str, Any]:
    """mlrun's record, with the artifact's own further files by their names in its folder."""
    extra = (record.get("spec") or {}).get("extra_data")
    if not isinstance(extra, dict) or not target.endswith("/"):
        return dict(record)
    named = {k: v.removeprefix(target) if isinstance(v, str) else v for k, v in extra.items()}
    return {**record, "spec": {**record["spec"], "extra_data": named}}


def _status(artifact: Mapping[str, Any], stored: Stored) -> dict[str, Any]:
    status: dict[str, Any] = {"size": stored.size, "sha256": stored.sha256}
    status |= {"files": stored.files, "file_count": stored.file_count}
    table = artifact.get("table", {})
    if table.get("preview"):
        status["preview"] = {**table["preview"], "rows": table.get("rows")}
    return {name: value for name, value in status.items() if value is not None}
