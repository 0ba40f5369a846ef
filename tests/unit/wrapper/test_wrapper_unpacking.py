"""Gzip around a file: taken off where a header says it, or where it is a table; left where it is the file's own."""

import gzip
import hashlib
import http.server
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.fetching import FetchRules
from mlrun_operator.api.reasons import Reason
from mlrun_operator.store import open_store
from mlrun_wrapper.errors import StepError, input_purpose
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.guards.sizes import UnpackedInput, input_limits
from mlrun_wrapper.inputs.base import InputProvider, Request, Stores
from mlrun_wrapper.inputs.file import FileInput
from mlrun_wrapper.inputs.http import HttpInput
from mlrun_wrapper.inputs.meter import CancelledError
from mlrun_wrapper.inputs.unpacking import unpacked
from mlrun_wrapper.opener import Manners

CSV = b"a,b\n" + b"1,x\n" * 500_000
ZIPPED = gzip.compress(CSV, mtime=0)
Ask = Callable[..., Request]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    info = StoreInfo(root=f"file://{tmp_path}/store")
    (tmp_path / "input").mkdir()

    def builder(path: str, kind: str | None = None, format: str | None = None, **more: Any) -> Request:  # noqa: A002
        plain: dict[str, Any] = {
            "folder": tmp_path / "input",
            "purpose": input_purpose("x"),
            "stores": Stores(open_store(info), info, 1),
            "attempts": 1,
            "watch": lambda size: None,
            "manners": Manners(),
            "python": "",
        }
        return Request(path=path, key=None, kind=kind, format=format, **{**plain, **more})

    return builder


@pytest.fixture
def server() -> Iterator[Callable[[bytes, str], str]]:
    """A page of any name with that Content-Encoding."""
    page: dict[str, Any] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if page["encoding"]:
                self.send_header("Content-Encoding", page["encoding"])
            if page["filename"]:
                self.send_header("Content-Disposition", f'attachment; filename="{page["filename"]}"')
            self.send_header("Content-Length", str(len(page["body"])))
            self.end_headers()
            self.wfile.write(page["body"])

        def log_message(self, *_: object) -> None: ...

    listening = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()

    def serve(body: bytes, encoding: str, filename: str = "") -> str:
        page.update(body=body, encoding=encoding, filename=filename)
        return f"http://127.0.0.1:{listening.server_address[1]}"

    yield serve
    listening.shutdown()
    listening.server_close()


