"""Requests of a real operator go wrong as a file says, for the objects that it names, and for no others."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.troubles import Trouble, Troubles, arm

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import JOBS, RUNS

Ask = Callable[..., Any]


class DeadError(Exception):
    """The process would have ended."""


@pytest.fixture
def troubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Troubles:
    async def answer(_: ApiClient, verb: str, __: Any, url: str, **___: Any) -> str:
        sent.append(f"{verb} {url}")
        return "yes"

    def end(_: int) -> None:
        raise DeadError

    sent.clear()
    monkeypatch.setattr(ApiClient, "_request", answer)
    monkeypatch.setattr(os, "_exit", end)
    made = Troubles(tmp_path / "troubles")
    arm(made.folder)
    return made


sent: list[str] = []


async def put(name: str) -> Any:
    client: Any = ApiClient(None)  # type: ignore[arg-type]
    return await client._request("PUT", RUNS, RUNS.url("team", name, "status"), body={"metadata": {"name": name}})


async def post(name: str) -> Any:
    client: Any = ApiClient(None)  # type: ignore[arg-type]
    return await client._request("POST", JOBS, JOBS.url("team"), body={"metadata": {"name": name}})


async def test_a_refusal_is_for_one_request_of_one_history(troubles: Troubles) -> None:
    troubles.add(Trouble("refuse", "h1-", verb="PUT status", plural="mlrunruns", code=409, reason="Conflict"))
    assert (await put("h11-a"), await post("h1-a-1")) == ("yes", "yes")
    with pytest.raises(ApiError, match="409 Conflict"):
        await put("h1-a")
    assert await put("h1-a") == "yes"


async def test_who_is_cut_off_reaches_nothing_until_it_ends(troubles: Troubles) -> None:
    troubles.add(Trouble("cut off", "h1-"))
    for ask in (put, post, put):
        with pytest.raises(ApiError, match="cut off"):
            await ask("h1-a")
    troubles.end("cut off", "h1-")
    assert await put("h1-a") == "yes"


async def test_death_comes_at_the_nth_request_once(troubles: Troubles) -> None:
    troubles.add(Trouble("die", "h1-", requests=2))
    assert (await put("h1-a"), await put("h2-a")) == ("yes", "yes")
    with pytest.raises(DeadError):
        await put("h1-a")
    assert len(sent) == 2
    assert await put("h1-a") == "yes"


async def test_death_may_come_after_the_answer(troubles: Troubles) -> None:
    troubles.add(Trouble("die", "h1-", is_after=True))
    with pytest.raises(DeadError):
        await put("h1-a")
    assert len(sent) == 1


async def test_somebody_acts_in_the_middle_of_the_work(troubles: Troubles) -> None:
    file = troubles.add(Trouble("interrupt", "h1-"))
    request = asyncio.create_task(put("h1-a"))
    await troubles.interrupted(file)
    assert sent == []
    troubles.let_go(file)
    assert (await request, sent) == ("yes", [f"PUT {RUNS.url('team', 'h1-a', 'status')}"])
