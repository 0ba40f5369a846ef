"""A download follows what a run says, and a run may say anything: the reader's machine is not the run's."""

import http.server
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.hostile import ANY_TEXT, is_shown

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.values.keys import Key
from mlrun_operator.sdk import errors
from mlrun_operator.sdk.aio.entities import AsyncDataItem, handle, new_entity
from mlrun_operator.sdk.aio.inputs import Resolver
from mlrun_operator.sdk.session import Session
from mlrun_operator.sdk.stores import fetch
from mlrun_operator.sdk.stores.access import Access
from mlrun_operator.sdk.stores.names import output_name, safe_name, safe_path
from mlrun_operator.sdk.stores.web import is_inner
from mlrun_operator.store import Entity

Object = dict[str, Any]
UUID = "0b6f6b0e-0000-4000-8000-000000000001"
AWKWARD = st.sampled_from(
    ["..", ".bashrc", "CON", "nul.txt", "a\\b", "C:x", "-rf", "~", "/", " ", "x" * 300, "é" * 200]
)


class Cluster:
    """A backend of kind kubernetes that knows a store, and nothing else."""

    kind = "kubernetes"

    def __init__(self, root: str = "s3://mlrun/team") -> None:
        self.root = root

    async def stores(self, _: str) -> list[StoreInfo]:
        return [StoreInfo(root=self.root, endpoint="http://127.0.0.1:1")]

    async def namespace(self, _: str | None) -> str:
        return "team"


def session(root: str = "s3://mlrun/team") -> Session:
    backend: Any = Cluster(root)
    return Session(backend)


def of_a_run(path: str, name: str = "t", held: Session | None = None) -> AsyncDataItem:
    key = Key("team", "dataitem", "table", name, UUID)
    item = handle(held or session(), Entity(key, {}, {"path": path}, {}), "team")
    assert isinstance(item, AsyncDataItem)
    return item


def text_of(file: Path) -> str:
    return file.read_text()


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of the reader's, in the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "home" / ".bashrc"
    file.parent.mkdir()
    file.write_text("a,b\n1,2\n")
    return file


LOCAL = [
    "file:///etc/hostname",
    "/etc/hostname",
    "~/.bashrc",
    "home/.bashrc",
    "FILE:///etc/hostname",
    "file:/etc/hostname",
]


@pytest.mark.parametrize("path", [*LOCAL, "file:///proc/self/environ", "../x", "file:home/.bashrc", "\x00", "//h/x"])
async def test_a_run_names_no_file_of_the_reader(secret: Path, tmp_path: Path, path: str) -> None:
    item = of_a_run(path)
    with pytest.raises(errors.DataUnreachable, match="is not read from this machine"):
        await item.download(tmp_path / "there")
    with pytest.raises(errors.DataUnreachable, match="is not read from this machine"):
        await item.as_df("csv")
    assert not (tmp_path / "there").exists()


async def test_a_path_that_the_user_wrote_is_read(secret: Path, tmp_path: Path) -> None:
    entity = new_entity("team", "dataitem", "t", "table", {"path": str(secret)})
    item = handle(session(), entity, "team")
    there = Path(await item.download(tmp_path / "there"))
    assert text_of(there) == text_of(secret)
    assert there.parent == tmp_path / "there"
    assert not there.name.startswith(".")


async def test_a_run_does_not_take_the_place_of_the_user_s_entity(secret: Path, tmp_path: Path) -> None:
    held = session()
    own = new_entity("team", "dataitem", "t", "table", {"path": "s3://mlrun/x.csv", "uuid": UUID})
    held.remember(own)
    held.remember(Entity(own.key, {}, {"path": str(secret)}, {}))
    known = held.known(str(own.key))
    assert known is not None
    with pytest.raises(errors.DataUnreachable, match="is not read from this machine"):
        await handle(held, known, "team").download(tmp_path / "there")


async def test_a_file_of_a_run_is_not_uploaded_as_an_input(secret: Path) -> None:
    """As `inputs={"x": key}` of an output whose path is a file of the reader."""
    held = session()
    for path, found in (
        (str(secret), {"path": str(secret), "kind": "table"}),
        ("/data/x", {"path": "/data/x", "kind": "table"}),
    ):
        entity = Entity(Key("team", "dataitem", "table", "t", UUID), {}, {"path": path}, {})
        held.remember(entity)
        resolver = Resolver(held, "team", "team")
        resolver.collect({"x": str(entity.key)})
        await resolver.resolve()  # an upload would ask the store
        assert resolver.found(str(entity.key), "inputs.x") == found
    held.remember(Entity(entity.key, {}, {"path": "~/.bashrc"}, {}))
    with pytest.raises(errors.InvalidArgument, match="a path in the pod that wrote it"):
        await resolver.resolve()


