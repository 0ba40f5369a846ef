"""The file server serves files and errors, and only who has its CA trusts it."""

import socket
import ssl
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fileserver import authority
from fileserver.authority import Authority
from fileserver.server import serve


@pytest.fixture(autouse=True)
def own_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authority, "FILE", tmp_path / "ca" / "ca.pem")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "table.csv").write_text("a,b\n1,2\n")
    with serve(folder, address="127.0.0.1") as url:
        yield url


def get(url: str, *, ca: str | None = None) -> bytes:
    context = ssl.create_default_context(cadata=ca or authority.certificate())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with urllib.request.build_opener(*handlers).open(url, timeout=5) as answer:
        return bytes(answer.read())


def status_of(url: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(url)
    caught.value.close()
    return caught.value.code


def test_a_file_is_served_to_who_trusts_the_ca(url: str) -> None:
    assert get(f"{url}/table.csv") == b"a,b\n1,2\n"


def test_another_ca_is_not_enough(url: str, tmp_path: Path) -> None:
    other = Authority.kept(tmp_path / "other" / "ca.pem").certificate.public_bytes(Encoding.PEM).decode()
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        get(f"{url}/table.csv", ca=other)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nothing.csv", 404), ("/status/401/table.csv", 401), ("/status/403", 403), ("/status/500/x", 500)],
)
def test_errors_are_answered_as_asked_for(url: str, path: str, status: int) -> None:
    assert status_of(url + path) == status


def test_a_silent_client_holds_up_nobody(url: str) -> None:
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        assert get(f"{url}/table.csv")


def test_a_port_that_is_taken_is_an_error(url: str, tmp_path: Path) -> None:
    port = int(url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"), serve(tmp_path, address="127.0.0.1", port=port):
        pass


def test_the_ca_stays_the_same_and_its_key_private(tmp_path: Path) -> None:
    file = tmp_path / "kept" / "ca.pem"
    first, second = Authority.kept(file), Authority.kept(file)
    assert first.certificate == second.certificate
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_ca_that_ends_soon_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kept" / "ca.pem"
    monkeypatch.setattr(authority, "CA_DAYS", 30)
    first = Authority.kept(file)
    monkeypatch.undo()
    assert Authority.kept(file).certificate != first.certificate
