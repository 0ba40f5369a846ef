"""What the run made: stored whatever the end was, then compared with what the run maps.

Entities become `latest` only when all is well, so that a later run never reads what a failed one left.
"""

import time
from pathlib import Path
from typing import Any

from mlrun_operator.api.contract.envelope import Envelope
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import OutputInfo
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Entity, StoreError
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import STORE, StepError, from_store
from mlrun_wrapper.names import OF_SWEEP, entity_name, numbered
from mlrun_wrapper.progress import report_fetched
from mlrun_wrapper.upload import Stored, store_data

_TYPES = {"dataset": ("dataitem", "table"), "model": ("model", "model")}


def store_outputs(context: Context) -> None:
    """Every artifact as an entity, every result under its name."""
    outcome = context.outcome or {}
    context.warnings += outcome.get("warnings", [])
    context.truncated = outcome.get("truncated", False)
    shelf = Shelf(context, context.number)
    context.outputs = shelf.outputs  # as they come: the grace period may be too short for all
    context.results = kept(context, outcome.get("results", {}), outcome.get("nonfinite", []))
    results = outcome["results"] = shelf.fill(outcome)
    context.results = kept(context, results, outcome.get("nonfinite", []))
    if context.failure is None:
        absent = [name for name in context.run.values or () if name not in (*results, *context.results)]
        context.warnings += [f"values names {name!r}, which the run did not produce" for name in absent]


def verify(context: Context) -> None:
    """Raise StepError where something could not be packed or a mapped output is missing; else publish what was made."""
    if context.failure is not None:
        return
    if (problem := lacking(context, context.outcome or {})) is not None:
        raise problem
    publish(context, context.outputs)


def lacking(context: Context, outcome: dict[str, Any]) -> StepError | None:
    """Why a handler that returned has failed all the same."""
    invalid = [f"{error['name']}: {error['message']}" for error in outcome["packing_errors"]]
    invalid += [f"{a['name']}: {a['missing']} does not exist" for a in outcome["artifacts"] if "missing" in a]
    if invalid:
        return StepError(Reason.OUTPUT_INVALID, "; ".join(invalid))
    produced = {a["name"] for a in outcome["artifacts"]} | set(outcome["results"])
    missing = [name for name in required(context.run) if name not in produced]
    if not missing:
        return None
    made = ", ".join(sorted(produced)) or "nothing"
    names = ", ".join(map(repr, missing))
    what = f"output {names} was" if len(missing) == 1 else f"outputs {names} were"
    return StepError(Reason.OUTPUT_MISSING, f"{what} not produced; the run produced {made}")


def required(envelope: Envelope) -> list[str]:
    """What the handler has to make, by mlrun's names; of a sweep's it does not make table and plot."""
    names = sorted(name for name, ref in envelope.outputs.items() if not ref.optional)
    return [name for name in names if envelope.sweep is None or name not in OF_SWEEP]


def publish(context: Context, outputs: dict[str, OutputInfo]) -> None:
    """Let `latest` name them."""
    for info in outputs.values():
        with_errors(context, lambda key: context.catalogue.publish(key, started(context)), Key.parse(info.key))


def started(context: Context) -> str:
    """When the run started, in the form that `latest` compares."""
    return context.started.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def with_errors(context: Context, action: Any, *arguments: Any) -> Any:
    """Call something that uses the store; its failures become the run's."""
    try:
        return action(*arguments)
    except StoreError as error:
        raise from_store(error, STORE, context.run.store.secret, context.run.run.namespace) from error


def kept(context: Context, results: dict[str, Any], nonfinite: list[str]) -> dict[str, Any]:
    """Renamed by the mapping, and of the rest what `values` names; those that held NaN or an infinity are listed."""
    mapping, values = context.run.outputs, context.run.values
    found: dict[str, Any] = {}
    for name, value in results.items():
        mapped = mapping.get(name)
        if mapped is not None:
            found[mapped.name] = value
        elif values is None or name in values:
            found[name] = value
    return {**found, "results_nonfinite": nonfinite} if nonfinite else found