@pytest.mark.parametrize(
    ("name", "encoding", "wish", "expected", "plain"),
    [
        ("x.csv", "gzip", {}, "x.csv", True),
        ("x.csv", "aws-chunked, GZIP", {}, "x.csv", True),
        ("x", "gzip", {}, "x", True),
        ("x.csv", "", {}, "x.csv", False),
        ("x.csv", "br", {}, "x.csv", False),
        ("x.csv.gz", "gzip", {}, "x.csv.gz", False),
        ("x.csv.gz", "", {"kind": "table"}, "x.csv", True),
        ("x.csv.gz", "", {"format": "csv"}, "x.csv", True),
        ("x.csv.gz", "", {"kind": "table", "format": "csv.gz"}, "x.csv.csv.gz", False),
        ("x.csv.gz", "", {"kind": "artifact"}, "x.csv.gz", False),
        ("export", "", {"kind": "table"}, "export.csv", True),
        ("x.tar.gz", "gzip", {"kind": "table"}, "x.tar.gz", False),
    ],
)
def test_what_becomes_of_gzip(  # noqa: PLR0917
    name: str, encoding: str, wish: dict[str, str], expected: str, plain: bool, server: Any, ask: Ask
) -> None:
    got = HttpInput().fetch(ask(f"{server(ZIPPED, encoding)}/{name}", **wish))

    assert Path(got.path).name == expected
    assert Path(got.path).read_bytes() == (CSV if plain else ZIPPED)
    assert (got.size, got.sha256) == (len(ZIPPED), hashlib.sha256(ZIPPED).hexdigest())
    assert len(list(Path(got.path).parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("encoding", "filename", "wish", "expected", "plain"),
    [
        ("", "sales.csv.gz", {"kind": "table"}, "content.csv", True),
        ("gzip", "sales.csv.gz", {"kind": "table"}, "content.csv", True),
        ("gzip", "sales.csv", {}, "content.csv", True),
        ("gzip", "src.tar.gz", {}, "content.gz", False),
        ("", "src.tar.gz", {"kind": "table"}, "content.gz", False),
    ],
)
def test_the_server_s_name_for_a_file_counts_too(  # noqa: PLR0917
    encoding: str, filename: str, wish: dict[str, str], expected: str, plain: bool, server: Any, ask: Ask
) -> None:
    got = HttpInput().fetch(ask(f"{server(ZIPPED, encoding, filename)}/content", **wish))

    assert Path(got.path).name == expected
    assert Path(got.path).read_bytes() == (CSV if plain else ZIPPED)


def test_a_header_that_is_wrong_changes_nothing(server: Any, ask: Ask) -> None:
    got = HttpInput().fetch(ask(f"{server(CSV, 'gzip')}/x.csv"))

    assert Path(got.path).read_bytes() == CSV


@pytest.mark.parametrize(
    "damage", [ZIPPED[:-100], ZIPPED[:-8] + b"\0" * 8, ZIPPED[:500] + b"\xff" * 500 + ZIPPED[1000:]]
)
def test_damaged_data_is_told_so(damage: bytes, server: Any, ask: Ask) -> None:
    with pytest.raises(StepError, match=r"'x': .*/x.csv: its gzip data is damaged") as failed:
        HttpInput().fetch(ask(f"{server(damage, 'gzip')}/x.csv"))

    assert failed.value.reason is Reason.INPUT_UNAVAILABLE


def test_unpacking_ends_when_the_fetch_has_to(server: Any, ask: Ask) -> None:
    def cancelled(size: int) -> None:
        if not size:
            raise CancelledError

    with pytest.raises(CancelledError):
        HttpInput().fetch(ask(f"{server(ZIPPED, 'gzip')}/x.csv", watch=cancelled))


BOMB = gzip.compress(bytes(3 << 20), mtime=0)
HONEST = gzip.compress(os.urandom(2 << 20), mtime=0)


def limited(floor: int, **rules: int) -> UnpackedInput:
    """Limits whose ratio counts from this size."""
    return UnpackedInput(replace(input_limits(FetchRules(**rules)), ratio_floor=floor))


@pytest.mark.parametrize(
    ("body", "limits", "words"),
    [
        (BOMB, {"floor": 1 << 30, "input_max_unpacked_mib": 1}, r"unpacks to 2 MiB, more than 1 MiB.*'unpacked-size'"),
        (BOMB, {"floor": 1 << 20, "input_max_ratio": 100}, r"times its size, more than 100 times.*'ratio'"),
        (HONEST, {"floor": 0, "input_max_unpacked_mib": 1}, r"more than 1 MiB.*inputs\.maxUnpackedMiB allows it"),
    ],
)
def test_gzip_that_unpacks_to_too_much_is_refused(
    body: bytes, limits: dict[str, int], words: str, server: Any, ask: Ask
) -> None:
    request = ask(f"{server(body, 'gzip')}/x.csv", unpacked=limited(**limits))

    with pytest.raises(StepError, match=words) as failed:
        HttpInput().fetch(request)

    assert failed.value.reason is Reason.INVALID_RUN
    assert failed.value.message.startswith("input 'x': http://127.0.0.1:")
    assert [file.name for file in request.folder.iterdir()] == ["x.csv"]


def test_gzip_within_the_limits_is_unpacked(server: Any, ask: Ask) -> None:
    limits = limited(floor=1 << 20, input_max_ratio=2, input_max_unpacked_mib=2)

    got = HttpInput().fetch(ask(f"{server(HONEST, 'gzip')}/x.csv", unpacked=limits))

    assert Path(got.path).stat().st_size == 2 << 20


def test_a_gibibyte_may_have_any_ratio() -> None:
    counted = UnpackedInput(input_limits(FetchRules()))
    counted.begin(1000)
    counted.add(1 << 30)
    with pytest.raises(GuardError, match=r"more than 200 times.*inputs\.maxRatio allows it"):
        counted.add(1)


def test_the_files_of_a_folder_have_their_limits_together(tmp_path: Path, ask: Ask) -> None:
    request = ask("s3://bucket/folder/", unpacked=limited(floor=1 << 30, input_max_unpacked_mib=4))
    for name in ("a", "b"):
        file = tmp_path / name
        file.write_bytes(BOMB)
        if name == "a":
            unpacked(file, request, "gzip")
            continue
        with pytest.raises(StepError, match=r"unpacks to 5 MiB, more than 4 MiB"):
            unpacked(file, request, "gzip")


def test_a_mounted_table_has_limits_too(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "x.csv.gz").write_bytes(BOMB)
    limits = limited(floor=1 << 30, input_max_unpacked_mib=1)
    with pytest.raises(StepError, match="'unpacked-size'"):
        FileInput().fetch(ask(f"{tmp_path}/x.csv.gz", kind="table", unpacked=limits))
    assert (tmp_path / "x.csv.gz").read_bytes() == BOMB


def test_a_mounted_file_stays_as_it_is(tmp_path: Path, ask: Ask) -> None:
    provider: InputProvider = FileInput()
    for name in ("x.csv.gz", "y.csv"):
        (tmp_path / name).write_bytes(ZIPPED)

    assert provider.fetch(ask(f"{tmp_path}/x.csv.gz")).path == f"{tmp_path}/x.csv.gz"
    (tmp_path / "table").mkdir()
    for name in ("x.csv.gz", "y.csv"):
        got = provider.fetch(ask(f"{tmp_path}/{name}", kind="table", folder=tmp_path / "table"))
        assert Path(got.path).read_bytes() == CSV
        assert Path(got.path).suffix == ".csv"
        assert (tmp_path / name).read_bytes() == ZIPPED
