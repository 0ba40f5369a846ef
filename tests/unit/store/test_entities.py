import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api import bounds
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Catalogue, DamagedError, Entity, NotFoundError, Store, derived_uuid
from mlrun_operator.store.entities import ENTITY_FILE, LATEST_FILE


def key(folder: str, number: int | None = None) -> Key:
    return Key(folder.replace("/", "-"), "dataitem", "table", "cars", f"uuid-{number}" if number is not None else None)


def moment(seconds: int) -> str:
    return f"2026-11-23T17:00:{seconds:02d}.000000Z"


def test_an_entity_comes_back_as_it_was(store: Store, folder: str) -> None:
    catalogue = Catalogue(store)
    entity = Entity(key(folder, 1), {"labels": ["a"]}, {"path": "s3://b/x.parquet"}, {"preview": {"rows": 1}})

    catalogue.write(entity)

    read = catalogue.read(key(folder, 1))
    assert (read.key, read.spec, read.status) == (entity.key, entity.spec, entity.status)
    assert read.metadata["labels"] == ["a"]
    assert read.path == "s3://b/x.parquet"
    on_disk = json.loads(store.read(f"{catalogue.folder(key(folder, 1))}/{ENTITY_FILE}"))
    assert on_disk["key"] == str(entity.key)
    assert on_disk["id"] == "uuid-1"
    assert on_disk["metadata"]["version"] == "uuid-1"


def test_a_key_without_uuid_is_the_latest(store: Store, folder: str) -> None:
    catalogue = Catalogue(store)
    for number in (1, 2):
        catalogue.write(Entity(key(folder, number)))

    with pytest.raises(NotFoundError, match="does not exist"):
        catalogue.read(key(folder))
    assert catalogue.publish(key(folder, 1), moment(1))
    assert catalogue.read(key(folder)).key == key(folder, 1)
    assert catalogue.publish(key(folder, 2), moment(2))
    assert catalogue.read(key(folder)).key == key(folder, 2)


def test_latest_never_moves_back(store: Store, folder: str) -> None:
    catalogue = Catalogue(store)
    for number in (1, 2, 3):
        catalogue.write(Entity(key(folder, number)))

    assert catalogue.publish(key(folder, 2), moment(2))
    assert not catalogue.publish(key(folder, 1), moment(1))
    assert catalogue.read(key(folder)).key == key(folder, 2)
    assert catalogue.publish(key(folder, 2), moment(2)), "publishing again is no news"


def test_of_many_runs_that_end_at_once_the_last_started_is_the_latest(store: Store, folder: str) -> None:
    catalogue = Catalogue(store)
    for number in range(6):
        catalogue.write(Entity(key(folder, number)))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: catalogue.publish(key(folder, number), moment(number)), range(6)))

    assert catalogue.read(key(folder)).key == key(folder, 5)


def test_data_without_an_entity_is_invisible(store: Store, folder: str) -> None:
    catalogue = Catalogue(store)
    store.write(f"{catalogue.folder(key(folder, 1))}/cars.parquet", b"half")

    with pytest.raises(NotFoundError, match="uuid-1 does not exist"):
        catalogue.read(key(folder, 1))


@given(st.lists(st.text() | st.integers(), max_size=5), st.lists(st.text() | st.integers(), max_size=5))
def test_derived_uuids_are_uuids_and_differ_where_their_parts_do(a: list[str | int], b: list[str | int]) -> None:
    assert str(uuid.UUID(derived_uuid(*a))) == derived_uuid(*a)
    assert (derived_uuid(*a) == derived_uuid(*b)) == ([str(p) for p in a] == [str(p) for p in b])


DAMAGED = [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"[]", b"null", b'"text"', b"9" * 5000]


@pytest.mark.parametrize("data", [*DAMAGED, b'{"spec": []}', b'{"status": "x"}'], ids=repr)
def test_a_damaged_entity_is_told(store: Store, folder: str, data: bytes) -> None:
    """Other runs and people write into the same store."""
    catalogue, of = Catalogue(store), key(folder, 1)
    store.write(f"{catalogue.folder(of)}/{ENTITY_FILE}", data)
    with pytest.raises(DamagedError, match=f"{ENTITY_FILE} of {of} is damaged"):
        catalogue.read(of)


@pytest.mark.parametrize("data", [*DAMAGED, b"{}", b'{"uuid": 1, "started": "x"}', b'{"uuid": "x"}'], ids=repr)
def test_a_damaged_pointer_is_told_and_written_anew(store: Store, folder: str, data: bytes) -> None:
    catalogue = Catalogue(store)
    catalogue.write(Entity(key(folder, 1)))
    store.write(f"{catalogue.folder(key(folder))}/{LATEST_FILE}", data)
    with pytest.raises(DamagedError, match=f"{LATEST_FILE} of {key(folder)} is damaged"):
        catalogue.read(key(folder))
    assert catalogue.publish(key(folder, 1), moment(1))
    assert catalogue.read(key(folder)).key == key(folder, 1)


def test_an_object_that_is_too_large_is_not_read(store: Store, folder: str) -> None:
    of = key(folder, 1)
    store.write(f"{Catalogue(store).folder(of)}/{ENTITY_FILE}", b" " * (bounds.SMALL_OBJECT.limit + 1))
    with pytest.raises(DamagedError, match="has 16 MiB"):
        Catalogue(store).read(of)


def test_a_tag_names_a_version_until_a_later_run_gives_it(store: Store, folder: str) -> None:
    catalogue, tagged = Catalogue(store), replace(key(folder), uuid="v1")
    for number in (1, 2):
        catalogue.write(Entity(key(folder, number)))
        catalogue.publish(key(folder, number), moment(number))
    assert catalogue.publish(key(folder, 1), moment(1), "v1")
    assert catalogue.read(tagged).key == key(folder, 1)
    assert catalogue.publish(key(folder, 2), moment(2), "v1")
    assert not catalogue.publish(key(folder, 1), moment(1), "v1")
    assert catalogue.read(tagged).key == key(folder, 2)
    assert dict(catalogue.pointers(key(folder))) == {"latest": "uuid-2", "v1": "uuid-2"}
    catalogue.unpublish(key(folder), "v1")
    with pytest.raises(NotFoundError, match="neither a version nor a tag"):
        catalogue.read(tagged)


def test_names_and_versions_are_listed_without_their_data(store: Store, folder: str) -> None:
    catalogue = Catalogue(store)
    for number in (1, 2):
        catalogue.write(Entity(key(folder, number)))
    catalogue.publish(key(folder, 2), moment(2))
    assert list(catalogue.names(key(folder).project, "dataitem")) == [key(folder)]
    assert set(catalogue.versions(key(folder))) == {key(folder, 1), key(folder, 2)}
    assert list(catalogue.names("no-such-project", "model")) == []
