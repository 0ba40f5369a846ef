"""Texts with half a character, as of a file name in Latin-1: no UTF-8 can hold them, and no run fails by them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.sweep import SweepInfo
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Catalogue
from mlrun_operator.store.file import FileStore
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.executor.channel import Channel
from mlrun_wrapper.executor_process import ExecutorProcess
from mlrun_wrapper.log import Log
from mlrun_wrapper.settings import Settings
from mlrun_wrapper.sweep.point_file import points_in
from mlrun_wrapper.upload import store_data

KEY = Key("demo", "artifact", "artifact", "made", "u1")


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Channel]:
    commands, reports = os.pipe()
    channel = Channel(tmp_path, commands, reports)
    yield channel
    os.close(commands)
    os.close(reports)


def test_what_the_handler_s_process_tells_is_utf_8(channel: Channel, tmp_path: Path) -> None:
    channel.leave("outcome", {"results": {"n\udcffm": ["caf\udce9", "cut \ud83d", "ü🙂"]}})
    told = json.loads((tmp_path / "outcome.json").read_text(encoding="utf-8"))
    assert told == {"results": {"n?m": ["caf?", "cut ?", "ü🙂"]}}


def test_what_the_handler_s_process_is_told_is_utf_8(tmp_path: Path) -> None:
    process = ExecutorProcess(cast("Settings", SimpleNamespace(exchange=tmp_path)), Log())
    process.send("reply", {"artifact": {"labels": ["a\ud83d"]}})
    assert json.loads((tmp_path / "reply.json").read_text(encoding="utf-8")) == {"artifact": {"labels": ["a?"]}}


def test_why_a_step_failed_is_utf_8() -> None:
    failure = StepError(Reason.HANDLER_FAILED, "no caf\udce9", "line 1\ncaf\udce9")
    assert (failure.message, failure.traceback, str(failure)) == ("no caf?", "line 1\ncaf?", "no caf?")


def test_the_log_takes_any_line() -> None:
    reader, writer = os.pipe()
    Log(writer).line("no caf\udce9")
    assert os.read(reader, 100) == b"mlrun-wrapper: no caf?\n"
    os.close(reader)
    os.close(writer)


def test_points_in_a_file_are_utf_8(tmp_path: Path) -> None:
    (tmp_path / "points.json").write_text('{"name": ["a\\ud83d", "b"]}')
    assert points_in(str(tmp_path / "points.json"), SweepInfo(seed=1)) == [{"name": "a?"}, {"name": "b"}]


def test_files_whose_names_are_latin_1_are_stored_each_under_a_name(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    for name in (b"caf\xe9", b"caf\xe8"):
        (tmp_path / "made" / os.fsdecode(name)).write_bytes(name)
    folder = {"remote": None, "folder": str(tmp_path / "made"), "file": None}
    store = FileStore(f"file://{tmp_path}/store")

    stored = store_data(Catalogue(store), KEY, folder, tmp_path)

    assert [each["path"] for each in stored.files or ()] == ["caf\\udce8", "caf\\udce9"]
    assert store.read(f"{stored.path.removeprefix(f'{store.root}/')}caf\\udce9") == b"caf\xe9"
