"""Artifacts as mlrun's users log, name, tag, list, read and update them, by whichever object of mlrun's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sweep_runs import run_json
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Catalogue, Entity, derived_uuid, open_store

Run = Callable[..., Ended]

BY_WHICHEVER_OBJECT = """
    import mlrun
    import pandas as pd

    def inner(context):
        context.log_artifact("note", body="of the inner run", local_path="inner.txt")

    def handler(context):
        project = context.get_project_object()
        project.log_artifact("report", body="of the project", local_path="report.txt")
        project.log_dataset("table", df=pd.DataFrame({"n": [1]}))
        project.log_model("net", body=b"weights", model_file="net.bin")
        context.log_artifact("note", body="of the run", local_path="note.txt")
        context.log_artifact("unlisted", body="db_key=False", local_path="u.txt", db_key=False)
        context.log_artifact("empty", body="", local_path="empty.txt")
        context.log_artifact("empty-bytes", body=b"", local_path="empty.bin")
        context.log_model("model", body=b"a", model_file="m.bin", db_key="model_a")
        context.log_model("model", body=b"b", model_file="m.bin", db_key="model_b", tag="v1")
        run = mlrun.new_function("inner", kind="").run(handler=inner, local=True)
        context.log_result("inner", run.outputs["note"])
"""

CHILDREN = """
    def handler(context, param_list, mark):
        best = 0
        for p in param_list:
            with context.get_child_context(myparam=p) as child:
                accuracy = 1 / (1 + abs(p - 4))
                child.log_result("accuracy", accuracy)
                child.log_artifact("art", body=f"value of param {p}", local_path=f"a{p}.txt")
                if mark and accuracy > best:
                    child.mark_as_best()
                    best = accuracy
"""

TRAINED = """
    import pandas as pd

    def handler(context):
        frame = pd.DataFrame({"x": [1.0, 2.0], "z": [3.0, 4.0], "y": [0, 1]})
        context.log_artifact("ref", body="referred", local_path="ref.txt")
        context.log_model(
            "net",
            body=b"weights",
            model_file="net.bin",
            framework="sklearn",
            algorithm="tree",
            labels={"team": "a"},
            metrics={"f1": 0.5},
            parameters={"depth": 3},
            training_set=frame,
            label_column="y",
            extra_data={"report": b"<b>good</b>"},
            tag="prod",
        )
        context.log_dataset("table", df=frame, label_column="y", labels={"made": "here"}, stats=True)
"""

LOOKED_AT = """
    from mlrun.artifacts import get_model

    def handler(context, model, table):
        file, spec, extra = get_model(model)
        meta = table.meta
        return {
            "file": open(file).read(),
            "labels": dict(spec.labels),
            "inputs": [each.name for each in spec.inputs],
            "outputs": [each.name for each in spec.outputs],
            "stats": sorted(spec.feature_stats),
            "said": [spec.spec.framework, spec.spec.algorithm, spec.metrics, spec.parameters],
            "extra": extra["report"].get().decode(),
            "table": [meta.kind, dict(meta.labels), meta.spec.label_column],
            "fields": [field["name"] for field in meta.spec.schema["fields"]],
            "rows": len(table.as_df()),
            "by tag": get_model("store://demo/model/model/net:prod")[1].metadata.key,
        }
"""

LISTED = """
    import mlrun

    def handler(context):
        project = context.get_project_object()
        context.log_artifact("mine", body="this run's", local_path="mine.txt")
        every = project.list_artifacts()
        net = project.list_models("net")[0]
        return {
            "all": sorted({each["metadata"]["key"] for each in every}),
            "models": [each.metadata.key for each in project.list_models()],
            "tagged": [each["metadata"]["key"] for each in project.list_artifacts(tag="prod")],
            "labelled": [each["metadata"]["key"] for each in project.list_artifacts(labels=["made=here"])],
            "like": [each["metadata"]["key"] for each in project.list_artifacts("~TAB", kind="dataset")],
            "got": project.get_artifact("ref").to_dataitem().get().decode(),
            "by mlrun's key": mlrun.get_dataitem("store://artifacts/demo/ref").get().decode(),
            "mine": project.get_artifact("mine").to_dataitem().get().decode(),
            "framework": net.spec.framework,
            "file": sorted(net.to_dataitem().listdir()),
            "rows": len(project.get_artifact("table").to_dataitem().as_df()),
        }
