"""One run, once: observe, plan, act, report. Idempotent: it may be called at any time and may die at any line."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, assert_never

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.cluster.run_queues import RunKey
from mlrun_operator.controller.act import Actor
from mlrun_operator.controller.concurrency import ConcurrencyLimiter
from mlrun_operator.controller.context import ControllerContext
from mlrun_operator.controller.event_recorder import EventRecorder
from mlrun_operator.controller.observe import Observer
from mlrun_operator.controller.observers import NO_OBSERVERS, ReconcileObserver
from mlrun_operator.controller.orphans import OrphanCollector
from mlrun_operator.controller.report import Reporter
from mlrun_operator.plan import Observation, RunObservation, plan
from mlrun_operator.plan.decision import Ask, Do, Tell
from mlrun_operator.plan.observation import Fact, Stored

# How many steps a run takes before others have their turn; a schedule may have thousands to make up for.
_STEPS_A_TURN: Final = 64


class EndlessPlanError(RuntimeError):
    """A plan asks for a step that was taken in this reconcile: that would go on for ever."""


class Reconciler:
    """Brings one run after the other in line with its spec."""

    def __init__(  # noqa: PLR0913 - those it works with
        self,
        cluster: ApiClient,
        index: Index,
        platform: Platform,
        *,
        wake: Callable[[RunKey], None] = lambda _: None,
        clock: Callable[[], datetime] | None = None,
        observers: Sequence[ReconcileObserver] = NO_OBSERVERS,
    ) -> None:
        """`wake` is told whom our own writes concern: the watch shows nothing new of them.

        Without a `clock` the API server's time counts.
        """
        clock = clock or cluster.now
        self._index = index
        self._platform = platform
        self._events = EventRecorder(cluster, clock)
        self._limiter = ConcurrencyLimiter(index, platform)
        self._observer = Observer(index, clock)
        self._orphans = OrphanCollector(cluster, index)
        context = ControllerContext(cluster, index, self._events, wake, clock, observers)
        self._actor = Actor(context, self._limiter)
        self._reporter = Reporter(context)

    async def reconcile(self, key: RunKey) -> float | None:
        """Do what there is to do; the seconds after which to look again, None to wait for an event.

        Raises ApiError where the server could not be asked or failed: try again later.
        """
        run = self._index.get(RUNS, *key)
        await self._orphans.delete(key, run)
        if run is None:
            self._events.forget(key)
            return None
        await self._events.flush_pending(run)
        observation, taken = self._observer.observe(run), set[str]()
        for _ in range(_STEPS_A_TURN):
            decision = plan(self._with_own_memory(observation, taken), self._platform)
            match decision:
                case Do(step) | Ask(step):
                    _once(key, step.key, taken)
                    fact = await self._actor.apply(step, observation)
                    if _gives_way(fact, observation):
                        return 0.0
                    observation = observation.learn(fact)
                case Tell(status, requeue_after):
                    if status is None:
                        waits = (
                            requeue_after.total_seconds() if requeue_after else None,
                            self._events.retry_after(key),
                        )
                        return min((wait for wait in waits if wait is not None), default=None)
                    _once(key, status.model_dump_json(), taken)
                    written = await self._reporter.report(observation.run, status)
                    if written is None:
                        return 1.0
                    observation = replace(observation, run=written)
                case _:
                    assert_never(decision)
        return 0.0

    def _with_own_memory(self, observation: Observation, taken: set[str]) -> Observation:
        if not isinstance(observation, RunObservation):
            return replace(observation, taken=frozenset(taken))
        return replace(
            observation,
            ahead=self._limiter.runs_ahead(observation.run, observation.function),
            has_made_job=self._actor.has_made_job(observation.run),
            is_status_refused=self._reporter.is_refused(observation.run),
            taken=frozenset(taken),
        )


def _once(key: RunKey, step: str, taken: set[str]) -> None:
    """Remember the step. Raises EndlessPlanError where it was taken before."""
    if step in taken:
        raise EndlessPlanError(f"the plan of {'/'.join(key)} asks again for a step that was taken: {step[:200]}")
    taken.add(step)


def _gives_way(fact: Fact, observation: Observation) -> bool:
    """Return whether a run's Job was created: those of other runs come before the status that tells of it."""
    return isinstance(observation, RunObservation) and isinstance(fact, Stored) and fact.is_new
