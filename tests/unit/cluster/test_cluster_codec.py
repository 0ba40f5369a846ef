"""JSON is one value, whoever read it: the execution hash hangs on that."""

import json
from typing import Any
from unittest.mock import AsyncMock

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import example, given
from hypothesis import strategies as st

from mlrun_operator.cluster.codec import decode, pack, unpack
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.resources import RUNS
from mlrun_operator.cluster.user_client import UserApiClient
from mlrun_operator.render.execution import execution_hash

_NUMBERS = st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(value=_VALUES)
@example(value=10**20)
@example(value=-(2**63) - 1)
@example(value=[2**64, 2**64 - 1, -(2**63), 1e20, -0.0])
def test_any_json_is_the_same_whichever_reader_read_it(value: Any) -> None:
    text = json.dumps(value)
    directly, watched, kept = decode(text.encode()), json.loads(text), unpack(pack(json.loads(text)))

    assert kept == directly == unpack(pack(directly))
    assert hash_of(kept) == hash_of(directly) == hash_of(unpack(pack(watched)))


def hash_of(value: Any) -> str:
    return execution_hash({"parameters": {"value": value}})


def test_a_large_number_stays_a_number_where_the_text_is_deep() -> None:
    deep = f"{'[' * 2000}100000000000000000000{']' * 2000}"
    value = decode(deep.encode())
    for _ in range(2000):
        (value,) = value
    assert (value, type(value)) == (1e20, float)


def test_half_a_character_does_not_keep_the_rest_out() -> None:
    assert unpack(pack({"cut": "a\ud83d", "n": 1})) == {"cut": "a?", "n": 1}


def test_absurd_nesting_is_refused() -> None:
    value: list[Any] = [10**20]
    for _ in range(400):
        value = [value]
    with pytest.raises(ValueError, match="Recursion"):
        pack(value)


def test_a_run_with_a_large_number_is_kept_whole() -> None:
    index = Index()
    text = """{
        "metadata": {"name": "run", "namespace": "team", "uid": "r", "resourceVersion": "1"},
        "spec": {"parameters": {"bound": 100000000000000000000}},
        "status": {"results": {"loss": 300000000000000000000}}
    }"""
    index.put(RUNS, json.loads(text))
    kept = index.get(RUNS, "team", "run")
    assert kept is not None
    assert kept["spec"] == {"parameters": {"bound": 1e20}}
    assert kept["status"] == {"results": {"loss": 3e20}}
    assert execution_hash(kept["spec"]) == execution_hash(decode(text.encode())["spec"])


async def test_a_program_s_watch_reads_as_the_operator_does() -> None:
    line = b'{"type": "ADDED", "object": {"spec": {"bound": 100000000000000000000}}}\n'

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=line, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        client = UserApiClient(Connection(str(server.make_url("")).rstrip("/"), session, AsyncMock()))
        events = [event async for event in client.watch_events(RUNS, "team", "1")]

    assert repr(events) == "[('ADDED', {'spec': {'bound': 1e+20}})]"
