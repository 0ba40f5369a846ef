"""A step of the simulated world as a real one gets it: names of its own, short times, nothing that cannot be had."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.kube import Object
from support.real.keeper import Keeper
from support.real.kubelet import PlayedKubelet
from support.real.steps import RealHistory
from support.simulator.rules import Call
from support.troubles import Troubles


class Users:
    """A world that takes what users apply and edit."""

    namespace = "lab"

    def __init__(self) -> None:
        self.applied: list[Object] = []
        self.edits: list[tuple[str, str, Object]] = []
        self.records = SimpleNamespace(all=lambda *_: iter(()), get=lambda *_: None)
        self.api = SimpleNamespace(merge=self._merge)

    async def apply(self, *objects: Object) -> None:
        self.applied += objects

    async def _merge(self, plural: str, _: str, name: str, changes: Object) -> None:
        self.edits.append((plural, name, changes))


@pytest.fixture
def users() -> Any:
    return Users()


@pytest.fixture
def history(users: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RealHistory:
    async def at_once(_: float) -> None:
        return None

    monkeypatch.setattr(asyncio, "sleep", at_once)
    kubelet = PlayedKubelet(users, ["h7-"])
    return RealHistory(users, kubelet, Troubles(tmp_path / "troubles"), Keeper(users), seed=7)


async def test_a_run_has_the_historys_names_and_short_times(history: RealHistory, users: Any) -> None:
    options = {"ttlSecondsAfterFinished": 60, "activeDeadlineSeconds": 20, "pendingDeadlineSeconds": None}
    await history.play([Call("create", ("a",), {**options, "functionRef": {"name": "fn", "onChange": "Rerun"}})])
    function, run = users.applied
    assert (function["metadata"]["name"], run["metadata"]["name"]) == ("h7-fn", "h7-a")
    assert run["spec"] == {
        "parameters": {"x": 1},
        "functionRef": {"name": "h7-fn", "onChange": "Rerun"},
        "ttlSecondsAfterFinished": 10,
        "activeDeadlineSeconds": 3,
    }


async def test_an_edit_keeps_what_removes_a_field(history: RealHistory, users: Any) -> None:
    await history.play([Call("edit", ("a",), {"stop": None, "ttlSecondsAfterFinished": 0})])
    assert users.edits == [("mlrunruns", "h7-a", {"spec": {"stop": None, "ttlSecondsAfterFinished": 0}})]


async def test_what_no_real_cluster_offers_is_skipped(history: RealHistory) -> None:
    await history.play([Call("step_clock", (40,)), Call("hold", ("pods",)), Call("wait", (400,))])
    assert history.skipped == ["step_clock", "hold"]
