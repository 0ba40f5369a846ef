"""Chains: what a run makes, as the input of the next."""

import mlrun
import pandas as pd
from mlrun.artifacts import get_model, update_model
from mlrun.features import Feature

RUN = {
    "text_to_item": [{"handler": "_note"}, {"handler": "_read_text", "inputs": {"data": "output:note"}}],
    "text_by_its_name": [{"handler": "_note"}, {"handler": "_read_text", "inputs": {"data": "stored:note"}}],
    "text_by_its_tag": [
        {"handler": "_tagged", "params": {"text": "one", "tag": "v1"}},
        {"handler": "_tagged", "params": {"text": "two", "tag": "v2"}},
        {"handler": "_read_text", "inputs": {"data": "stored:note:v1"}},
    ],
    "latest_of_two_runs": [
        {"handler": "_tagged", "params": {"text": "one", "tag": ""}},
        {"handler": "_tagged", "params": {"text": "two", "tag": ""}},
        {"handler": "_read_text", "inputs": {"data": "stored:note"}},
    ],
    "meta_of_an_artifact": [{"handler": "_note"}, {"handler": "_meta", "inputs": {"data": "output:note"}}],
    "dataset_to_frame": [{"handler": "_dataset"}, {"handler": "_read_frame", "inputs": {"data": "output:people"}}],
    "dataset_of_csv_to_frame": [
        {"handler": "_dataset", "params": {"format": "csv"}},
        {"handler": "_read_frame", "inputs": {"data": "output:people"}},
    ],
    "meta_of_a_dataset": [{"handler": "_dataset"}, {"handler": "_meta", "inputs": {"data": "output:people"}}],
    "record_of_a_dataset": [{"handler": "_dataset"}, {"handler": "_record", "inputs": {"data": "output:people"}}],
    "dataset_with_extra_data_read": [
        {"handler": "_dataset_with_extra"},
        {"handler": "_read_extra_of_dataset", "inputs": {"data": "output:people"}},
    ],
    "index_survives": [{"handler": "_indexed"}, {"handler": "_read_index", "inputs": {"data": "output:people"}}],
    "model_to_file": [{"handler": "_model"}, {"handler": "_read_model", "inputs": {"model": "output:model"}}],
    "labels_of_a_model": [{"handler": "_model"}, {"handler": "_labels_of_model", "inputs": {"model": "output:model"}}],
    "features_of_a_model": [{"handler": "_model"}, {"handler": "_features", "inputs": {"model": "output:model"}}],
    "facts_of_a_model": [{"handler": "_model"}, {"handler": "_facts", "inputs": {"model": "output:model"}}],
    "statistics_of_a_model": [
        {"handler": "_trained"},
        {"handler": "_statistics", "inputs": {"model": "output:model"}},
    ],
    "extra_data_of_a_model": [
        {"handler": "_model_with_extra"},
        {"handler": "_extra", "inputs": {"model": "output:model"}},
    ],
    "folder_of_a_model": [
        {"handler": "_model_with_extra"},
        {"handler": "_folder_of_model", "inputs": {"model": "output:model"}},
    ],
    "model_updated_by_the_next_run": [
        {"handler": "_model"},
        {"handler": "_update", "inputs": {"model": "output:model"}},
        {"handler": "_facts", "inputs": {"model": "stored:model"}},
    ],
    "artifact_updated_by_the_next_run": [
        {"handler": "_note"},
        {"handler": "_relabel", "inputs": {"data": "output:note"}},
        {"handler": "_meta", "inputs": {"data": "stored:note"}},
    ],
    "model_with_db_key_by_its_name": [
        {"handler": "_named_model"},
        {"handler": "_read_model", "inputs": {"model": "stored:classifier"}},
    ],
    "uri_of_an_output": [{"handler": "_note"}, {"handler": "_artifact_type", "inputs": {"data": "output:note"}}],
    "result_as_a_parameter": [{"handler": "_answer"}, {"handler": "_double", "params": {"n": 42}}],
    "best_of_a_sweep_read": [
        {
            "handler": "_writes",
            "hyperparams": {"x": [1, 3, 2]},
            "hyper_param_options": {"selector": "max.score"},
        },
        {"handler": "_read_text", "inputs": {"data": "stored:note"}},
    ],
    "table_of_a_sweep_read": [
        {"handler": "_writes", "hyperparams": {"x": [1, 2]}},
        {"handler": "_read_scores", "inputs": {"data": "output:iteration_results"}},
    ],
    "page_read": [{"handler": "_page"}, {"handler": "_read_text", "inputs": {"data": "output:page"}}],
    "inline_artifact_read": [{"handler": "_inline"}, {"handler": "_read_text", "inputs": {"data": "output:note"}}],
    "project_artifact_read": [
        {"handler": "_by_project"},
        {"handler": "_read_text", "inputs": {"data": "stored:report"}},
    ],
    "kind_of_a_table": [{"handler": "_table"}, {"handler": "_meta", "inputs": {"data": "output:table"}}],
}
DIFFERS = {
    "inline_artifact_read": {
        "verdict": "better",
        "why": "mlrun cannot read an artifact that is only in its database; here it is a file.",
        "differs": {
            "2.error": ["does not have a valid/persistent offline target", None],
            "2.state": ["error", "completed"],
            "2.results.text": [None, "inline text"],
        },
    },
}