async def test_a_store_in_a_folder_is_read_and_nothing_beside_it(tmp_path: Path) -> None:
    store = tmp_path / "store" / "team"
    store.mkdir(parents=True)
    (store / "t.csv").write_text("a\n1\n")
    (tmp_path / "store" / "other.csv").write_text("secret")
    (store / "link.csv").symlink_to(tmp_path / "store" / "other.csv")
    held = session(f"file://{store}")
    assert Path(await of_a_run(f"file://{store}/t.csv", held=held).download(tmp_path / "a")).name == "t.csv"
    for name in ("../other.csv", "link.csv", "%2e%2e/other.csv"):
        with pytest.raises(errors.DataUnreachable):
            await of_a_run(f"file://{store}/{name}", held=held).download(tmp_path / "b")


@contextmanager
def serving(answer: str = "here", location: str = "") -> Iterator[tuple[str, list[str]]]:
    """An HTTP server on this machine, and what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302 if location else 200)
            self.send_header("Location", location) if location else None
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]", "local%68ost", "0"]
)
async def test_a_run_does_not_ask_the_reader_s_own_servers(tmp_path: Path, host: str) -> None:
    with serving() as (address, asked):
        url = f"http://{host}:{address.partition(':')[2]}/t.csv"
        with pytest.raises(errors.DataUnreachable):
            await of_a_run(url).download(tmp_path)
        assert asked == []


async def test_what_the_user_wrote_may_be_a_server_of_this_machine(tmp_path: Path) -> None:
    with serving() as (address, _):
        entity = new_entity("team", "dataitem", "t", "table", {"path": f"http://{address}/cars.csv"})
        there = Path(await handle(session(), entity, "team").download(tmp_path))
        assert (there.name, text_of(there)) == ("cars.csv", "here")


async def test_a_name_that_leads_to_this_machine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with serving() as (address, asked):
        real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **kw: real("127.0.0.1", *more, **kw))
        with pytest.raises(errors.DataUnreachable, match=r"data.example.org \(127.0.0.1\) is this machine"):
            await of_a_run(f"http://data.example.org:{address.partition(':')[2]}/t.csv").download(tmp_path)
        assert asked == []


async def test_a_redirect_to_this_machine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first server stands for one far away, behind a proxy that is on this machine, as some are."""
    with serving() as (inner, asked), serving(location=f"http://{inner}/x") as (proxy, asked_proxy):
        monkeypatch.setenv("http_proxy", f"http://{proxy}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with pytest.raises(errors.DataUnreachable, match="is this machine"):
            await of_a_run("http://data.example.org/t.csv").download(tmp_path)
        assert (asked, asked_proxy) == ([], ["http://data.example.org/t.csv"])


async def test_a_proxy_may_be_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as (proxy, _):
        monkeypatch.setenv("http_proxy", f"http://{proxy}")
        there = await of_a_run("http://data.example.org/0001.csv").download(tmp_path)
        assert (there, text_of(Path(there))) == (str(tmp_path / "t.csv"), "here")


@pytest.mark.parametrize(
    "url", ["http://[x", "http://", "http://h:x/", "http://a b/", "http://\x1b/", "ftp://h/x", "x:y"]
)
async def test_a_url_that_is_none_is_told(tmp_path: Path, url: str) -> None:
    with pytest.raises(errors.DataUnreachable):
        await of_a_run(url).download(tmp_path)


@pytest.mark.parametrize(
    ("host", "inner"),
    [
        ("127.0.0.1", True),
        ("localhost.", True),
        ("a.localhost", True),
        ("::1", True),
        ("[::ffff:169.254.169.254]", True),
        ("fe80::1%eth0", True),
        ("0.0.0.0", True),
        ("0x7f.1", True),
        ("10.0.0.1", False),
        ("example.org", False),
        ("localhost.example.org", False),
        ("::2", False),
    ],
)
def test_addresses_of_this_machine_and_its_link(host: str, inner: bool) -> None:
    assert is_inner(host) is inner


@given(ANY_TEXT | AWKWARD | st.lists(ANY_TEXT | AWKWARD).map("/".join))
@example("com1.tar.gz")
@example("a" * 199 + "é")
@example(".")
@example("")
def test_any_name_becomes_a_safe_file_name(name: str) -> None:
    safe = safe_name(name)
    assert PurePosixPath(safe).name == PureWindowsPath(safe).name == safe
    assert not PureWindowsPath(safe).is_reserved()
    assert is_shown(safe)
    assert safe[0] not in ".-~ "
    assert safe[-1] not in ". "
    assert len(safe.encode()) <= 210
    assert not set(safe) & set('\n\t<>:"|?*')
    assert safe_name(safe) == safe


@given(st.lists(ANY_TEXT | AWKWARD).map("/".join))
def test_any_path_stays_below_its_folder(path: str) -> None:
    parts = safe_path(path).parts
    assert all(part == safe_name(part) for part in parts)
    assert Path("/there", *parts).resolve().is_relative_to("/there")


@pytest.mark.parametrize("name", ["cars.csv", "my cars.csv", "Zürich 東京.parquet", "a-b_c.tar.gz", "x", "model.v1.2"])
def test_names_of_people_are_left_alone(name: str) -> None:
    assert safe_name(name) == name


def test_two_odd_names_stay_two() -> None:
    assert len({safe_name(name) for name in ("a:b", "a?b", "a/b", "a_b", "a\\b")}) == 5


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("s3://b/p/dataitem/table/t/u/t.parquet", "t.parquet"),
        ("s3://b/x/0001.csv.gz", "t.csv.gz"),
        ("s3://b/x/report.v1.2.pdf", "t.pdf"),
        ("http://evil/.bash_profile", "t"),
        ("http://evil/\x1b[2J", "t"),
        ("https://host/a.csv?x=.sh", "t.csv"),
        ("s3://b/folder/", "t"),
        ("s3://b/t.tar.gz", "t.tar.gz"),
    ],
)
def test_a_file_is_called_as_its_output(uri: str, name: str) -> None:
    assert output_name("t", uri) == name


