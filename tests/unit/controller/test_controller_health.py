"""Liveness fails for what a restart mends: the event loop and the tasks of this process."""

import asyncio
import time

import pytest

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.index import Index
from mlrun_operator.controller import health as module
from mlrun_operator.controller.background import BackgroundTasks
from mlrun_operator.controller.event_handler import WatchEventHandler
from mlrun_operator.controller.health import Health
from mlrun_operator.controller.queue import FairQueue
from mlrun_operator.controller.watch_monitor import WatchMonitor


@pytest.fixture
def tasks() -> BackgroundTasks:
    return BackgroundTasks(asyncio.Event())


@pytest.fixture
def health(tasks: BackgroundTasks) -> Health:
    cluster = ApiClient(Connection("", None, None))  # type: ignore[arg-type]
    return Health(WatchMonitor((), cluster, WatchEventHandler(Index(), lambda *_: None)), FairQueue(), tasks)


async def test_a_task_that_exited_is_a_problem(health: Health, tasks: BackgroundTasks) -> None:
    assert health.liveness_problems() == []
    tasks.add({"workers": asyncio.sleep(0), "probes": asyncio.sleep(60)})
    tasks.start()
    await tasks.stopping.wait()
    assert health.liveness_problems() == ["background task workers exited"]
    await tasks.stop()
    assert health.liveness_problems() == ["background task workers exited"], "those that were stopped do not count"


async def test_an_event_loop_that_hangs_is_a_problem(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_LAG_SECONDS", 0.2)
    monkeypatch.setattr(module, "_TICK_SECONDS", 0.01)
    measuring = asyncio.create_task(health.measure_lag())
    await asyncio.sleep(0)
    time.sleep(0.5)  # noqa: ASYNC251 - the loop is to hang
    async with asyncio.timeout(5):
        while not health.liveness_problems():  # noqa: ASYNC110 - the task runs beside
            await asyncio.sleep(0)
    assert "the event loop was" in str(health.liveness_problems())
    measuring.cancel()


def test_a_process_that_only_starts_is_alive_and_not_ready(health: Health) -> None:
    assert health.liveness_problems() == []
    assert health.readiness_problems() == ["the first listings are not complete"]
