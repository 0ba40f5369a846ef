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
