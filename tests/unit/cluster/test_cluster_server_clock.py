"""The operator's time is that of the API server, which stamps what it reads."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from support.wire import port_to

from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.cluster.server_clock import ServerClock
from mlrun_operator.controller.reconcile_function import FunctionReconciler

OWN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def date_header(seconds: float) -> str:
    return format_datetime(OWN + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(("seconds", "offset"), [(-120, -120), (90, 90), (4, 0), (-5, 0), (0, 0)])
def test_only_a_large_difference_moves_the_clock(seconds: int, offset: int) -> None:
    clock = ServerClock(lambda: OWN)
    clock.observe(date_header(seconds))
    assert clock.now() - OWN == timedelta(seconds=offset)


@pytest.mark.parametrize("header", [None, "", "yesterday", "Sun, 99 Foo 2026 12:00:00 GMT", "0" * 5000])
def test_an_answer_without_a_readable_date_tells_nothing(header: str | None) -> None:
    clock = ServerClock(lambda: OWN)
    clock.observe(date_header(60))
    clock.observe(header)
    assert clock.now() - OWN == timedelta(seconds=60)


def test_a_clock_that_is_set_right_counts_again(caplog: pytest.LogCaptureFixture) -> None:
    clock = ServerClock(lambda: OWN)
    for seconds in (-60, -61, -60, 0):
        clock.observe(date_header(seconds))
    assert clock.now() == OWN
    assert [record.getMessage() for record in caplog.records] == [
        "this machine's clock is 60 s ahead of the API server's, whose time is used"
    ]


async def test_the_client_follows_the_date_of_each_answer() -> None:
    async def answer(_: web.Request) -> web.Response:
        past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
        return web.json_response({"metadata": {}}, headers={"Date": past})

    async with port_to(answer) as cluster:
        await cluster.read(RUNS, "team", "a")
        reconciler = FunctionReconciler(cluster, Index())
        difference = datetime.now(UTC) - reconciler._clock()
    assert timedelta(minutes=59) < difference < timedelta(minutes=61)
