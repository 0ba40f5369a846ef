"""`/metrics`: two formats, and a rendering a second of each, however often anybody asks."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from support.ports import free_port

from mlrun_operator.controller.metrics.endpoint import MetricsText, serve_metrics

# What Prometheus 3 sends.
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


class Counted(Collector):
    """A gauge that tells how often it was read."""

    def __init__(self) -> None:
        self.reads = 0

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        self.reads += 1
        yield GaugeMetricFamily("reads", "Reads.", value=self.reads)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def collector() -> Counted:
    return Counted()


@pytest.fixture
def registry(collector: Counted) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry


@asynccontextmanager
async def scraper(registry: CollectorRegistry) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A client, and the URL of metrics that are served."""
    port = free_port()
    serving = asyncio.create_task(serve_metrics(f"127.0.0.1:{port}", registry))
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(30):
            url = f"http://127.0.0.1:{port}/metrics"
            while True:
                try:
                    await session.get(url)
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.01)
            yield session, url
    finally:
        serving.cancel()


async def test_a_flood_of_scrapes_renders_once_a_second(registry: CollectorRegistry, collector: Counted) -> None:
    started = time.monotonic()
    async with scraper(registry) as (session, url):
        for number in range(50):
            accept = f"text/plain;version=1.0.{number};escaping=allow-utf-8"
            async with session.get(url, headers={"Accept": accept}) as answer:
                assert "reads " in await answer.text()
    assert collector.reads <= 1 + (time.monotonic() - started)


@pytest.mark.parametrize("accept", ["text/plain;version=x", "application/openmetrics-text;version=1.0.0;version=x"])
async def test_no_header_of_a_client_is_an_error(accept: str, registry: CollectorRegistry) -> None:
    async with scraper(registry) as (session, url), session.get(url, headers={"Accept": accept}) as answer:
        assert answer.status == 200


def test_a_text_is_read_anew_after_a_second(registry: CollectorRegistry) -> None:
    clock = Clock()
    text = MetricsText(registry, clock)
    assert b"reads 1.0" in text.render("")[0]
    clock.now += 0.99
    assert b"reads 1.0" in text.render("")[0]
    clock.now += 0.01
    assert b"reads 2.0" in text.render("")[0]


def test_prometheus_gets_openmetrics_and_others_plain_text(registry: CollectorRegistry) -> None:
    text = MetricsText(registry, Clock())
    for accept, content_type, end in (
        (PROMETHEUS, "application/openmetrics-text; version=1.0.0; charset=utf-8", b"# EOF\n"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", b"reads 2.0\n"),
    ):
        body, told = text.render(accept)
        assert told == content_type
        assert body.endswith(end)