"""

UPDATED = """
    from mlrun.artifacts import get_model, update_model

    def handler(context, model):
        update_model(model, metrics={"v": 2.0}, key_prefix="validation-", labels={"checked": "yes"})
"""


def entity(catalogue: Catalogue, key: str) -> Entity:
    return catalogue.read(Key.parse(key))


def text(store: StoreInfo, ended: Ended, name: str) -> str:
    """The file of an output."""
    opened = open_store(store)
    return opened.read(ended.result.outputs[name].path.removeprefix(f"{opened.root}/")).decode()


def succeeded(ended: Ended) -> Ended:
    assert ended.code == 0, ended.log
    return ended


def test_what_any_object_logs_is_the_runs(run: Run, file_store: StoreInfo) -> None:
    ended = succeeded(run(envelope(BY_WHICHEVER_OBJECT, store=file_store)))

    contents = {
        name: text(file_store, ended, name) for name in ("report", "note", "unlisted", "empty", "inner-inner_note")
    }
    assert contents == {
        "report": "of the project",
        "note": "of the run",
        "unlisted": "db_key=False",
        "empty": "",
        "inner-inner_note": "of the inner run",
    }
    assert {"table", "net", "empty-bytes"} <= set(ended.result.outputs)
    assert ended.result.results["inner"] == ended.result.outputs["inner-inner_note"].key


def test_db_key_names_the_entity_and_the_key_the_output(run: Run, file_store: StoreInfo) -> None:
    ended = succeeded(run(envelope(BY_WHICHEVER_OBJECT, store=file_store)))
    catalogue = Catalogue(open_store(file_store))
    newest = ended.result.outputs["model"].key
    assert newest.startswith("store://demo/model/model/model_b:")
    assert ended.result.outputs["model_a"].key.startswith("store://demo/model/model/model_a:")
    assert str(entity(catalogue, "store://demo/model/model/model_b:v1").key) == newest


@pytest.mark.parametrize("mapping", [{}, {"art": "chosen"}])
def test_the_best_childs_artifact_has_the_plain_name(run: Run, file_store: StoreInfo, mapping: dict[str, str]) -> None:
    given: dict[str, Any] = {"param_list": [3, 4, 8, 9], "mark": True}
    ended = succeeded(run(envelope(CHILDREN, store=file_store, parameters=given, outputs=mapping)))
    name = mapping.get("art", "art")
    assert ended.result.results["best_iteration"] == 2
    assert text(file_store, ended, name) == "value of param 4"
    assert [text(file_store, ended, f"{name}-{n}")[-1] for n in (1, 2, 3, 4)] == ["3", "4", "8", "9"]
    latest = Catalogue(open_store(file_store)).read(Key.parse(f"store://demo/artifact/artifact/{name}"))
    assert str(latest.key) == ended.result.outputs[name].key


def test_without_a_best_child_each_has_its_number(run: Run, file_store: StoreInfo) -> None:
    given: dict[str, Any] = {"param_list": [3, 4], "mark": False}
    ended = succeeded(run(envelope(CHILDREN, store=file_store, parameters=given)))
    assert [text(file_store, ended, f"art-{n}")[-1] for n in (1, 2)] == ["3", "4"]
    assert "art" not in ended.result.outputs


def test_a_mapped_output_that_only_children_made_is_missing(run: Run, file_store: StoreInfo) -> None:
    given: dict[str, Any] = {"param_list": [3, 4], "mark": False}
    ended = run(envelope(CHILDREN, store=file_store, parameters=given, outputs={"art": "chosen"}))
    assert (ended.code, ended.reason) == (65, "OutputMissing")
    assert "art-1, art-2" in (ended.result.message or "")


def test_what_comes_back_is_what_was_logged_and_can_be_updated(run: Run, s3_store: StoreInfo) -> None:
    trained = succeeded(run(envelope(TRAINED, store=s3_store)))
    inputs = {"model": "store://demo/model/model/net", "table": "store://demo/dataitem/table/table"}
    looked = succeeded(run(envelope(LOOKED_AT, store=s3_store, inputs=inputs))).result.results["return"]
    assert looked == {
        "file": "weights",
        "labels": {"team": "a", "framework": "sklearn"},
        "inputs": ["x", "z"],
        "outputs": ["y"],
        "stats": ["x", "y", "z"],
        "said": ["sklearn", "tree", {"f1": 0.5}, {"depth": 3}],
        "extra": "<b>good</b>",
        "table": ["dataset", {"made": "here"}, "y"],
        "fields": ["index", "x", "z", "y"],
        "rows": 2,
        "by tag": "net",
    }
    listed = succeeded(run(envelope(LISTED, store=s3_store))).result.results["return"]
    assert listed == {
        "all": ["mine", "net", "ref", "table"],
        "models": ["net"],
        "tagged": ["net"],
        "labelled": ["table"],
        "like": ["table"],
        "got": "referred",
        "by mlrun's key": "referred",
        "mine": "this run's",
        "framework": "sklearn",
        "file": ["model_spec.yaml", "net.bin", "report"],
        "rows": 2,
    }
    updated = succeeded(run(envelope(UPDATED, store=s3_store, inputs={"model": inputs["model"]})))
    catalogue = Catalogue(open_store(s3_store))
    old = entity(catalogue, trained.result.outputs["net"].key)
    new = entity(catalogue, "store://demo/model/model/net")
    assert str(new.key) == updated.result.outputs["net"].key != str(old.key)
    assert new.spec["metrics"] == {"f1": 0.5, "validation-v": 2.0}
    assert "checked:yes" in new.metadata["labels"]
    assert {"type": "version_of", "dest": str(old.key)} in new.metadata["relationships"]
    assert old.spec["metrics"] == {"f1": 0.5}


def test_an_artifact_record_of_another_maker_does_no_harm(run: Run, file_store: StoreInfo, tmp_path: Path) -> None:
    """Anybody may write an entity.json."""
    data = tmp_path / "x.csv"
    data.write_text("n\n1\n")
    catalogue = Catalogue(open_store(file_store))
    for index, record in enumerate(("text", [1], {"spec": 5, "kind": "dataset", "status": None}, {"key": None})):
        key = Key("demo", "dataitem", "table", f"odd{index}", "7d0cfa4e-5d0e-4f4b-9d3c-222222222222")
        catalogue.write(Entity(key, {"labels": 7}, {"path": f"file://{data}", "mlrun": record}))
        catalogue.publish(key, "2026")
    code = "def handler(a, b, c, d): return [len(each.as_df()) for each in (a, b, c, d)]"
    inputs = {name: f"store://demo/dataitem/table/odd{index}" for index, name in enumerate("abcd")}
    ended = succeeded(run(envelope(code, store=file_store, inputs=inputs)))
    assert ended.result.results["return"] == [1, 1, 1, 1]
    assert json.dumps(ended.result.results)


CHAMPION = """
    def handler(context):
        context.log_model("m", body=b"old", model_file="m.bin", tag="prod")
