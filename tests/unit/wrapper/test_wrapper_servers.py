"""Which S3 server, with whose keys: the platform's store, and what a run's environment says of another."""

from pathlib import Path
from typing import Any

import pytest

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.store import Store, open_store
from mlrun_wrapper.inputs.base import Stores
from mlrun_wrapper.servers import elsewhere, s3_variables, without_the_stores
from mlrun_wrapper.settings import Settings, forget_store_keys

AWS = StoreInfo(root="s3://bucket/team-a")
OWN = StoreInfo(root="s3://bucket/team-a", endpoint="http://store:9000", region="eu-1")
TRIAL = StoreInfo(root="s3://bucket/team-a", endpoint="http://store:9000", anonymous=True)
KEYS = {"aws_access_key_id": "store", "aws_secret_access_key": "s"}
NAMES = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
ENDPOINTS = ["AWS_ENDPOINT_URL_S3", "S3_ENDPOINT_URL", "AWS_ENDPOINT_URL"]


def client(store: Store) -> Any:
    return store.client  # type: ignore[attr-defined]


def signer(store: Store) -> Any:
    return client(store)._request_signer._credentials


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_a_run_s_endpoint_never_becomes_the_store_s(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://the-user-s-own:9000")

    assert client(open_store(AWS)).meta.endpoint_url == "https://s3.amazonaws.com"
    assert client(open_store(OWN)).meta.endpoint_url == "http://store:9000"


def test_a_run_s_keys_never_become_the_store_s_where_those_are_given_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "run")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "r")

    assert signer(open_store(AWS, keys=KEYS)).access_key == "store"
    assert signer(open_store(AWS)).access_key == "run"


def test_the_store_s_keys_are_the_wrapper_s_alone() -> None:
    env = {
        "MLRUN_STORE_AWS_ACCESS_KEY_ID": "store",
        "MLRUN_STORE_AWS_SECRET_ACCESS_KEY": "s",
        "MLRUN_STORE_AWS_SESSION_TOKEN": "",
        "AWS_ACCESS_KEY_ID": "run",
    }

    settings = Settings.from_environment(env)
    forget_store_keys(env)

    assert settings.store_keys == KEYS
    assert "aws_secret" not in repr(settings)
    assert env == {"AWS_ACCESS_KEY_ID": "run"}


@pytest.mark.parametrize(
    ("store", "env", "variables"),
    [
        (OWN, {}, {"AWS_ENDPOINT_URL_S3": "http://store:9000"}),
        *((OWN, {name: "http://own"}, {"AWS_ENDPOINT_URL_S3": "http://own"}) for name in ENDPOINTS),
        (AWS, {}, {}),
        (TRIAL, {}, {"AWS_ENDPOINT_URL_S3": "http://store:9000", "FSSPEC_S3_ANON": "true"}),
        (TRIAL, {"AWS_PROFILE": "x"}, {"AWS_ENDPOINT_URL_S3": "http://store:9000"}),
    ],
)
def test_the_handler_s_own_paths(store: StoreInfo, env: dict[str, str], variables: dict[str, str]) -> None:
    assert s3_variables(store, env) == variables


@pytest.mark.parametrize(
    ("store", "env", "keys", "server"),
    [
        (OWN, {}, KEYS, None),
        (OWN, {"AWS_ACCESS_KEY_ID": "store"}, KEYS, None),
        (OWN, {"AWS_ACCESS_KEY_ID": "any"}, {}, None),
        (TRIAL, {"AWS_ACCESS_KEY_ID": "any"}, {}, ("http://store:9000", None, False)),
        (OWN, {"S3_ENDPOINT_URL": "http://store:9000"}, KEYS, ("http://store:9000", "eu-1", False)),
        (OWN, {"AWS_ACCESS_KEY_ID": "run"}, KEYS, ("http://store:9000", "eu-1", False)),
        *((OWN, {name: "http://own"}, KEYS, ("http://own", None, False)) for name in ENDPOINTS),
        (OWN, {"S3_ENDPOINT_URL": "http://own", "FSSPEC_S3_ANON": "True"}, {}, ("http://own", None, True)),
        (TRIAL, {"AWS_ENDPOINT_URL": "http://own"}, {}, ("http://own", None, True)),
        (TRIAL, {"AWS_ENDPOINT_URL": "http://own", "AWS_ACCESS_KEY_ID": "run"}, {}, ("http://own", None, False)),
    ],
)
def test_other_buckets_are_where_the_run_s_environment_says(
    store: StoreInfo, env: dict[str, str], keys: dict[str, str], server: tuple[str, str, bool] | None
) -> None:
    found = elsewhere(store, env, keys)

    assert (found and (found.endpoint, found.region, found.anonymous)) == server


@pytest.mark.parametrize(
    ("env", "emptied"),
    [
        ({"AWS_ACCESS_KEY_ID": "store", "AWS_SESSION_TOKEN": "t"}, set()),
        ({"AWS_ACCESS_KEY_ID": "run", "AWS_SESSION_TOKEN": "t"}, {"AWS_SESSION_TOKEN"}),
        ({"AWS_ACCESS_KEY_ID": "run", "AWS_SESSION_TOKEN": "run's"}, set()),
        ({"AWS_ACCESS_KEY_ID": "store", "AWS_PROFILE": "p"}, set()),
        ({"AWS_ACCESS_KEY_ID": "store", "AWS_PROFILE": "p", "AWS_ENDPOINT_URL": "http://own"}, set(NAMES)),
    ],
)
def test_a_run_s_own_identity_is_not_mixed_with_the_store_s(env: dict[str, str], emptied: set[str]) -> None:
    found = without_the_stores(env, {**KEYS, "aws_session_token": "t"})
    assert found == dict.fromkeys(emptied, "")
    assert without_the_stores(env, {}) == {}


def test_an_emptied_variable_is_none_to_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "run")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "r")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "")
    assert not signer(open_store(AWS)).token


@pytest.mark.parametrize("env", [{"AWS_PROFILE": "no-such"}, {}])
def test_a_server_that_cannot_be_is_told_as_such(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=r"no-such|Invalid endpoint"):
        client(open_store(AWS if env else OWN.model_copy(update={"endpoint": "minio:9000"})))


def test_only_the_store_s_own_bucket_is_read_with_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "run")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "r")
    own = open_store(OWN, keys=KEYS)
    stores = Stores(own, OWN, 1, elsewhere(OWN, {"AWS_ENDPOINT_URL": "http://own"}, KEYS))

    assert client(stores.at("bucket")) is client(own)
    others = [stores.at("bucket2"), stores.at("data")]
    assert [each.root for each in others] == ["s3://bucket2", "s3://data"]
    assert {client(each).meta.endpoint_url for each in others} == {"http://own"}
    assert {signer(each).access_key for each in others} == {"run"}
    assert client(others[0]) is client(others[1])
    assert client(Stores(own, OWN, 1).at("data")) is client(own)
