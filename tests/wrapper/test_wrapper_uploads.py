"""Uploads that are cut off: nobody ever sees half an entity, and a stumbling store is asked again."""

import hashlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.s3proxy import Decide, S3Proxy
from support.servers import S3Server
from wrapper_runs import Ended, WrapperRun, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Catalogue, NotFoundError, open_store

CODE = """
    import os
    import pandas as pd

    def handler(context):
        context.log_result("a", 1)
        context.log_dataset("t", df=pd.DataFrame({"a": [1, 2]}))
        os.makedirs("d")
        for name in ("a", "b"):
            open(f"d/{name}", "w").write(name)
        context.log_artifact("folder", local_path="d")
"""
KEYS = {"t": "store://demo/dataitem/table/t", "folder": "store://demo/artifact/artifact/folder"}


@pytest.fixture
def proxied(s3: S3Server, s3_store: StoreInfo) -> Iterator[Callable[[Decide], tuple[S3Proxy, StoreInfo]]]:
    """The store behind a proxy."""
    proxies: list[S3Proxy] = []

    def behind(decide: Decide) -> tuple[S3Proxy, StoreInfo]:
        proxies.append(S3Proxy(s3.endpoint, decide))
        return proxies[-1], s3_store.model_copy(update={"endpoint": proxies[-1].endpoint})

    yield behind
    for proxy in proxies:
        proxy.stop()


# The writes of the run, in their order; the pod dies when it makes this one, before the server has seen it.
WRITES = ("/t.parquet", "/t/*/entity.json", "/folder/a", "/folder/b", "/folder/*/entity.json", "/t/latest", "/latest")


@pytest.mark.parametrize("point", range(len(WRITES)), ids=lambda point: WRITES[point])
def test_a_pod_killed_at_any_write_leaves_nothing_half_visible(
    point: int, start: Callable[..., WrapperRun], proxied: Any, s3_store: StoreInfo
) -> None:
    running: list[WrapperRun] = []
    writes = itertools.count()  # a folder's files come side by side

    def decide(method: str, path: str) -> int | None:
        if method == "PUT" and not path.endswith(("/run.json", "/attempts.json")) and next(writes) == point:
            running[0].process.kill()
            return 503
        return None

    _, info = proxied(decide)
    running.append(start(envelope(CODE, store=info)))
    ended = running[0].end()

    assert ended.code == -9
    catalogue = Catalogue(open_store(s3_store))
    entities = [s.path for s in catalogue.store.list("demo/") if s.path.endswith("/entity.json")]
    assert len(entities) == (point >= 2) + (point >= 5)
    for path in entities:
        assert_whole(catalogue, json.loads(catalogue.store.read(path)))
    latest = [name for name, key in KEYS.items() if is_there(catalogue, key)]
    assert latest == ["t"][: point == 6]


def test_the_pod_after_a_killed_one_starts_from_nothing(
    start: Callable[..., WrapperRun], run: Callable[..., Ended], proxied: Any, s3_store: StoreInfo
) -> None:
    running: list[WrapperRun] = []

    def decide(method: str, path: str) -> int | None:
        if path.endswith("/folder/b"):
            running[0].process.kill()
        return None

    _, info = proxied(decide)
    running.append(start(envelope(CODE, store=info)))
    running[0].end()
    ended = run(envelope(CODE, store=s3_store), {"MLRUN_POD_UID": "the-next-pod"})

    assert ended.code == 0, ended.log
    catalogue = Catalogue(open_store(s3_store))
    for name, key in KEYS.items():
        assert str(catalogue.read(Key.parse(key)).key) == ended.result.outputs[name].key


def test_a_write_that_fails_is_tried_again(run: Callable[..., Ended], proxied: Any) -> None:
    failed: set[str] = set()

    def decide(method: str, path: str) -> int | None:
        if method == "PUT" and path not in failed:
            failed.add(path)
            return 503
        return None

    proxy, info = proxied(decide)
    ended = run(envelope(CODE, store=info))

    assert ended.code == 0, ended.log
    assert set(ended.result.outputs) == {"t", "folder"}
    assert len(failed) == 10
    assert len([method for method, _ in proxy.requests if method == "PUT"]) == 2 * 10 + 1  # run.json is written twice


def test_outputs_that_cannot_be_stored_end_the_run_as_unavailable(run: Callable[..., Ended], proxied: Any) -> None:
    proxy, info = proxied(lambda method, path: 503 if method == "PUT" and path.endswith(".parquet") else None)
    ended = run(envelope(CODE, store=info))

    assert (ended.code, ended.reason) == (75, "StoreUnavailable")
    assert "t.parquet" in ended.result.message
    assert "answered 503" in ended.result.message
    assert ended.result.results == {"a": 1}
    assert len([path for _, path in proxy.requests if path.endswith(".parquet")]) == 2
    assert ended.result.run_path is not None


def test_a_store_that_hangs_when_the_pod_ends_does_not_take_the_report_with_it(
    start: Callable[..., WrapperRun], proxied: Any
) -> None:
    running: list[WrapperRun] = []
    over = threading.Event()

    def decide(method: str, path: str) -> int | None:
        if path.endswith("/folder/b"):
            running[0].terminate()
            over.wait(60)
        return None

    _, info = proxied(decide)
    running.append(start(envelope(CODE, store=info, grace_seconds=3)))
    ended = running[0].end()
    over.set()

    assert (ended.code, ended.reason) == (143, "Terminated")
    assert "the grace period was too short to store all" in ended.result.message
    assert set(ended.result.outputs) == {"t"}
    assert ended.result.results == {"a": 1}
    assert ended.result.run_path is not None


def is_there(catalogue: Catalogue, key: str) -> bool:
    try:
        catalogue.read(Key.parse(key))
    except NotFoundError:
        return False
    return True


def assert_whole(catalogue: Catalogue, entity: dict[str, Any]) -> None:
    """Every byte that the entity names is in the store."""
    path = entity["spec"]["path"].removeprefix(f"{catalogue.store.root}/")
    if not path.endswith("/"):
        assert hashlib.sha256(catalogue.store.read(path)).hexdigest() == entity["status"]["sha256"]
        return
    assert {file["path"]: file["size"] for file in entity["status"]["files"]} == {
        stat.path.removeprefix(path): stat.size for stat in catalogue.store.list(path)
    }
