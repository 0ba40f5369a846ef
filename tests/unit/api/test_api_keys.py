import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.values.keys import ENTITY_TYPES, Key

SLUGS = st.from_regex(r"[a-zA-Z0-9._+-]{1,30}", fullmatch=True).filter(lambda text: text not in (".", ".."))
UUIDS = st.none() | st.uuids().map(str)


@given(SLUGS, st.sampled_from(ENTITY_TYPES), SLUGS, SLUGS, UUIDS)
def test_a_key_comes_back_as_it_was(project: str, type_: str, kind: str, name: str, uuid: str | None) -> None:
    key = Key(project, type_, kind, name, uuid)

    assert Key.parse(str(key)) == key


@pytest.mark.parametrize("type_", ENTITY_TYPES)
def test_plural_types_are_the_same_entity(type_: str) -> None:
    assert Key.parse(f"store://p/{type_}s/table/n:1") == Key.parse(f"store://p/{type_}/table/n:1")


@pytest.mark.parametrize(
    "text",
    [
        "store://p/dataitem/table",
        "s3://bucket/key",
        "store://p/dataitem/table/n:1/../../x",
        "store://../dataitem/table/n",
        "store://p/dataitem/../n",
        "store://p/dataitem/table/..:1",
        "store://p/dataitem/table/n:..",
        "store://p/dataitem/table/a b",
        "store://p/dataitem/table/",
        "store://p/dataitem/table/n:",
    ],
)
def test_what_is_no_key_says_the_form(text: str) -> None:
    with pytest.raises(ValueError, match="store://<project>/<type>/<kind>/<name>"):
        Key.parse(text)


def test_an_unknown_type_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="dataitem, artifact, model, function, run"):
        Key.parse("store://p/table/table/n")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("store://artifacts/pub/train", "store://pub/artifact/artifact/train"),
        ("store://artifacts/pub/train", "store://pub/dataitem/table/train"),
        ("store://datasets/pub/train:v1", "store://pub/dataitem/table/train:v1"),
        ("store://datasets/pub/train:latest@tree", "store://pub/dataitem/table/train"),
        ("store://models/pub/m#2:v1@tree^uid", "store://pub/model/model/m:v1"),
        ("store://documents/pub/d@tree", "store://pub/artifact/artifact/d"),
    ],
)
def test_a_key_of_mlrun_is_told_in_our_form(text: str, key: str) -> None:
    with pytest.raises(ValueError, match="is a key of MLRun") as caught:
        Key.parse(text)
    assert key in str(caught.value).replace(",", "").split()
    assert Key.parse(key)


@given(st.sampled_from(["artifacts", "datasets", "models"]), SLUGS, SLUGS, st.none() | SLUGS)
def test_what_is_told_instead_is_a_key(kind: str, project: str, name: str, tag: str | None) -> None:
    with pytest.raises(ValueError, match=r"here it is store://[^ ]+") as caught:
        Key.parse(f"store://{kind}/{project}/{name}{f':{tag}' if tag else ''}")
    told = str(caught.value).partition("here it is ")[2].split(" ")[0].removesuffix(",")
    assert (Key.parse(told).project, Key.parse(told).name) == (project, name)


@pytest.mark.parametrize("kind", ["feature-vectors", "feature-sets"])
def test_what_is_in_a_feature_store_goes_by_parquet(kind: str) -> None:
    with pytest.raises(ValueError, match=r"MLRun's feature store.*to_parquet"):
        Key.parse(f"store://{kind}/pub/v:latest")
