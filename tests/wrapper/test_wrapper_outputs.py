"""What a handler makes: datasets, models, artifacts and results, stored, listed, and usable as inputs."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Catalogue, Entity, open_store

EVERYTHING = """
    import os
    import numpy as np
    import pandas as pd
    from mlrun.artifacts import Artifact

    def handler(context):
        context.log_dataset("table", df=pd.DataFrame({"n": [1, 2], "t": ["a", "ü"]}))
        context.log_dataset("as-csv", df=pd.DataFrame({"n": [1, 2]}), format="csv")
        scores = {"f1": np.float32(0.5)}
        context.log_model("net", body=b"weights", model_file="net.bin", metrics=scores, framework="own")
        context.log_artifact("report.html", body="<b>hi</b>")
        context.log_artifact(Artifact("note", body="inline text", is_inline=True))
        os.makedirs("plots/inner")
        open("plots/a.txt", "w").write("A")
        open("plots/inner/b.txt", "w").write("B")
        context.log_artifact("plots", local_path="plots")
        context.log_artifact("elsewhere", target_path="s3://other/bucket/x.csv")
        context.log_result("accuracy", np.float64(0.75))
        context.log_result("loss", float("nan"))
        context.log_result("big", 2**60)
        context.set_label("team", "a")
"""


@pytest.fixture
def everything(run: Callable[..., Ended], s3_store: StoreInfo) -> tuple[Ended, Catalogue]:
    ended = run(envelope(EVERYTHING, store=s3_store, outputs={"table": "my-table", "accuracy": "score"}))
    assert ended.code == 0, ended.log
    return ended, Catalogue(open_store(s3_store))


def stored(ended: Ended, catalogue: Catalogue, name: str) -> tuple[Entity, bytes | None]:
    """The entity of an output, by its listed key, and its data where it is one object of the store."""
    output = ended.result.outputs[name]
    entity = catalogue.read(Key.parse(output.key))
    assert entity.path == output.path
    prefix = f"{catalogue.store.root}/"
    if not output.path.startswith(prefix) or output.path.endswith("/"):
        return entity, None
    return entity, catalogue.store.read(output.path.removeprefix(prefix))


def test_everything_that_is_made_is_stored_and_listed(everything: tuple[Ended, Catalogue]) -> None:
    ended, catalogue = everything
    outputs = ended.result.outputs

    assert {name: output.kind for name, output in outputs.items()} == {
        "my-table": "table",
        "as-csv": "table",
        "net": "model",
        "report.html": "artifact",
        "note": "artifact",
        "plots": "artifact",
        "elsewhere": "artifact",
    }
    assert ended.result.results == {"score": 0.75, "loss": None, "big": str(2**60), "results_nonfinite": ["loss"]}
    table, data = stored(ended, catalogue, "my-table")
    assert data is not None
    assert_frame_equal(pd.read_parquet(io.BytesIO(data)), pd.DataFrame({"n": [1, 2], "t": ["a", "ü"]}))
    assert table.spec["schema"] == {"fields": [{"name": "n", "type": "integer"}, {"name": "t", "type": "string"}]}
    assert table.status["preview"] == {
        "cols": [{"name": "n", "value": [1, 2]}, {"name": "t", "value": ["a", "ü"]}],
        "rows": 2,
    }
    assert outputs["my-table"].preview == table.status["preview"]
    assert stored(ended, catalogue, "as-csv")[1] == b"n\n1\n2\n"
    assert stored(ended, catalogue, "report.html")[1] == b"<b>hi</b>"
    assert stored(ended, catalogue, "note")[1] == b"inline text"
    assert stored(ended, catalogue, "elsewhere")[0].path == "s3://other/bucket/x.csv"


def test_a_model_has_its_files_metrics_and_framework(everything: tuple[Ended, Catalogue]) -> None:
    entity, _ = stored(*everything, "net")

    assert entity.spec["framework"] == "own"
    assert entity.spec["metrics"] == {"f1": 0.5}
    assert entity.spec["model_file"] == "net.bin"
    assert {file["path"] for file in entity.status["files"]} == {"net.bin", "model_spec.yaml"}


def test_a_folder_s_hash_is_of_its_files(everything: tuple[Ended, Catalogue]) -> None:
    ended, catalogue = everything
    entity, _ = stored(ended, catalogue, "plots")

    assert [file["path"] for file in entity.status["files"]] == ["a.txt", "inner/b.txt"]
    assert ended.result.outputs["plots"].size == 2
    assert entity.spec["hash"] == ended.result.outputs["plots"].sha256


def test_entities_say_which_run_made_them(everything: tuple[Ended, Catalogue]) -> None:
    ended, catalogue = everything
    entity, _ = stored(ended, catalogue, "my-table")

    assert entity.key.project == "demo"
    [made] = entity.metadata["relationships"]
    assert made["type"] == "produced_by"
    run = Key.parse(made["dest"])
    assert run.name == "my-run"
    assert ended.result.run_path == f"{catalogue.store.root}/{catalogue.folder(run)}/"


USES = """
    import mlrun
    from mlrun.artifacts import get_model

    def handler(context, table, frame, net, plots, note):
        file, spec, _ = get_model(net)
        return {
            "rows": len(table.as_df()),
            "typed": list(frame["t"]),
            "model": open(file, "rb").read().decode(),
            "metrics": spec.spec.metrics,
            "plots": sorted(plots.listdir()),
            "note": note.get(encoding="utf-8"),
        }
