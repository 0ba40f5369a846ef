"""What follows on the operator's own writes, which a watch that has only just begun does not tell of."""

from typing import Any

from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import RUNS, Resource
from mlrun_operator.cluster.run_queues import RunKey
from mlrun_operator.controller.reconcile import Reconciler

Object = dict[str, Any]


class Deleting:
    """A cluster that deletes."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    async def delete(self, resource: Resource, obj: Object, *, any_state: bool = False) -> None:
        assert not any_state
        self.deleted.append(f"{resource.kind} {obj['metadata']['name']}")

    async def our_events(self, namespace: str) -> set[str]:
        return set()

    async def post_event(self, event: Object) -> bool:
        return bool(event)


async def test_a_run_that_the_operator_deletes_is_looked_at_once_more(world: Any) -> None:
    """So that the Job which fired for it goes, too."""
    world.edit(runTtlSecondsAfterFinished=60)
    world.settle()
    world.succeed()
    world.settle()
    world.later(100)
    woken: list[RunKey] = []
    cluster: Any = Deleting()
    index = Index()
    index.put(RUNS, world.run)
    reconciler = Reconciler(cluster, index, world.platform, wake=woken.append, clock=lambda: world.now)

    namespace, name = world.run["metadata"]["namespace"], world.run["metadata"]["name"]
    await reconciler.reconcile((namespace, name))

    assert cluster.deleted == [f"MlrunRun {name}"]
    assert woken == [(namespace, name)]
