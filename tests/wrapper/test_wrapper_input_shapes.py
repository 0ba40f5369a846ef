"""Lists, maps and typed names of inputs; entities by their keys, as inputs and in the handler; a slow server."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.flaky import FlakyServer
from wrapper_runs import Ended, WrapperRun, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.v1alpha1.inputs import Input
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Entity, open_store

PRODUCER = """
    import pandas as pd

    def handler(context):
        context.log_dataset("table", df=pd.DataFrame({"a": [1, 2]}), index=False)
        context.log_model("model", body=b"weights", model_file="m.pkl", framework="mine", metrics={"score": 0.5})
        context.log_artifact("text", body="hello")
"""


@pytest.fixture
def flaky() -> Iterator[FlakyServer]:
    server = FlakyServer()
    yield server
    server.stop()


def test_lists_maps_and_typed_names_reach_the_handler(
    tmp_path: Path, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = """
        import mlrun
        import pandas as pd

        def handler(items, frames: list[pd.DataFrame], named: dict, paths: list[str], typed, **more):
            return [
                [item.get(encoding="utf-8") for item in items],
                [list(frame["a"]) for frame in frames],
                {name: item.get(encoding="utf-8") for name, item in named.items()},
                [open(path).read() for path in paths],
                list(typed["a"]),
                more["rest"][0].get(encoding="utf-8"),
            ]
    """
    for number in (1, 2):
        (tmp_path / f"{number}.csv").write_text(f"a\n{number}\n")
    one, two = f"{tmp_path}/1.csv", f"file://{tmp_path}/2.csv"
    inputs: dict[str, Input] = {
        "items": [one, two],
        "frames": [one, two],
        "named": {"train": one, "test": two},
        "paths": [one],
        "typed: pandas.DataFrame": two,
        "rest": [one],
    }
    ended = run(envelope(code, store=file_store, inputs=_resolved(inputs)))

    assert ended.code == 0, ended.log
    texts = ["a\n1\n", "a\n2\n"]
    expected = [texts, [[1], [2]], {"train": texts[0], "test": texts[1]}, texts[:1], [2], texts[0]]
    assert ended.result.results["return"] == expected
    names = ["frames[0]", "frames[1]", "items[0]", "items[1]", "named[test]", "named[train]", "paths[0]", "rest[0]"]
    assert sorted(info.name for info in ended.result.inputs) == [*names, "typed"]


@pytest.mark.parametrize("place", ["file", "s3"])
def test_entities_by_key_as_inputs_and_looked_up_in_the_handler(
    place: str, request: pytest.FixtureRequest, run: Callable[..., Ended]
) -> None:
    store: StoreInfo = request.getfixturevalue(f"{place}_store")
    made = run(envelope(PRODUCER, store=store))
    assert made.code == 0, made.log
    uuid = made.result.outputs["table"].key.rpartition(":")[2]
    code = """
        import mlrun
        from mlrun.artifacts import get_model

        def handler(model, models, plain, latest, table_key, model_key):
            file, artifact, _ = get_model(model)
            looked_up = mlrun.get_dataitem(table_key)
            again, _, _ = get_model(model_key)
            folder, _, _ = get_model(models[0])
            return [
                open(file, "rb").read().decode(),
                [artifact.model_file, artifact.spec.framework, artifact.spec.metrics],
                len(plain.as_df()) + len(latest.as_df()) + len(looked_up.as_df()),
                [looked_up.meta.kind, open(again).read(), open(folder).read()],
            ]
    """
    model = made.result.outputs["model"].key
    inputs: dict[str, Input] = {
        "model": model,
        "models": [{"path": made.result.outputs["model"].path or "", "kind": "model"}],
        "plain": f"store://demo/dataitems/table/table:{uuid}",
        "latest": "store://demo/dataitem/table/table",
    }
    keys = {"table_key": f"store://demo/dataitems/table/table:{uuid}", "model_key": "store://demo/model/model/model"}
    ended = run(envelope(code, store=store, inputs=_resolved(inputs), parameters=keys))

    assert ended.code == 0, ended.log
    metrics = ["m.pkl", "mine", {"score": 0.5}]
    assert ended.result.results["return"] == ["weights", metrics, 6, ["dataset", "weights", "weights"]]
    read = [info.key for info in ended.result.inputs]
    assert read.count(model) == 1
    assert all(key is None or key.count(":") == 2 for key in read), "keys with their uuids"


def test_a_single_file_that_is_a_model_can_be_got_as_one(
    tmp_path: Path, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    (tmp_path / "weights.pkl").write_text("weights")
    key = Key("demo", "model", "model", "made", "1")
    store = open_store(file_store)
    entity = Entity(key, spec={"path": f"{tmp_path}/weights.pkl"})
    store.write("demo/model/model/made/1/entity.json", json.dumps(entity.to_dict()).encode())
    code = """
        from mlrun.artifacts import get_model

        def handler(by_key, by_path):
            return [open(get_model(item)[0]).read() for item in (by_key, by_path)]
    """
    inputs = {"by_key": str(key), "by_path": {"path": f"{tmp_path}/weights.pkl", "kind": "model"}}
    ended = run(envelope(code, store=file_store, inputs=_resolved(inputs)))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == ["weights", "weights"]


def test_a_key_that_is_not_there_is_the_handler_s_own_error(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = """
        import mlrun

        def handler():
            try:
                mlrun.get_dataitem("store://demo/dataitem/table/none")
            except OSError as error:
                return str(error)
    """
    ended = run(envelope(code, store=file_store))

    assert ended.code == 0, ended.log
    assert "store://demo/dataitem/table/none does not exist in" in ended.result.results["return"]


def test_every_format_passes_as_it_is(tmp_path: Path, run: Callable[..., Ended], s3_store: StoreInfo) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": ["ä", "b"], "n": [1, 2]})
    frame.to_csv(tmp_path / "x.csv", sep=";", encoding="latin-1", index=False)
    frame.to_csv(tmp_path / "x.tsv", sep="\t", index=False)
    frame.to_json(tmp_path / "x.json", orient="records")
    frame.to_json(tmp_path / "x.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_excel(tmp_path / "x.xlsx", index=False)
    (tmp_path / "bare").write_bytes((tmp_path / "x.tsv").read_bytes().replace(b"\t", b","))
    code = """
        import pandas as pd

        def handler(csv, tsv, json, jsonl, parquet, xlsx, bare):
            frames = [
                csv.as_df(format="csv", sep=";", encoding="latin-1"),
                csv.as_df(format="parquet", sep=";", encoding="latin-1"),
                tsv.as_df(format="csv", sep="\\t"),
                json.as_df(),
                jsonl.as_df(format="json", lines=True),
                parquet.as_df(),
                pd.read_excel(xlsx.local()),
                bare.as_df(format="parquet"),
            ]
            return [len(frame) for frame in frames if list(frame["a"]) == ["ä", "b"]]
    """
    store = open_store(s3_store)
    inputs: dict[str, Input] = {}
    for suffix in ("csv", "tsv", "json", "jsonl", "parquet", "xlsx"):
        store.upload(f"formats/x.{suffix}", tmp_path / f"x.{suffix}")
        inputs[suffix] = f"{s3_store.root}/formats/x.{suffix}"
    store.upload("formats/bare", tmp_path / "bare")
    inputs["bare"] = {"path": f"{s3_store.root}/formats/bare", "kind": "table"}  # type: ignore[dict-item]
    ended = run(envelope(code, store=s3_store, inputs=_resolved(inputs)))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [2] * 8


def test_slow_and_broken_servers_are_read_side_by_side_with_a_line_now_and_then(
    flaky: FlakyServer, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    slow = {"pause": 0.25, "piece": 100_000}
    inputs = {name: flaky.serve(f"/{name}.bin", b"x" * 1_600_000, **slow) for name in ("a", "b", "c")}
    inputs["d"] = flaky.serve("/d.bin", b"y" * 1_000_000, breaks=[400_000, 300_000])
    code = "def handler(a, b, c, d): return [len(i.get()) for i in (a, b, c, d)]"
    ended = run(envelope(code, store=file_store, inputs=inputs))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [1_600_000] * 3 + [1_000_000]
    assert flaky.most_at_once >= 3
    assert "input 'a' " in ended.log
    assert " so far, " in ended.log
    assert sorted(span for span in flaky.asked if span) == ["bytes=400000-", "bytes=700000-"]


def test_a_stop_while_inputs_come_ends_at_once(
    flaky: FlakyServer, start: Callable[..., WrapperRun], file_store: StoreInfo
) -> None:
    urls = [flaky.serve(f"/{name}", b"x" * 1_000_000, pause=1.0, piece=1000) for name in "abc"]
    process = start(envelope("def handler(x): pass", store=file_store, inputs=_resolved({"x": urls})))
    process.wait_for(" so far, ")
    process.terminate()
    ended = process.end()

    assert (ended.code, ended.reason) == (143, "Terminated")


def _resolved(inputs: dict[str, Input]) -> dict[str, object]:
    from mlrun_operator.api.v1alpha1.inputs import resolve
    from mlrun_operator.api.v1alpha1.run import RunSpec

    written = RunSpec.model_validate({"functionRef": {"name": "f"}, "inputs": inputs}).inputs or {}
    return {name: resolve(value) for name, value in written.items()}