class Shelf:
    """What one call of the handler made, as entities. `number` is its replica or point, and ends their names.

    `apart` tells the points of one pod from each other.
    """

    def __init__(self, context: Context, number: int | None = None, *, apart: bool = False) -> None:
        self._context = context
        self._number = number
        self._mark = f"/{number}" if apart else ""
        self.outputs: dict[str, OutputInfo] = {}

    def fill(self, outcome: dict[str, Any]) -> dict[str, Any]:
        """Store the artifacts that are there; the results, in which mlrun's URIs of them have become their keys."""
        keys: dict[str, str] = {}
        for index, artifact in enumerate(outcome.get("artifacts", [])):
            if "missing" not in artifact:
                keys[artifact["uri"]] = self.put(artifact, index)
        return {name: _with_keys(value, keys) for name, value in outcome.get("results", {}).items()}

    def put(self, artifact: dict[str, Any], index: int = 0) -> str:
        """Store one artifact; its key."""
        start, context = time.monotonic(), self._context
        name = self.name_of(artifact["name"])
        type_, kind = _TYPES.get(artifact["kind"], ("artifact", "artifact"))
        uuid = context.output_uuid(f"{artifact['name']}{self._mark}", index)
        key = Key(context.run.run.project, type_, kind, numbered(name, self._number), uuid)
        stored = with_errors(context, store_data, context.catalogue, key, artifact, context.settings.work)
        entity = Entity(key, metadata(context, artifact["labels"]), _spec(artifact, stored), _status(artifact, stored))
        with_errors(context, context.catalogue.write, entity)
        preview = entity.status.get("preview")
        self.outputs[name] = OutputInfo(
            key=str(key), kind=kind, path=stored.path, size=stored.size, sha256=stored.sha256, preview=preview
        )
        if stored.file_count == 0:
            context.warnings.append(f"output {key.name!r} is an empty folder")
        report_fetched(context.log, f"output {key.name!r}", stored.size, stored.sha256, time.monotonic() - start)
        return str(key)

    def name_of(self, name: str) -> str:
        """As the run maps it; any other with a number where the name is taken."""
        mapping = self._context.run.outputs
        if mapped := mapping.get(name):
            return mapped.name
        taken = {*self.outputs, *(ref.name for ref in mapping.values())}
        first = candidate = entity_name(name)
        number = 2
        while candidate in taken:
            candidate, number = f"{first}-{number}", number + 1
        return candidate


def _with_keys(value: Any, keys: dict[str, str]) -> Any:
    """A result in which mlrun named artifacts by its own URIs names them by their keys."""
    if isinstance(value, str):
        return keys.get(value, value)
    if isinstance(value, list):
        return [_with_keys(item, keys) for item in value]
    if isinstance(value, dict):
        return {name: _with_keys(item, keys) for name, item in value.items()}
    return value


def metadata(context: Context, labels: dict[str, Any]) -> dict[str, Any]:
    """An entity's, with the run that made it."""
    run = context.run.run
    key = f"store://{run.project}/run/run/{run.name}:{context.run_uuid}"
    return {
        "created": started(context),
        "updated": started(context),
        "labels": [f"{name}:{value}" for name, value in sorted(labels.items())],
        "relationships": [{"type": "produced_by", "dest": key}],
    }


def _spec(artifact: dict[str, Any], stored: Stored) -> dict[str, Any]:
    spec: dict[str, Any] = {"path": stored.path, **artifact.get("model", {})}
    if artifact["kind"] == "dataset":
        schema = artifact.get("table", {}).get("schema")
        return {**spec, "schema": schema} if schema else spec
    suffix = Path(stored.path).suffix.lstrip(".")
    extra = {"src_path": stored.name, "hash": stored.sha256, "size": stored.size, "file_extension": suffix or None}
    return {**spec, **{name: value for name, value in extra.items() if value is not None}}


def _status(artifact: dict[str, Any], stored: Stored) -> dict[str, Any]:
    status: dict[str, Any] = {"size": stored.size, "sha256": stored.sha256}
    status |= {"files": stored.files, "file_count": stored.file_count}
    table = artifact.get("table", {})
    if table.get("preview"):
        status["preview"] = {**table["preview"], "rows": table.get("rows")}
    return {name: value for name, value in status.items() if value is not None}