def _note(context):
    context.log_artifact("note", body="written by the first", local_path="note.txt", labels={"stage": "test"})


def _tagged(context, text, tag):
    context.log_artifact("note", body=text, local_path="note.txt", tag=tag)


def _page(context):
    context.log_artifact("page", body="<p>hi</p>", format="html")


def _inline(context):
    context.log_artifact(mlrun.artifacts.Artifact("note", body="inline text", is_inline=True))


def _table(context):
    context.log_artifact(mlrun.artifacts.TableArtifact("table", df=pd.DataFrame({"a": [1]})))


def _by_project(context):
    context.get_project_object().log_artifact("report", body="hello", local_path="report.txt")


def _read_text(context, data: mlrun.DataItem):
    text = data.get()
    context.log_result("text", text.decode() if isinstance(text, bytes) else text)


def _meta(context, data: mlrun.DataItem):
    context.log_result("meta", [data.meta.kind, data.meta.key, data.meta.labels] if data.meta else "none")


def _artifact_type(context, data: mlrun.DataItem):
    context.log_result("type", str(data.get_artifact_type()))


def _relabel(context, data: mlrun.DataItem):
    artifact = data.meta
    artifact.metadata.labels = {"stage": "checked"}
    context.update_artifact(artifact)


def _dataset(context, format="parquet"):
    frame = pd.DataFrame({"name": ["ada", "alan"], "age": [36, 41]})
    context.log_dataset("people", df=frame, format=format, label_column="age", stats=True, labels={"stage": "raw"})


def _dataset_with_extra(context):
    note = context.log_artifact("note", body="n", local_path="note.txt")
    context.log_dataset("people", df=pd.DataFrame({"a": [1]}), extra_data={"note": note})


def _read_extra_of_dataset(context, data: mlrun.DataItem):
    context.log_result("extra", sorted(data.meta.spec.extra_data))


def _indexed(context):
    context.log_dataset("people", df=pd.DataFrame({"name": ["ada"], "age": [36]}).set_index("name"))


def _read_frame(context, data: pd.DataFrame):
    context.log_result("rows", data[["name", "age"]].to_dict("list"))


def _read_index(context, data: pd.DataFrame):
    context.log_result("rows", [str(data.index.name), data.reset_index().to_dict("list")])


def _record(context, data: mlrun.DataItem):
    spec = data.meta.spec
    context.log_result("record", [spec.label_column, spec.length, [field["name"] for field in spec.schema["fields"]]])
    context.log_result("stats", sorted(data.meta.stats))


def _model(context):
    context.log_model(
        "model",
        body=b"weights",
        model_file="m.bin",
        framework="sklearn",
        algorithm="forest",
        metrics={"accuracy": 0.9},
        parameters={"depth": 3},
        labels={"stage": "test"},
        inputs=[Feature(name="x", value_type="float")],
        outputs=[Feature(name="y", value_type="int")],
    )


def _named_model(context):
    context.log_model("model", body=b"weights", model_file="m.bin", db_key="classifier")


def _trained(context):
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [0, 1, 0]})
    context.log_model("model", body=b"w", model_file="m.bin", training_set=frame, label_column="y")


def _model_with_extra(context):
    note = context.log_artifact("note", body="n", local_path="note.txt")
    context.log_model("model", body=b"w", model_file="m.bin", extra_data={"report.txt": b"all is well", "note": note})


def _read_model(context, model):
    path, artifact, _ = get_model(model)
    with open(path, "rb") as file:
        context.log_result("model", [file.read().decode(), artifact.kind])


def _labels_of_model(context, model):
    context.log_result("labels", get_model(model)[1].labels)


def _features(context, model):
    artifact = get_model(model)[1]
    context.log_result("inputs", [[feature.name, str(feature.value_type)] for feature in artifact.inputs])
    context.log_result("outputs", [[feature.name, str(feature.value_type)] for feature in artifact.outputs])


def _facts(context, model):
    artifact = get_model(model)[1]
    context.log_result(
        "facts", [artifact.spec.framework, artifact.spec.algorithm, artifact.metrics, artifact.parameters]
    )


def _statistics(context, model):
    artifact = get_model(model)[1]
    context.log_result("statistics", sorted(artifact.feature_stats or {}))
    context.log_result("mean", (artifact.feature_stats or {}).get("x", {}).get("mean"))


def _extra(context, model):
    extra = get_model(model)[2]
    context.log_result("extra", {name: item.get(encoding="utf-8") for name, item in extra.items()})


def _folder_of_model(context, model):
    import os

    context.log_result("files", sorted(os.listdir(model.local())))


def _update(context, model):
    update_model(model.artifact_url, metrics={"checked": 1.0}, key_prefix="v-")


def _answer():
    return 42


def _double(n):
    return 2 * n


def _writes(context, x):
    context.log_result("score", x)
    context.log_artifact("note", body=f"x is {x}", local_path="note.txt")


def _read_scores(context, data: mlrun.DataItem):
    context.log_result("scores", data.as_df()["output.score"].tolist())
