"""Entities as runs' statuses tell of them: known without any way to the store."""

from collections.abc import AsyncIterator

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.values.keys import Key
from mlrun_operator.api.values.names import label_value
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.sdk.session import Session
from mlrun_operator.store import Entity


def output_entities(run: Object) -> dict[str, Entity]:
    """The run's outputs, by name."""
    return {name: _entity(run, info) for name, info in (status_of(run).get("outputs") or {}).items()}


def _entity(run: Object, info: Object) -> Entity:
    key = Key.parse(info["key"])
    status = {name: info[name] for name in ("size", "sha256", "preview") if info.get(name) is not None}
    created = status_of(run).get("startTime")
    return Entity(key, {"created": created} if created else {}, {"path": info["path"]}, status)


async def entities_of_runs(session: Session, namespace: str, project: str) -> AsyncIterator[Entity]:
    """The outputs of all runs of a project, newest runs first."""
    runs = await session.backend.find(RUNS, namespace, f"{constants.LABEL_PROJECT}={label_value(project)}")
    for run in sorted(runs, key=lambda run: str(run["metadata"].get("creationTimestamp")), reverse=True):
        for entity in output_entities(run).values():
            yield entity


async def entity_of_runs(session: Session, namespace: str, key: Key) -> Entity | None:
    """The entity among the outputs of the namespace's runs; the newest, where the key has no uuid."""
    runs = await session.backend.find(RUNS, namespace)
    for run in sorted(runs, key=lambda run: str(run["metadata"].get("creationTimestamp")), reverse=True):
        for entity in output_entities(run).values():
            same = (entity.key.project, entity.key.type, entity.key.name) == (key.project, key.type, key.name)
            if same and key.uuid in (None, entity.key.uuid):
                return entity
    return None