"""
CHALLENGER = """
    import mlrun

    def handler(context):
        context.log_model("m", body=b"new", model_file="m.bin")
        project = context.get_project_object()
        other = mlrun.projects.MlrunProject.from_dict({"metadata": {"name": "other"}})
        found = {
            "prod": open(project.get_artifact("m", tag="prod").target_path + "m.bin").read(),
            "own": open(project.get_artifact("m").target_path + "m.bin").read(),
            "listed": [project.list_artifacts("m", tag="prod")[0]["metadata"]["tag"]],
            "of another project": len(other.list_artifacts("m")),
        }
        try:
            other.get_artifact("m")
        except mlrun.errors.MLRunNotFoundError as error:
            found["not found"] = str(error)
        return found
"""


def test_a_tag_is_of_the_version_that_has_it(run: Run, file_store: StoreInfo) -> None:
    succeeded(run(envelope(CHAMPION, store=file_store)))
    found = succeeded(run(envelope(CHALLENGER, store=file_store))).result.results["return"]
    assert found == {
        "prod": "old",
        "own": "new",
        "listed": ["prod"],
        "of another project": 0,
        "not found": "project other has no artifact m, and this run has not logged it",
    }


TAGS = """
    def handler(context):
        for number, tag in enumerate(("v1", "v2", "v3")):
            context.log_artifact("same", body="the last one", local_path="same.txt", tag=tag)
            where = f"{context.artifact_path}/{tag}"
            context.log_artifact("other", body=tag, local_path="x.txt", artifact_path=where, tag=tag)
        context.log_artifact("other", target_path="s3://elsewhere/x.bin", tag="a/b")
        project = context.get_project_object()
        return [len(project.list_artifacts("same", tag=tag)) for tag in ("v1", "v2", "v3", "v4")]
