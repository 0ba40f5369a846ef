"""Parts of the SDK that need neither a cluster nor a run."""

import asyncio
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

import mlrun_operator as dh
from devcluster.paths import REPOSITORY
from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.sdk import errors, portal
from mlrun_operator.sdk.backends.published import Published
from mlrun_operator.sdk.stores import fetch
from mlrun_operator.sdk.stores.access import download_from
from mlrun_operator.sdk.stores.names import last_part
from mlrun_operator.store import Stat, Store, StoreError
from mlrun_wrapper.errors import input_purpose
from mlrun_wrapper.inputs import s3 as inputs_s3
from mlrun_wrapper.inputs.base import Request, Stores
from mlrun_wrapper.opener import Manners


class Context:
    """mlrun's, as far as the fetching handler asks it."""


class Item:
    def __init__(self, path: str) -> None:
        self._path = path

    def local(self) -> str:
        return self._path


def printed_by_the_fetch_run(path: str, capsys: pytest.CaptureFixture[str], limit: int = 1 << 20) -> list[str]:
    names: dict[str, object] = {}
    exec(fetch.CODE, names)
    names["fetch"](Context(), Item(path), limit)  # type: ignore[operator]
    return capsys.readouterr().out.splitlines()


def test_what_a_fetch_run_prints_is_unpacked_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "model"
    (folder / "deeper").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(bytes(range(256)) * 200)
    (folder / "deeper" / "empty").write_bytes(b"")
    lines = printed_by_the_fetch_run(f"{folder}/", capsys)
    # Lines of other threads come between, and frames in any order.
    found = fetch.unpack(fetch.unframed([*reversed(lines), fetch.MARK + " noise"]), tmp_path / "here" / "model")
    assert found == tmp_path / "here" / "model"
    assert (found / "weights.bin").read_bytes() == (folder / "weights.bin").read_bytes()
    assert (found / "deeper" / "empty").read_bytes() == b""


def test_a_damaged_or_incomplete_log_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_bytes(bytes(20_000))
    lines = printed_by_the_fetch_run(str(tmp_path / "file"), capsys)
    for broken in (lines[:-1], lines[1:], [lines[0].replace("A", "B", 1), *lines[1:]]):
        with pytest.raises(errors.DataUnreachable, match="did not come whole"):
            fetch.unframed(broken)


def test_more_than_the_limit_is_refused_before_it_is_printed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(200))
    names: dict[str, object] = {}
    exec(fetch.CODE, names)
    with pytest.raises(ValueError, match="200 bytes are more than the 100"):
        names["fetch"](Context(), Item(str(tmp_path / "file")), 100)  # type: ignore[operator]


def test_an_archive_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../evil"))
    with pytest.raises(errors.DataUnreachable, match="leaves its folder"):
        fetch.unpack(packed.getvalue(), tmp_path / "here")


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("https://host/a/cars.csv?sig=a/b", "cars.csv"),
        ("https://host/my%20cars.csv#x", "my cars.csv"),
        ("file:///data/my%20cars.csv", "my cars.csv"),
        ("/data/my%20cars.csv", "my%20cars.csv"),
        ("s3://bucket/a/my%20cars.csv?x", "my%20cars.csv?x"),
        ("s3://bucket/model/", "model"),
        ("https://host/", ""),
        ("https://host/a%2F..%2F.b", ".b"),
    ],
)
def test_data_have_the_name_of_their_uri(uri: str, name: str) -> None:
    assert last_part(uri) == name


def test_a_download_puts_nothing_in_the_place_of_a_file_unless_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "my cars.csv").write_text("new")
    (tmp_path / "my cars.csv").write_text("mine")
    dh.connect("local", home=tmp_path / "home", quiet=True)
    item = dh.new_dataitem("t", project="demo", path=f"file://{tmp_path}/far/my%20cars.csv")
    with pytest.raises(errors.InvalidArgument, match="exists"):
        item.download(tmp_path)
    assert (tmp_path / "my cars.csv").read_text() == "mine"
    assert item.download(tmp_path, overwrite=True) == str(tmp_path / "my cars.csv")
    assert (tmp_path / "my cars.csv").read_text() == "new"
    dh.disconnect()


def test_an_archive_goes_to_a_folder_above_where_the_user_asks_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("it")
    lines = printed_by_the_fetch_run(str(tmp_path / "file"), capsys)
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    found = fetch.unpack(fetch.unframed(lines), Path("../out/file"))
    assert (found, found.read_text()) == (Path("../out/file"), "it")


class Silent:
    """A backend whose fetch run never says a word."""

    deleted = ""

    async def create(self, _: object, run: Any) -> Any:
        return run

    async def log(self, _: object, *, follow: bool) -> AsyncIterator[str]:
        await asyncio.sleep(60)
        yield ""

    async def delete(self, _: object, namespace: str, name: str) -> None:
        self.deleted = name


