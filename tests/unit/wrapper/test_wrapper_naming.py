import gzip
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_wrapper.errors import StepError
from mlrun_wrapper.hashing import file_sha256, listing_sha256
from mlrun_wrapper.http import shown
from mlrun_wrapper.inputs.naming import own_name, truthful
from mlrun_wrapper.names import entity_name, mlrun_project
from mlrun_wrapper.progress import readable_size
from mlrun_wrapper.sources.base import module_file
from mlrun_wrapper.trust import VARIABLES, trusted


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("https://host/a/data.csv", "data.csv"),
        ("https://host/a/data.csv?sig=/x.parquet#y", "data.csv"),
        ("https://host/a%20b%2Fc.csv", "c.csv"),
        ("https://host/", "data"),
        ("https://host", "data"),
        ("folder/ünï+x.csv", "ünï+x.csv"),
        ("/mnt/.hidden", "hidden"),
        ("s3://b/we ird;name.csv", "we_ird_name.csv"),
    ],
)
def test_the_file_name_of_a_path(path: str, name: str) -> None:
    assert own_name(path) == name


@given(st.text())
def test_a_file_name_never_leaves_its_folder(text: str) -> None:
    name = own_name("/" + text)

    assert name
    assert "/" not in name
    assert name not in (".", "..")
    assert len(name) <= 128
    assert len(f"{name}.parquet".encode()) <= 255


def test_a_long_name_keeps_its_suffix() -> None:
    assert own_name(f"https://host/{'ü' * 300}.csv").endswith("üü.csv")


def workbook() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("xl/workbook.xml"), "<x/>")  # the same bytes at any time
    return buffer.getvalue()


def parquet() -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame({"a": [1]}).to_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "hints", "expected"),
    [
        ("x.csv", b"a,b", {"content_type": "text/html"}, "x.csv"),
        ("x", b"a,b", {"content_type": "text/csv"}, "x.csv"),
        ("x", b"a,b", {}, "x"),
        ("x.v2", b"a,b", {"content_type": "text/csv"}, "x.v2.csv"),
        ("x.csv", parquet(), {"content_type": "text/csv"}, "x.parquet"),
        ("x.pq", parquet(), {}, "x.pq"),
        ("x", workbook(), {}, "x.xlsx"),
        ("x.zip", workbook(), {}, "x.zip"),
        ("x.txt", b"a,b", {"asked": "csv"}, "x.csv"),
        ("x", b"", {"asked": ".CSV"}, "x.csv"),
        ("x", b"", {"asked": "../a/b"}, "x.b"),
        ("x", b"", {"content_type": "application/x-ndjson"}, "x.jsonl"),
        ("x", b"a,b", {"filename": "Report.CSV", "content_type": "text/html"}, "x.csv"),
        ("x.json", b"{}", {"filename": "x.csv"}, "x.json"),
        ("x", b"a,b", {"filename": "../../etc/cron.d", "content_type": "text/csv"}, "x.csv"),
        ("x", b"ARROW1\0\0", {}, "x.arrow"),
        ("x", b"\x89PNG\r\n\x1a\n", {}, "x.png"),
        ("x", b"\xff\xd8\xff\xe0", {}, "x.jpg"),
        ("x", b"GIF89a", {}, "x.gif"),
        ("x", b"%PDF-1.7", {}, "x.pdf"),
        ("x", gzip.compress(b"a,b", mtime=0), {}, "x.gz"),
        ("x", b"\x93NUMPY\x01\0", {}, "x.npy"),
        ("x", b"\x89HDF\r\n\x1a\n", {}, "x.h5"),
        ("x", b"PK\x03\x04 no archive after all", {}, "x.zip"),
        ("x", b"%PDF-1.7", {"content_type": "text/csv"}, "x.csv"),
        ("x", b"a,b\n1,2\n", {"kind": "table"}, "x.csv"),
        ("x", b' [{"a": 1}]', {"kind": "table"}, "x.json"),
        ("x", b'{"a": 1}\n', {"kind": "table"}, "x.json"),
        ("x", b'{"a": 1}\n{"a": 2}\n{"a"', {"kind": "table"}, "x.jsonl"),
        ("x", b'{\n "a": 1,\n "b": {}\n}\n', {"kind": "table"}, "x.json"),
        ("x", b"\0\1", {"kind": "table"}, "x"),
        ("x", b"", {"kind": "table"}, "x"),
        ("x", b'{"a": 1}', {"kind": "artifact"}, "x"),
    ],
)
def test_the_suffix_tells_the_truth(
    name: str, data: bytes, hints: dict[str, str], expected: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(data)

    named = truthful(file, **hints)

    assert named.name == expected
    assert named.read_bytes() == data


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("pipeline.py", "pipeline.py"),
        ("my-pipe line.py", "my_pipe_line.py"),
        ("json.py", "source_json.py"),
        ("2024.py", "source_2024.py"),
        ("class.py", "source_class.py"),
        ("ünï.py", "_n_.py"),
        (".py", "source.py"),
    ],
)
def test_a_source_file_can_be_imported_and_hides_nothing(name: str, file: str) -> None:
    assert module_file(name) == file


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://user:pw@host:8443/x.csv", "https://host:8443/x.csv"),
        ("https://host/x.csv?X-Amz-Signature=secret", "https://host/x.csv?…"),
        ("https://host/x.csv#part", "https://host/x.csv"),
    ],
)
def test_a_url_is_told_without_secrets(url: str, told: str) -> None:
    assert shown(url) == told


def test_project_names_become_mlruns() -> None:
    assert mlrun_project("project-mlrun") == "project-mlrun"
    assert mlrun_project("My_Project") != mlrun_project("My.Project")
    with pytest.raises(StepError, match="choose another"):
        mlrun_project("models")


@pytest.mark.parametrize(
    ("key", "name"), [("a.b_c-1", "a.b_c-1"), ("ä/b c", "-b-c"), ("..", "output"), ("x" * 200, "x" * 128)]
)
def test_mlrun_keys_become_entity_names(key: str, name: str) -> None:
    assert entity_name(key) == name


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 40, "5120.0 GiB")])
def test_sizes_for_people(size: int, text: str) -> None:
    assert readable_size(size) == text


def test_a_folder_s_hash_depends_on_names_and_content_only(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            (tmp_path / folder / name).write_text(name)

    def listed(folder: str, names: str) -> list[tuple[str, str]]:
        return [(name, file_sha256(tmp_path / folder / name)) for name in names]

    assert listing_sha256(listed("one", "ab")) == listing_sha256(listed("two", "ba"))
    assert listing_sha256(listed("one", "ab")) != listing_sha256(listed("one", "a"))


def test_the_ca_bundle_comes_after_the_system_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "system.pem"
    system.write_text("SYSTEM\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(system))

    variables = trusted("OURS\n", tmp_path)

    assert set(variables) == set(VARIABLES)
    [file] = set(variables.values())
    assert Path(file).read_text() == "SYSTEM\nOURS\n"
