"""Archives and single files from real HTTP and S3 servers: what comes, and what is refused."""

import hashlib
import io
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from support.servers import ACCESS_KEY, CLOSED_BUCKET, OPEN_BUCKET, SECRET_KEY, HttpsServer, S3Server

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.reasons import Reason
from mlrun_operator.store import CredentialsMissingError, NotFoundError, Store, open_store
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.sources.archive import ArchiveSource
from mlrun_wrapper.sources.base import FetchedSource, Request
from mlrun_wrapper.sources.file import FileSource

Build = Callable[..., Request]
MIB = 1 << 20


def zipped(files: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def with_entry(name: str, mode: int, content: str = "x") -> bytes:
    """An archive with one entry of this kind."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.create_system, entry.external_attr = 3, mode << 16
        archive.writestr(entry, content)
    return data.getvalue()


def fetch(request: Request) -> FetchedSource:
    provider = next(each for each in (ArchiveSource(), FileSource()) if each.serves(request.source))
    return provider.fetch(request)


def failure(request: Request) -> StepError:
    with pytest.raises(StepError) as failed:
        fetch(request)
    return failed.value


@pytest.fixture
def http() -> Iterator[HttpsServer]:
    """One without TLS."""
    server = HttpsServer(None)
    yield server
    server.stop()


def closed(s3: S3Server) -> StoreInfo:
    return StoreInfo(root=f"s3://{CLOSED_BUCKET}/store", endpoint=s3.endpoint)


def upload(store: StoreInfo, bucket: str, key: str, data: bytes) -> None:
    target: Store = open_store(store.model_copy(update={"root": f"s3://{bucket}"}))
    target.write(key, data)


@pytest.mark.parametrize("scheme", ["zip+https", "zip+http", "zip+s3"])
def test_an_archive_is_unpacked(
    https: HttpsServer, http: HttpsServer, s3_store: StoreInfo, request_for: Build, scheme: str
) -> None:
    data = zipped({"pipeline.py": "x", "src/deep/helpers.py": "y", "empty/": ""})
    if scheme == "zip+s3":
        upload(s3_store, OPEN_BUCKET, "a folder/code.zip", data)
        source = f"zip+s3://{OPEN_BUCKET}/a folder/code.zip".replace(" ", "_")
        upload(s3_store, OPEN_BUCKET, "a_folder/code.zip", data)
    else:
        source = f"zip+{(https if scheme == 'zip+https' else http).serve('/d/code', data)}?version=1&sig=%2Fx"
    request = request_for(source, s3_store)
    fetched = fetch(request)
    assert (request.folder / "pipeline.py").read_text() == "x"
    assert (request.folder / "src/deep/helpers.py").read_text() == "y"
    assert (fetched.sha256, fetched.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert not list(request.scratch.iterdir())


def test_a_script_in_an_archive_stays_executable(https: HttpsServer, request_for: Build) -> None:
    request = request_for(f"zip+{https.serve('/x.zip', with_entry('run.sh', stat.S_IFREG | 0o755))}")
    fetch(request)
    assert (request.folder / "run.sh").stat().st_mode & 0o111
    assert not (request.folder / "run.sh").stat().st_mode & stat.S_ISUID


@pytest.mark.parametrize("key", ["one.py", "deep/er/one.py"])
def test_a_file_in_a_bucket_that_wants_keys(
    s3: S3Server, request_for: Build, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    request = request_for(f"s3://{CLOSED_BUCKET}/{key}", closed(s3))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    upload(closed(s3), CLOSED_BUCKET, key, b"def f(): pass")
    fetched = fetch(request)
    assert fetched.file == request.folder / "one.py"
    assert fetched.file.read_text() == "def f(): pass"
    assert fetched.sha256 == hashlib.sha256(b"def f(): pass").hexdigest()


def test_a_bucket_that_wants_keys_without_keys(
    s3: S3Server, request_for: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    request = request_for(f"s3://{CLOSED_BUCKET}/one.py", closed(s3))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(CredentialsMissingError):
        fetch(request)


@pytest.mark.parametrize("where", [f"{CLOSED_BUCKET}/nowhere.zip", "no-such-bucket/code.zip"])
def test_an_object_that_is_not_there(
    s3: S3Server, request_for: Build, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    request = request_for(f"zip+s3://{where}", closed(s3))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    with pytest.raises(NotFoundError):
        fetch(request)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"print('hello')", "Not a valid zip file: File is not a zip file"),
        (b"\x1f\x8b\x08\x00rest", "Not a valid zip file but gzip"),
        (b"<!doctype html>", "Not a valid zip file but a web page"),
        (b"", "Not a valid zip file"),
        (zipped({"a.py": "x" * 1000})[:60], "Not a valid zip file"),
        (zipped({"a.py": b"\x00\x01" * 600}, zipfile.ZIP_STORED).replace(b"\x00\x01", b"\x00\x02", 9), "Bad CRC-32"),
    ],
    ids=["text", "gzip", "html", "empty", "cut", "damaged"],
)
def test_what_is_no_archive_is_told_so(https: HttpsServer, request_for: Build, data: bytes, words: str) -> None:
    failed = failure(request_for(f"zip+{https.serve('/code.zip', data)}"))
    assert (failed.reason, words in failed.message) == (Reason.INVALID_RUN, True), failed.message


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_told_so_however_it_is_packed(
    https: HttpsServer, request_for: Build, compression: int
) -> None:
    data = bytearray(zipped({"a.py": hashlib.shake_128(b"code").hexdigest(5000)}, compression))
    for at in range(40, 1040):
        data[at] ^= 0xFF
    failed = failure(request_for(f"zip+{https.serve('/code.zip', bytes(data))}"))
    assert (failed.reason, "Not a valid zip file" in failed.message) == (Reason.INVALID_RUN, True), failed.message


def test_an_encrypted_archive_is_told_so(https: HttpsServer, request_for: Build) -> None:
    data = bytearray(zipped({"a.py": "x"}, zipfile.ZIP_STORED))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    failed = failure(request_for(f"zip+{https.serve('/code.zip', bytes(data))}"))
    assert "pack it without a password" in failed.message


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (with_entry("../outside.py", stat.S_IFREG | 0o644), "path"),
        (with_entry("/tmp/outside.py", stat.S_IFREG | 0o644), "path"),
        (with_entry("link.py", stat.S_IFLNK | 0o777, "/etc/passwd"), "link"),
        (with_entry("pipe", stat.S_IFIFO | 0o644), "link"),
        (zipped({f"{n}.py": "x" for n in range(11)}), "files"),
        (zipped({f"{n}.bin": bytes(9 * MIB) for n in range(2)}), "ratio"),
        (zipped({f"{n}.bin": bytes(11 * MIB) for n in range(3)}), "unpacked-size"),
    ],
    ids=["up", "absolute", "symlink", "fifo", "files", "ratio", "size"],
)
def test_an_archive_by_the_rules_or_none_of_it(https: HttpsServer, request_for: Build, data: bytes, rule: str) -> None:
    limits: dict[str, Any] = {"max_files": 10, "max_unpacked_mib": 32, "max_ratio": 100}
    request = request_for(f"zip+{https.serve('/evil.zip', data)}", **limits)
    with pytest.raises(GuardError) as refused:
        fetch(request)
    assert refused.value.rule == rule
    assert not list(request.folder.iterdir())
    assert not list(request.folder.parent.rglob("outside.py"))


@pytest.mark.parametrize("scheme", ["zip+https", "zip+s3"])
def test_an_archive_that_is_too_large_is_not_taken(
    https: HttpsServer, s3_store: StoreInfo, request_for: Build, scheme: str
) -> None:
    data = bytes(2 * MIB)
    if scheme == "zip+s3":
        upload(s3_store, OPEN_BUCKET, "large.zip", data)
        request = request_for(f"zip+s3://{OPEN_BUCKET}/large.zip", s3_store, max_mib=1)
    else:
        request = request_for(f"zip+{https.serve('/large.zip', data)}", max_mib=1)
    with pytest.raises((GuardError, StepError), match=r"larger than 1048576 bytes.*'size'.*sources\.maxMiB allows it"):
        fetch(request)
    assert sum(file.stat().st_blocks * 512 for file in request.scratch.iterdir()) < 2 * MIB


def test_a_file_behind_a_redirect(https: HttpsServer, request_for: Build) -> None:
    target = https.serve("/real/other.py", "x = 1")
    request = request_for(https.serve("/moved/one.py", status=302, location=target))
    fetched = fetch(request)
    assert fetched.file == request.folder / "one.py"
    assert fetched.file.read_text() == "x = 1"


@pytest.mark.parametrize(
    "location", ["http://[::1/a.py", "ftp://localhost/a.py", "http://localhost/a.py", "https://169.254.169.254/a.py"]
)
def test_a_redirect_by_the_rules_only(https: HttpsServer, request_for: Build, location: str) -> None:
    failed = failure(request_for(https.serve("/moved/two.py", status=307, location=location)))
    assert failed.reason is Reason.INVALID_RUN
    assert "which the rule" in failed.message


def test_a_metadata_address_is_refused_and_allowed_by_the_setting(
    request_for: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "sources.linkLocal allows it" in failure(request_for("http://169.254.169.254/latest/a.py")).message
    monkeypatch.setattr("mlrun_wrapper.opener._TIMEOUT", 0.2)
    monkeypatch.setattr("mlrun_wrapper.http._TIMEOUT", 0.2)
    allowed = failure(request_for("http://169.254.169.254/latest/a.py", link_local=True, attempts=1))
    assert allowed.reason is not Reason.INVALID_RUN


def test_a_web_page_in_the_place_of_a_file(https: HttpsServer, request_for: Build) -> None:
    failed = failure(request_for(https.serve("/blob/main/a.py", "\n<!DOCTYPE html><html>")))
    assert "use the URL of the raw file" in failed.message