def packed(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        pytest.param(packed, "is empty", id="empty"),
        pytest.param(lambda: packed()[:-9], "is empty|cannot be read", id="cut"),
        pytest.param(bytes, "cannot be read", id="nothing"),
        pytest.param(lambda: b"not a gzip", "cannot be read", id="no gzip"),
        pytest.param(lambda: packed(("x", bytes(300 << 20))), "larger than it may be", id="one large file"),
        pytest.param(
            lambda: packed(*((f"m/{n}", bytes(1 << 20)) for n in range(9))), "larger than it may be", id="many files"
        ),
        pytest.param(lambda: packed(("m/../../x", b"")), "leaves its folder", id="a path that leads out"),
    ],
)
def test_an_archive_that_is_no_download_is_told(tmp_path: Path, archive: Callable[[], bytes], words: str) -> None:
    with pytest.raises(errors.DataUnreachable, match=words):
        fetch.unpack(archive(), tmp_path / "t")


def test_names_in_an_archive_are_made_safe(tmp_path: Path) -> None:
    fetch.unpack(packed(("evil/.git/config", b"1"), ("other/CON", b"2"), ("x\x1b/a.csv", b"3")), tmp_path / "t")
    names = sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file())
    assert [name.split("/")[0] for name in names] == ["t", "t", "t"]
    assert all(part == safe_name(part) for name in names for part in name.split("/"))
    assert (tmp_path / "t" / "a.csv").read_bytes() == b"3"


@given(st.binary(max_size=300))
def test_any_archive_is_unpacked_or_refused(data: bytes) -> None:
    import gzip
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for archive in (data, gzip.compress(data), gzip.compress(data.ljust(1024, b"\0"))):
            try:
                fetch.unpack(archive, Path(folder) / "t")
            except errors.DataUnreachable:
                continue


async def test_a_download_is_never_called_as_the_run_likes(tmp_path: Path) -> None:
    backend: Any = Cluster()
    with serving() as (address, _):
        there = await Access(backend, "team").download(f"http://{address}/.bash_profile", tmp_path, own=True)
    assert there.name.startswith("_bash_profile")