"""


def test_outputs_are_usable_at_once_as_inputs_of_another_run(
    everything: tuple[Ended, Catalogue], run: Callable[..., Ended], s3_store: StoreInfo
) -> None:
    first, _ = everything
    outputs = first.result.outputs

    ended = run(
        envelope(
            USES.replace("frame, net", "frame: 'pandas.DataFrame', net"),
            store=s3_store,
            run={"name": "second"},
            inputs={
                "table": "store://demo/dataitems/table/my-table",
                "frame": outputs["my-table"].key,
                "net": outputs["net"].key,
                "plots": "store://demo/artifact/artifact/plots",
                "note": {"key": outputs["note"].key},
            },
        )
    )

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == {
        "rows": 2,
        "typed": ["a", "ü"],
        "model": "weights",
        "metrics": {"f1": 0.5},
        "plots": ["a.txt", "inner"],
        "note": "inline text",
    }
    read = {info.name: info for info in ended.result.inputs}
    assert read["table"].key == outputs["my-table"].key
    assert read["table"].sha256 == outputs["my-table"].sha256
    assert read["plots"].sha256 == outputs["plots"].sha256


@pytest.mark.parametrize("place", ["file", "s3"])
def test_an_empty_folder_is_an_empty_folder_for_the_next_run(
    place: str, run: Callable[..., Ended], request: pytest.FixtureRequest
) -> None:
    store: StoreInfo = request.getfixturevalue(f"{place}_store")
    code = "import os\ndef handler(context): os.makedirs('new/inner'); context.log_artifact('new', local_path='new')"
    first = run(envelope(code, store=store))
    uses = "import os\ndef handler(folder): return [os.path.isdir(folder.local()), os.listdir(folder.local())]"
    second = run(envelope(uses, store=store, inputs={"folder": "store://demo/artifact/artifact/new"}))

    assert first.code == 0, first.log
    assert first.result.warnings == ["output 'new' is an empty folder"]
    assert second.code == 0, second.log
    assert second.result.results["return"] == [True, []]
    assert second.result.inputs[0].sha256 == first.result.outputs["new"].sha256


def test_a_folder_of_thousands_of_files_is_stored_whole_and_listed_in_part(
    run: Callable[..., Ended], file_store: StoreInfo, catalogue: Callable[[StoreInfo], Catalogue]
) -> None:
    code = """
        import os

        def handler(context):
            os.makedirs("many")
            for n in range(1200):
                open(f"many/{n:04}", "w").write(str(n))
            context.log_artifact("many", local_path="many")
    """
    ended = run(envelope(code, store=file_store))

    assert ended.code == 0, ended.log
    entities = catalogue(file_store)
    status = entities.read(Key.parse(ended.result.outputs["many"].key)).status
    assert (status["file_count"], len(status["files"])) == (1200, 1000)
    assert status["files"][0] == {"path": "0000", "size": 1}
    path = ended.result.outputs["many"].path.removeprefix(f"{file_store.root}/")
    stored = {f"{n:04}": len(str(n)) for n in range(1200)}
    assert {stat.path.removeprefix(path): stat.size for stat in entities.store.list(path)} == stored
    assert status["size"] == sum(stored.values())


HEAD = "import pandas as pd, numpy as np, datetime\n"
FRAME = "pd.DataFrame({'a': [1]})"


@pytest.mark.parametrize(
    ("returned", "results", "outputs"),
    [
        ("0", {"return": 0}, set()),
        ("False", {"return": False}, set()),
        ("''", {"return": ""}, set()),
        ("None", {}, set()),
        ("(1, 'a')", {"return": [1, "a"]}, set()),
        (FRAME, {}, {"return"}),
        ("np.arange(3)", {"return": [0, 1, 2]}, set()),
        ("datetime.date(2024, 2, 29)", {"return": "2024-02-29"}, set()),
        ("float('inf')", {"return": None, "results_nonfinite": ["return"]}, set()),
        ("{'n': np.int64(5), 'x': 2 ** 53 + 1}", {"return": {"n": 5, "x": str(2**53 + 1)}}, set()),
        ("object()", {}, {"return"}),
    ],
)
def test_an_undecorated_return_is_kept_under_return(
    returned: str, results: dict[str, Any], outputs: set[str], run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    ended = run(envelope(f"{HEAD}def handler(): return {returned}", store=file_store))

    assert ended.code == 0, ended.log
    assert ended.result.results == results
    assert set(ended.result.outputs) == outputs


def test_several_returned_values_that_are_no_plain_ones_each_have_an_output(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    ended = run(envelope(f"{HEAD}def handler(): return {FRAME}, 5", store=file_store))

    assert ended.result.outputs["return_0"].kind == "table"
    assert ended.result.results == {"return_1": 5, "return": [ended.result.outputs["return_0"].key, 5]}


def test_returns_names_what_an_undecorated_handler_returns(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    ended = run(
        envelope(
            f"{HEAD}def handler(): return {FRAME}, 5, 'x'",
            store=file_store,
            returns=["frame", "count: result"],
            outputs={"frame": "my-frame"},
        )
    )

    assert ended.code == 0, ended.log
    assert set(ended.result.outputs) == {"my-frame"}
    assert ended.result.results == {"count": 5}


def test_none_for_a_hint_is_a_result_and_a_warning(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    ended = run(envelope("def handler(): return None", store=file_store, returns=["a"]))

    assert ended.result.results == {"a": None}
    assert ended.result.warnings == ["the handler returned None for 'a'"]


def test_everything_is_stored_before_a_missing_output_fails_the_run(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    ended = run(
        envelope(
            f"{HEAD}def handler(context): context.log_dataset('made', df={FRAME}); context.log_result('n', 1)",
            store=file_store,
            outputs={"dataset": "d", "made": "mine"},
        )
    )

    assert ended.reason == "OutputMissing"
    assert "the run produced made, n" in ended.result.message
    assert set(ended.result.outputs) == {"mine"}
    assert ended.result.results == {"n": 1}


def test_every_missing_output_is_named(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    ended = run(envelope("def handler(): return 1", store=file_store, outputs={"one": "a", "return": "r", "two": "b"}))

    assert ended.reason == "OutputMissing"
    assert "outputs 'one', 'two' were not produced; the run produced return" in ended.result.message


def test_an_optional_output_may_be_missing(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    ended = run(envelope("def handler(): return 1", store=file_store, outputs={"d": {"name": "d", "optional": True}}))

    assert ended.code == 0, ended.log


def test_values_keeps_the_named_results_and_warns_of_absent_ones(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = "def handler(context): context.log_results({'a': 1, 'b': 2, 'c': 3})"
    ended = run(envelope(code, store=file_store, values=["a", "z"], outputs={"c": "third"}))

    assert ended.code == 0, ended.log
    assert ended.result.results == {"a": 1, "third": 3}
    assert ended.result.warnings == ["values names 'z', which the run did not produce"]


def test_an_unmapped_output_never_takes_a_mapped_one_s_name(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = f"{HEAD}def handler(context):\n  [context.log_dataset(n, df={FRAME}) for n in ('a', 'b')]"
    ended = run(envelope(code, store=file_store, outputs={"a": "b"}))

    assert set(ended.result.outputs) == {"b", "b-2"}


def test_a_result_within_a_small_budget_keeps_the_most_important(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = f"{HEAD}def handler(context):\n  context.log_dataset('t', df=pd.DataFrame(np.random.rand(50, 30)))\n"
    code += "  context.log_results({f'm{i}': float(np.random.rand()) for i in range(200)})\n"
    code = code.replace("np.random.rand(50, 30)", "np.random.rand(50, 30), columns=[f'c{i}' for i in range(30)]")
    ended = run(envelope(code, store=file_store, result_budget=1024))

    assert ended.code == 0, ended.log
    assert len(ended.termination.encode()) <= 1024
    assert ended.result.truncated
    assert ended.result.outputs["t"].preview is None
    whole = json.loads(
        open_store(file_store).read((ended.result.run_path or "").removeprefix(f"{file_store.root}/") + "run.json")
    )
    assert len(whole["results"]) == 200
    assert len(whole["outputs"]["t"]["preview"]["cols"]) == 30


def test_a_duplicate_pod_s_outputs_do_not_mix_and_latest_is_the_later_start(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    content = envelope(f"{HEAD}def handler(): return {FRAME}", store=file_store)
    first = run(content, {"MLRUN_POD_UID": "pod-1"})
    forget_attempts(file_store)  # as if both had begun before either had succeeded
    second = run(content, {"MLRUN_POD_UID": "pod-2"})
    forget_attempts(file_store)
    again = run(content, {"MLRUN_POD_UID": "pod-1"})

    keys = [ended.result.outputs["return"].key for ended in (first, second, again)]
    assert keys[0] == keys[2] != keys[1]
    catalogue = Catalogue(open_store(file_store))
    assert str(catalogue.read(Key.parse("store://demo/dataitem/table/return")).key) == keys[2]
    hashes = {ended.result.outputs["return"].sha256 for ended in (first, second, again)}
    assert len(hashes) == 1


def forget_attempts(store: StoreInfo) -> None:
    for attempts in Path(store.root.removeprefix("file://")).rglob("attempts.json"):
        attempts.unlink()


def test_a_replica_stores_its_outputs_under_its_index(
    run: Callable[..., Ended], file_store: StoreInfo, catalogue: Callable[[StoreInfo], Catalogue]
) -> None:
    code = """
        import os
        import pandas as pd

        def handler(context):
            context.log_dataset("part", df=pd.DataFrame({"n": [int(os.environ["MLRUN_REPLICA_INDEX"])]}))
    """
    content = envelope(code, store=file_store, outputs={"part": "shard"})
    first, third = (
        run(content, {"MLRUN_REPLICA_INDEX": str(index), "MLRUN_REPLICA_COUNT": "3", "MLRUN_POD_UID": f"pod-{index}"})
        for index in (0, 2)
    )

    assert [name for ended in (first, third) for name in ended.result.outputs] == ["shard", "shard"]
    keys = [Key.parse(ended.result.outputs["shard"].key).name for ended in (first, third)]
    assert keys == ["shard", "shard-2"]
    assert catalogue(file_store).read(Key.parse("store://demo/dataitem/table/shard-2")).key.name == "shard-2"


def test_texts_and_file_names_that_are_no_utf_8_are_kept_as_far_as_they_are(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = """
        import os

        def handler(context):
            for folder in ("files", "plots"):
                os.mkdir(folder)
                with open(os.fsencode(folder) + b"/100% caf\\xe9.txt", "w") as file:
                    file.write("coffee")
            context.log_result("listed", os.listdir("files"))
            context.log_result("cut", "🙂\\ud83d")
            context.log_artifact("plots", local_path="plots", labels={"made-of": "caf\\udce9"})
            context.log_artifact("menu", target_path=os.path.join(os.getcwd(), "files", os.listdir("files")[0]))
    """
    ended = run(envelope(code, store=file_store))
    assert ended.code == 0, ended.log
    assert (ended.result.results["listed"], ended.result.results["cut"]) == (["100% caf?.txt"], "🙂?")
    catalogue = Catalogue(open_store(file_store))
    menu, data = stored(ended, catalogue, "menu")
    assert (menu.spec["src_path"], data) == ("100% caf\\udce9.txt", b"coffee")
    plots, _ = stored(ended, catalogue, "plots")
    assert plots.status["files"] == [{"path": "100% caf\\udce9.txt", "size": 6}]
    assert plots.metadata["labels"] == ["made-of:caf?"]
    assert run_json(ended, catalogue)["state"] == "completed"


def test_an_exception_that_is_no_utf_8_is_told(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    ended = run(envelope("def handler():\n    raise ValueError('no caf\\udce9')", store=file_store))
    assert (ended.reason, ended.result.message) == ("HandlerFailed", "ValueError: no caf?")
    assert "ValueError: no caf?" in ended.log
    assert run_json(ended, Catalogue(open_store(file_store)))["state"] == "error"


def run_json(ended: Ended, catalogue: Catalogue) -> dict[str, Any]:
    path = (ended.result.run_path or "").removeprefix(f"{catalogue.store.root}/")
    found: dict[str, Any] = json.loads(catalogue.store.read(f"{path}run.json"))
    return found
