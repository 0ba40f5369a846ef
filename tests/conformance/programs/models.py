"""Models: files, folders, what is known of them."""

import os
import pickle

import pandas as pd
from mlrun.artifacts import ModelArtifact, get_model, update_model
from mlrun.features import Feature

RUN = {}
DIFFERS = {}


def _folder():
    os.makedirs("trained", exist_ok=True)
    for name, text in {"model.txt": "weights", "vocabulary.txt": "words"}.items():
        with open(os.path.join("trained", name), "w") as file:
            file.write(text)
    return "trained"


def model_of_a_body(context):
    """A body and the name of its file."""
    context.log_model("model", body=b"weights", model_file="model.bin")


def model_of_a_pickle(context):
    """A pickled object."""
    context.log_model("model", body=pickle.dumps({"w": [1, 2]}), model_file="model.pkl")


def model_of_a_file(context):
    """A file."""
    context.log_model("model", model_file=f"{_folder()}/model.txt")


def model_of_a_folder(context):
    """A folder, and the model's file in it."""
    context.log_model("model", model_dir=_folder(), model_file="model.txt")


def model_of_a_folder_without_a_file(context):
    """A folder alone."""
    context.log_model("model", model_dir=_folder())


def model_with_metrics_and_parameters(context):
    """Metrics and parameters."""
    context.log_model(
        "model", body=b"w", model_file="m.bin", metrics={"accuracy": 0.9}, parameters={"depth": 3, "kind": "tree"}
    )


def model_with_framework_and_algorithm(context):
    """Framework and algorithm."""
    context.log_model("model", body=b"w", model_file="m.bin", framework="sklearn", algorithm="forest")


def model_with_inputs_and_outputs(context):
    """Features by their names and types."""
    made = context.log_model(
        "model",
        body=b"w",
        model_file="m.bin",
        inputs=[Feature(name="x", value_type="float")],
        outputs=[Feature(name="y", value_type="int")],
    )
    context.log_result("features", [[f.name for f in made.inputs], [f.name for f in made.outputs]])


def model_with_training_set(context):
    """Features of a training set, with its statistics."""
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [0, 1, 0]})
    made = context.log_model("model", body=b"w", model_file="m.bin", training_set=frame, label_column="y")
    context.log_result("features", [[f.name for f in made.inputs], [f.name for f in made.outputs]])
    context.log_result("mean", made.feature_stats["x"]["mean"])


def model_with_training_set_and_inputs(context):
    """Both at once fail."""
    frame = pd.DataFrame({"x": [1.0]})
    context.log_model("model", body=b"w", model_file="m.bin", training_set=frame, inputs=[Feature(name="x")])


def model_with_feature_vector(context):
    """Feature vector and weights are kept."""
    made = context.log_model(
        "model", body=b"w", model_file="m.bin", feature_vector="store://feature-vectors/demo/v", feature_weights=[1, 2]
    )
    context.log_result("kept", [made.feature_vector, made.spec.feature_weights])


def model_with_extra_data(context):
    """Extra files of a model, as bytes and as artifacts."""
    note = context.log_artifact("note", body="n", local_path="note.txt")
    made = context.log_model(
        "model", body=b"w", model_file="m.bin", extra_data={"report.txt": b"all is well", "note": note}
    )
    context.log_result("extra", sorted(made.extra_data))


def model_with_extra_data_in_its_folder(context):
    """Extra files by their paths in the model's folder."""
    made = context.log_model(
        "model", model_dir=_folder(), model_file="model.txt", extra_data={"words": "vocabulary.txt"}
    )
    context.log_result("extra", made.extra_data)


def model_with_labels_and_tag(context):
    """Labels and a tag."""
    made = context.log_model("model", body=b"w", model_file="m.bin", labels={"stage": "test"}, tag="v1")
    context.log_result("tag", made.tag)


def model_with_db_key(context):
    """`db_key` is the name in the catalogue."""
    context.log_model("model", body=b"w", model_file="m.bin", db_key="classifier")


def model_by_url(context):
    """`model_url` refers to a model elsewhere."""
    made = context.log_model(
        "model", model_url="https://example.org/model", upload=False, default_config={"version": "1"}
    )
    context.log_result("url", [made.model_url, made.spec.default_config])


def model_by_remote_file(context):
    """A URL as the model's file."""
    context.log_model("model", model_file="https://example.org/models/m.bin", upload=False)


def model_without_a_file(context):
    """Neither body nor file nor folder."""
    context.log_model("model")


def model_artifact_object(context):
    """A `ModelArtifact` that the handler makes."""
    context.log_artifact(ModelArtifact("model", body=b"w", model_file="m.bin", framework="sklearn"))


def model_with_artifact_path(context):
    """`artifact_path` chooses the folder."""
    context.log_model("model", body=b"w", model_file="m.bin", artifact_path=context.artifact_subpath("models"))


def model_read_again(context):
    """`get_model` of what was just logged."""
    made = context.log_model("model", body=b"weights", model_file="m.bin", parameters={"a": 1})
    path, artifact, extra = get_model(made.uri)
    with open(path, "rb") as file:
        context.log_result("read", [file.read().decode(), artifact.parameters, sorted(extra)])


def model_updated_in_the_same_run(context):
    """`update_model` of what was just logged."""
    made = context.log_model("model", body=b"w", model_file="m.bin", metrics={"a": 1})
    update_model(made, metrics={"b": 2}, parameters={"p": 3}, key_prefix="checked-")


def model_of_numpy_metrics(context):
    """NumPy's numbers as metrics."""
    import numpy as np

    context.log_model("model", body=b"w", model_file="m.bin", metrics={"accuracy": np.float64(0.5), "n": np.int64(3)})


def two_models(context):
    """Two models of one run."""
    context.log_model("first", body=b"1", model_file="m.bin")
    context.log_model("second", body=b"2", model_file="m.bin")
