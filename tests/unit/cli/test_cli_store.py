"""Runs on this machine, and what `store` says of what they left."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.standin_api import standing_in

from mlrun_operator.cli.errors import Exit
from mlrun_operator.sdk.stores.garbage import Held, garbage, held_by
from mlrun_operator.store import Stat

# A sweep's best point has its model here; the run's own entity `model` names the same folder.
MODEL_3 = "s3://b/team/p/model/model/model-3/point-3/"
CODE = "import pandas as pd\n\ndef make(context, n):\n    return pd.DataFrame({'x': range(n)})\n"


def names(found: Any) -> dict[str, str]:
    return {folder.path.rpartition("/")[2]: folder.why for folder in found}


def folder(type_: str, name: str, uuid: str, *files: str, at: float = 1.0) -> list[Stat]:
    return [Stat(f"p/{type_}/table/{name}/{uuid}/{file}", 10, at) for file in files]


def test_what_nobody_needs_is_found_and_nothing_else() -> None:
    stats = [
        *folder("dataitem", "a", "old", "a.parquet", "entity.json"),
        *folder("dataitem", "a", "held", "a.parquet", "entity.json"),
        *folder("dataitem", "a", "young", "a.parquet", "entity.json", at=9.0),
        *folder("dataitem", "a", "newest", "a.parquet", "entity.json"),
        *folder("dataitem", "a", "broken", "a.parquet"),
        *folder("dataitem", "lonely", "no-pointer", "entity.json"),
        *folder("run", "there", "attempt-1", "run.json", "log.txt"),
        *folder("run", "gone", "attempt-2", "run.json", "log.txt"),
        *folder("source", "x", "y", "pipeline.py"),
        Stat("p/dataitem/table/a/latest", 10, 1.0),
        Stat("strange", 10, 1.0),
    ]
    held = Held(frozenset({"held"}), frozenset({"there"}))
    found = garbage(stats, {"p/dataitem/table/a": {"newest"}}, held, before=5.0)
    assert names(found) == {"old": "there is a newer version", "broken": "half-written", "attempt-2": "its run is gone"}
    assert found[1].files[0].endswith("/old/entity.json") or found[1].path.endswith("/old")
    assert all(each.size == 10 * len(each.files) for each in found)


def test_runs_hold_what_they_read_and_made() -> None:
    run = {
        "metadata": {"name": "r-1"},
        "spec": {"name": "R", "inputs": {"x": "store://p/dataitem/table/a:u-1", "y": ["store://p/model/model/b"]}},
        "status": {"outputs": {"z": {"key": "store://p/dataitem/table/c:u-2"}}},
    }
    assert held_by([run], "s3://b/team") == Held(frozenset({"u-1", "u-2"}), frozenset({"r-1", "R"}))


def test_runs_hold_what_they_name_by_its_path_in_the_store() -> None:
    run = {
        "metadata": {"name": "r"},
        "spec": {
            "inputs": {
                "a": {"path": "s3://b/team/p/dataitem/table/a/u-1/a.parquet"},
                "b": "s3a://b/team/p/artifact/artifact/b/u-2/",
                "elsewhere": "s3://c/team/p/dataitem/table/a/u-3/a.parquet",
                "no entity": "s3://b/team/p/source/x/y/u-4/pipeline.py",
            }
        },
        "status": {"outputs": {"model": {"key": "store://p/model/model/model:own", "path": MODEL_3}}},
    }
    assert held_by([run], "s3://b/team").uuids == {"u-1", "u-2", "own", "point-3"}


def test_runs_on_this_machine_and_the_store_that_they_fill(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "make.py").write_text(CODE)
    monkeypatch.setenv("MLRUN_OPERATOR_HOME", str(tmp_path / "home"))
    words = ["-p", "n=2", "-o", "return=rows", "--set", 'returns=["return"]', "--project", "demo", "--name", "one"]
    said = cli("run", f"{tmp_path}/make.py:make", *words, "--local")
    assert said.code == 0, said.err
    assert "succeeded: 1 outputs" in said.out
    monkeypatch.setenv("MLRUN_OPERATOR_BACKEND", "local")
    assert cli("list").out.splitlines()[1].split()[:2] == ["one", "Succeeded"]
    assert json.loads(cli("preview", "@latest", "--json").out)["rows"] == [{"x": 0}, {"x": 1}]
    assert cli("logs", "one").out.splitlines()[-1].startswith("mlrun-wrapper: succeeded")
    (row,) = cli("store", "ls", "dataitems", "--project", "demo").out.splitlines()[1:]
    assert row.split()[:2] == ["rows", "table"]
    assert "whose store this is cannot be told" in cli("store", "gc", "--older-than", "0").err
    assert cli("store", "ls", "pods").code == Exit.USAGE
    assert cli("doctor").code == Exit.FAILED


def test_the_garbage_of_a_namespace_is_listed_and_on_demand_deleted(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {uuid: tmp_path / f"store/team/p/dataitem/table/a/{uuid}" for uuid in ("old", "held", "new")}
    for uuid in folders.values():
        uuid.mkdir(parents=True)
        (uuid / "entity.json").write_text("{}")
    (tmp_path / "store/team/p/dataitem/table/a/latest").write_text('{"uuid": "new", "started": "2026"}')
    made = {
        "metadata": {"name": "r"},
        "spec": {},
        "status": {"outputs": {"a": {"key": "store://p/dataitem/table/a:held"}}},
    }
    settings = {"platform": {"store": {"root": f"file://{tmp_path}/store/{{namespace}}"}}}
    with standing_in(tmp_path) as (api, config):
        monkeypatch.setenv("KUBECONFIG", str(config))
        assert "whose store this is cannot be told" in cli("store", "gc", "-n", "team").err
        api.put(
            "configmaps",
            {"metadata": {"name": "mlrun-operator-settings"}, "data": {"settings.json": json.dumps(settings)}},
            "mlrun-system",
        )
        api.put("mlrunruns", made, "team")
        assert "0 folders, 0 B: could go" in cli("store", "gc", "-n", "team").err  # all of it is young
        said = cli("store", "gc", "-n", "team", "--older-than", "0")
        assert [line.split()[0] for line in said.out.splitlines()[1:]] == ["p/dataitem/table/a/old"]
        assert "1 folder, 2 B: could go; --delete deletes it" in said.err
        assert "deleted" in cli("store", "gc", "-n", "team", "--older-than", "0", "--delete").err
        assert [uuid for uuid, path in folders.items() if (path / "entity.json").exists()] == ["held", "new"]


def test_an_entity_that_is_kept_keeps_the_folder_of_its_data(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "store/team"
    names = ("model/best", "model-3/point-3", "model-3/newer", "model-1/copied", "model-1/newer", "model-1/old")
    folders = {name: root / "p/model/model" / name for name in names}
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "entity.json").write_text("{}")
    data = f"file://{folders['model-3/point-3']}/model.pkl"
    (folders["model/best"] / "entity.json").write_text(json.dumps({"spec": {"path": data}}))
    chained = f"file://{folders['model-1/copied']}/"
    (folders["model-3/point-3"] / "entity.json").write_text(json.dumps({"spec": {"path": chained}}))
    for name, uuid in (("model", "best"), ("model-3", "newer"), ("model-1", "newer")):
        (root / f"p/model/model/{name}/latest").write_text(json.dumps({"uuid": uuid, "started": "2026"}))
    settings = {"platform": {"store": {"root": f"file://{tmp_path}/store/{{namespace}}"}}}
    with standing_in(tmp_path) as (api, config):
        monkeypatch.setenv("KUBECONFIG", str(config))
        api.put(
            "configmaps",
            {"metadata": {"name": "mlrun-operator-settings"}, "data": {"settings.json": json.dumps(settings)}},
            "mlrun-system",
        )
        said = cli("store", "gc", "-n", "team", "--older-than", "0", "--delete", "--json")
    assert [each["path"] for each in json.loads(said.out)["folders"]] == ["p/model/model/model-1/old"]


def test_a_namespace_gets_the_keys_of_the_store(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    with standing_in(tmp_path) as (api, config):
        monkeypatch.setenv("KUBECONFIG", str(config))
        said = cli("store", "enable", "-n", "team")
        assert said.code == Exit.USAGE
        assert "has no AWS_ACCESS_KEY_ID and no AWS_SECRET_ACCESS_KEY" in said.err
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        said = cli("store", "enable", "-n", "team")
        assert said.out == "secret/mlrun-operator-store created in namespace team\n"
        (secret,) = api.objects.values()
        assert secret["data"] == {"AWS_ACCESS_KEY_ID": "a2V5", "AWS_SECRET_ACCESS_KEY": "c2VjcmV0"}
        said = cli("store", "enable", "--from", "team", "-n", "other", "--json")
        assert json.loads(said.out)["result"] == "created"
        assert len(api.objects) == 2
        assert "secret" not in said.out.replace('"secret": "mlrun-operator-store"', "")


@pytest.mark.parametrize("source", ["the environment", "another namespace"])
def test_a_token_that_is_not_given_any_more_is_taken_out(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    for name in ("AWS_SESSION_TOKEN", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    keys = {"AWS_ACCESS_KEY_ID": "a2V5", "AWS_SECRET_ACCESS_KEY": "c2VjcmV0"}
    with standing_in(tmp_path) as (api, config):
        monkeypatch.setenv("KUBECONFIG", str(config))
        meta = {"metadata": {"name": "mlrun-operator-store"}}
        api.put("secrets", {**meta, "data": {**keys, "AWS_SESSION_TOKEN": "b2xk", "MORE": "bQ=="}}, "team")
        api.put("secrets", {**meta, "data": keys}, "other")
        said = cli("store", "enable", "-n", "team", *(["--from", "other"] if source == "another namespace" else []))
        assert said.out == "secret/mlrun-operator-store configured in namespace team\n"
        assert api.objects["/api/v1/namespaces/team/secrets/mlrun-operator-store"]["data"] == {**keys, "MORE": "bQ=="}
