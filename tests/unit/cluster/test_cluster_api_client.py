"""The port reads what the API server really sends."""

from typing import Any, cast

import pytest

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.connection import Connection
from mlrun_operator.cluster.resources import JOBS


async def test_an_empty_list_of_metadata_has_null_in_the_place_of_items(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(*_: Any, **__: Any) -> Any:
        return {"kind": "PartialObjectMetadataList", "metadata": {"resourceVersion": "7"}, "items": None}

    monkeypatch.setattr(ApiClient, "_request", answer)
    cluster = ApiClient(cast("Connection", None))
    assert await cluster.read_uids(JOBS, "ns", "") == (7, set())
    assert await cluster.read_all(JOBS, "ns") == []
    assert await cluster.events_of("ns", ["uid"]) == []