"""


def test_each_tag_that_a_run_gives_names_its_version(run: Run, file_store: StoreInfo) -> None:
    ended = succeeded(run(envelope(TAGS, store=file_store)))
    assert ended.result.results["return"] == [1, 1, 1, 0]
    catalogue = Catalogue(open_store(file_store))
    keys = {str(entity(catalogue, f"store://demo/artifact/artifact/same:v{n}").key) for n in (1, 2, 3)}
    assert keys == {ended.result.outputs["same"].key}
    assert [text(file_store, ended, f"other-{n}") for n in (2, 3, 4)] == ["v1", "v2", "v3"]
    keys = {str(entity(catalogue, f"store://demo/artifact/artifact/other:v{n}").key) for n in (1, 2, 3)}
    assert keys == {ended.result.outputs[f"other-{n}"].key for n in (2, 3, 4)}
    latest = entity(catalogue, "store://demo/artifact/artifact/other")
    assert (latest.path, str(latest.key)) == ("s3://elsewhere/x.bin", ended.result.outputs["other"].key)
    assert sorted(ended.result.outputs) == ["other", "other-2", "other-3", "other-4", "same"]
    assert any("stored without the tag 'a/b'" in words for words in run_json(file_store, ended)["warnings"])


TAGGED_BESIDE_CHILDREN = """
    def handler(context):
        own = f"{context.artifact_path}/own"
        context.log_artifact("art", body="of the run", local_path="a.txt", artifact_path=own, tag="v1")
        for number in (1, 2):
            with context.get_child_context(number=number) as child:
                child.log_artifact("art", body=f"of child {number}", local_path=f"a{number}.txt")
                if number == 2:
                    child.mark_as_best()
"""


def test_a_tagged_artifact_stays_beside_the_best_childs(run: Run, file_store: StoreInfo) -> None:
    """The link to the best child has its key and no data of its own; the run ended as WrapperError."""
    ended = succeeded(run(envelope(TAGGED_BESIDE_CHILDREN, store=file_store)))
    found = {name: text(file_store, ended, name) for name in ended.result.outputs if name.startswith("art")}
    assert found == {"art": "of the run", "art-1": "of child 1", "art-2": "of child 2"}
    tagged = entity(Catalogue(open_store(file_store)), "store://demo/artifact/artifact/art:v1")
    assert str(tagged.key) == ended.result.outputs["art"].key


OWN_CLASS = """
    from mlrun.artifacts import Artifact

    class Report(Artifact):
        kind = "report"

    def handler(context):
        context.log_artifact(Report("rep", body="words"), local_path="rep.txt")
        context.log_artifact("after", body="later", local_path="after.txt")
"""
READ_AGAIN = """
    def handler(context, rep):
        project = context.get_project_object()
        listed = [each.to_dataitem().get().decode() for each in project.list_artifacts("rep").to_objects()]
        return [rep.get().decode(), *listed, project.get_artifact("rep").to_dataitem().get().decode()]
