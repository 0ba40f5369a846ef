"""A folder into the store: several files at a time, and the first that fails ends it."""

import threading
from pathlib import Path

import pytest

from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Catalogue, UnavailableError
from mlrun_operator.store.file import FileStore
from mlrun_wrapper.upload import store_data

KEY = Key("demo", "artifact", "artifact", "many", "u1")


def artifact(folder: Path) -> dict[str, object]:
    folder.mkdir()
    for n in range(8):
        (folder / f"{n}.txt").write_text(str(n))
    return {"remote": None, "folder": str(folder), "file": None, "body": None}


def test_files_of_a_folder_go_four_at_a_time(tmp_path: Path) -> None:
    together = threading.Barrier(4)

    class Meeting(FileStore):
        def upload(self, path: str, file: Path) -> None:
            together.wait(10)
            super().upload(path, file)

    catalogue = Catalogue(Meeting(f"file://{tmp_path}/store"))
    stored = store_data(catalogue, KEY, artifact(tmp_path / "made"), tmp_path)

    assert [file["path"] for file in stored.files or ()] == [f"{n}.txt" for n in range(8)]
    assert (stored.size, stored.file_count) == (8, 8)


def test_the_first_file_that_cannot_be_stored_ends_it(tmp_path: Path) -> None:
    class Broken(FileStore):
        def upload(self, path: str, file: Path) -> None:
            raise UnavailableError(f"{path} cannot be written")

    with pytest.raises(UnavailableError, match=r"many/\d\.txt cannot be written"):
        store_data(Catalogue(Broken(f"file://{tmp_path}/store")), KEY, artifact(tmp_path / "made"), tmp_path)


@pytest.mark.parametrize(
    ("entity", "written", "data", "stored"),
    [
        ("x.csv", "x.csv", b"a,b", "x.csv"),
        ("x.csv", "x.csv.csv", b"a,b", "x.csv"),
        ("x", "x.csv", b"a,b", "x.csv"),
        ("x.CSV", "x.CSV.csv", b"a,b", "x.CSV.csv"),
        ("x.csv", "x.csv.parquet", b"PAR1", "x.csv.parquet"),
        ("x", "x.pq", b"PAR1", "x.pq"),
        ("x.data", "x.data", b"PAR1", "x.data.parquet"),
        ("x-0.1", "x-0.1", b"PAR1", "x-0.1.parquet"),
        ("x", "x", b"a,b", "x"),
    ],
)
def test_a_tables_file_has_one_true_suffix(tmp_path: Path, entity: str, written: str, data: bytes, stored: str) -> None:
    """mlrun reads a table by its suffix, and only knows these in small letters."""
    (tmp_path / written).write_bytes(data)
    artifact = {"name": entity, "remote": None, "folder": None, "file": str(tmp_path / written), "body": None}
    key = Key("demo", "dataitem", "table", entity, "u1")
    path = store_data(Catalogue(FileStore(f"file://{tmp_path}/store")), key, artifact, tmp_path).path
    assert path.rpartition("/")[2] == stored


@pytest.mark.parametrize(
    ("written", "stored"), [("r.txt.txt", "r.txt"), ("r.txt", "r.txt"), ("q.txt.txt", "q.txt.txt")]
)
def test_mlruns_second_suffix_of_a_file_is_dropped(tmp_path: Path, written: str, stored: str) -> None:
    (tmp_path / written).write_text("1")
    artifact = {"name": "r.txt", "remote": None, "folder": None, "file": str(tmp_path / written), "body": None}
    key = Key("demo", "artifact", "artifact", "r.txt", "u1")
    path = store_data(Catalogue(FileStore(f"file://{tmp_path}/store")), key, artifact, tmp_path).path
    assert path.rpartition("/")[2] == stored