async def test_a_fetch_run_that_does_not_end_is_no_way_to_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_DEADLINE_SECONDS", 0.05)
    silent: Any = Silent()
    with pytest.raises(errors.DataUnreachable, match=r"the fetch run fetch-\w+ did not bring it within"):
        await fetch.fetch(silent, "team", "s3://bucket/key", tmp_path)
    assert silent.deleted.startswith("fetch-")


class Planted(Store):
    """A folder in S3 below which somebody has put an object whose name is an absolute path."""

    def __init__(self, name: str) -> None:
        super().__init__("s3://bucket")
        self._name = name

    def list(self, prefix: str) -> Iterator[Stat]:
        yield Stat(prefix + self._name, 1, 0.0)

    def _never(self, *_: object) -> Any:
        raise AssertionError("nothing of it may be read")

    read = read_version = write = replace = upload = download = folders = delete = _never


class Breaking(Planted):
    """An object that comes by half."""

    def download(self, path: str, file: Path, watch: Any = None) -> Any:
        file.write_text("half")
        raise StoreError("the connection broke")


@pytest.mark.parametrize("path", ["data/x.csv", "data/"])
def test_a_download_that_breaks_leaves_the_file_that_was_there(tmp_path: Path, path: str) -> None:
    before = tmp_path / ("data/x.csv" if path == "data/" else "x.csv")
    before.parent.mkdir(exist_ok=True)
    before.write_text("whole")
    with pytest.raises(StoreError, match="broke"):
        download_from(Breaking("x.csv"), path, tmp_path / path.rstrip("/").rpartition("/")[2])
    assert before.read_text() == "whole"
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [before]


@pytest.mark.parametrize("name", ["/absolute", "../above"])
def test_a_folder_in_s3_never_reaches_a_file_outside_of_where_it_goes(tmp_path: Path, name: str) -> None:
    planted = Planted(f"{tmp_path}{name}" if name == "/absolute" else name)
    with pytest.raises(StoreError, match="leaves its folder"):
        download_from(planted, "data/", tmp_path / "here" / "data")
    request = Request(
        path="s3://bucket/data/",
        key=None,
        kind=None,
        format=None,
        folder=tmp_path / "there",
        purpose=input_purpose("data"),
        stores=Stores(planted, StoreInfo(root="s3://bucket"), 1),
        attempts=1,
        watch=lambda _: None,
        manners=Manners(),
        python="",
    )
    with pytest.raises(StoreError, match="leaves its folder"):
        inputs_s3._folder(planted, "data/", request)


def test_settings_of_a_newer_chart_are_read_as_far_as_they_are_known() -> None:
    platform = {"wrapperImage": "x:1", "novelty": 1, "store": {"root": "s3://b", "novelty": {}}}
    found = Published.read(json.dumps({"platform": platform, "storePublicEndpoint": "https://s3", "other": []}))
    assert found.platform == Platform.model_validate({"wrapperImage": "x:1", "store": {"root": "s3://b"}})
    assert found.store_public_endpoint == "https://s3"
    with pytest.raises(ValueError, match="root"):
        Published.read('{"platform": {"store": {"root": 3}}}')


def test_the_chart_publishes_every_setting_that_a_dry_run_needs() -> None:
    template = (REPOSITORY / "charts/mlrun-operator/templates/settings.yaml").read_text()
    assert [name for name in Platform.model_fields if f'"{to_camel(name)}"' not in template] == []


def test_a_blocking_call_within_the_sdks_own_loop_is_refused() -> None:
    async def inner() -> int:
        return 1

    async def outer() -> int:
        return portal.portal().call(inner())

    with pytest.raises(RuntimeError, match="use the asynchronous twin there"):
        portal.portal().call(outer())


@pytest.mark.parametrize(
    ("missing", "statement", "extra"),
    [
        ("kubernetes", "dh.connect('kubernetes')", "sdk"),
        ("orjson", "dh.connect('kubernetes')", "sdk"),
        ("pandas", "dh.new_dataitem('d', path='d.csv').as_df()", "data"),
    ],
)
def test_a_missing_library_is_told_with_its_pip_command(
    missing: str, statement: str, extra: str, tmp_path: Path
) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None\nimport mlrun_operator as dh\n"
    code += f"try: {statement}\nexcept dh.errors.MissingExtra as error: print(error)"
    env = {**os.environ, "MLRUN_OPERATOR_HOME": str(tmp_path), "MLRUN_OPERATOR_BACKEND": "local"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert f"pip install 'mlrun-operator[{extra}]'" in done.stdout