"""


def test_an_artifact_of_a_class_of_the_users_own(run: Run, file_store: StoreInfo) -> None:
    ended = succeeded(run(envelope(OWN_CLASS, store=file_store)))
    assert (text(file_store, ended, "rep"), text(file_store, ended, "after")) == ("words", "later")
    inputs = {"rep": "store://demo/artifact/artifact/rep"}
    again = succeeded(run(envelope(READ_AGAIN, store=file_store, inputs=inputs)))
    assert again.result.results["return"] == ["words"] * 3


LENGTHS = """
    def handler(context):
        project = context.get_project_object()
        return [len(project.list_artifacts()), len(project.list_models()), len(project.list_artifacts(tag="prod"))]
"""


def test_a_list_is_cut_after_its_conditions_with_a_warning(run: Run, file_store: StoreInfo) -> None:
    succeeded(run(envelope(CHAMPION, store=file_store)))
    catalogue = Catalogue(open_store(file_store))
    for number in range(1001):
        key = Key("demo", "artifact", "artifact", f"a{number}", derived_uuid(number))
        catalogue.write(Entity(key, spec={"path": "s3://elsewhere/a"}))
        catalogue.publish(key, "2026-01-01T00:00:00.000000Z")
    ended = succeeded(run(envelope(LENGTHS, store=file_store)))
    assert ended.result.results["return"] == [1000, 1, 1]
    assert run_json(file_store, ended)["warnings"] == [
        "list_artifacts: the first 1000 artifacts of project demo are listed. Filter by name"
    ]


def test_a_damaged_entity_is_left_out_of_a_list(run: Run, file_store: StoreInfo) -> None:
    succeeded(run(envelope(CHAMPION, store=file_store)))
    made = succeeded(run(envelope(OWN_CLASS, store=file_store)))
    key = Key.parse(made.result.outputs["rep"].key)
    catalogue = Catalogue(open_store(file_store))
    catalogue.store.write(f"{catalogue.folder(key)}/entity.json", b"{broken")
    ended = succeeded(run(envelope(LENGTHS, store=file_store)))
    assert ended.result.results["return"] == [2, 1, 1]
    words = f"list_artifacts: {key.any_version()} left out: entity.json is damaged"
    assert run_json(file_store, ended)["warnings"] == [words]


LISTED_IS_UPDATED = """
    from mlrun.artifacts import update_model

    def handler(context):
        update_model(context.get_project_object().list_models()[0], metrics={"v": 2.0})
"""


def test_what_is_stored_is_never_written_into(run: Run, s3_store: StoreInfo) -> None:
    made = succeeded(run(envelope(CHAMPION, store=s3_store)))
    ended = run(envelope(LISTED_IS_UPDATED, store=s3_store))
    assert ended.reason == "HandlerFailed"
    assert "what is stored cannot be changed; get the artifact by project.get_artifact(…)" in ended.result.message
    catalogue = Catalogue(open_store(s3_store))
    assert [str(key) for key in catalogue.versions(Key.parse("store://demo/model/model/m"))] == [
        made.result.outputs["m"].key
    ]


UPDATED_AND_NEW = """
    from mlrun.artifacts import update_model

    def handler(context, model):
        update_model(model, metrics={"v": 2.0})
        context.log_model("m", body=b"new", model_file="m.bin", metrics={"v": 3.0})
"""


def test_a_new_model_is_the_latest_beside_an_updated_one(run: Run, file_store: StoreInfo) -> None:
    old = succeeded(run(envelope(CHAMPION, store=file_store))).result.outputs["m"].key
    ended = succeeded(run(envelope(UPDATED_AND_NEW, store=file_store, inputs={"model": "store://demo/model/model/m"})))
    latest = entity(Catalogue(open_store(file_store)), "store://demo/model/model/m")
    assert (str(latest.key), latest.spec["metrics"]) == (ended.result.outputs["m"].key, {"v": 3.0})
    assert run_json(file_store, ended)["warnings"] == [
        f"output 'm-2', a new version of {old}, is not the latest one: the run has also logged a new 'm'"
    ]
