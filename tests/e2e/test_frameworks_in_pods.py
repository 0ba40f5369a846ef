"""mlrun.frameworks in the image wrapper-ml: models that are trained, evaluated and used, each step a run of its own."""

import os

import pytest
from support.frameworks import CHAIN, FRAMEWORKS, METRICS, code_of
from support.kube import Kube, Object, function, run
from support.store import read_parquet

IMAGE = "localhost/mlrun-operator/wrapper-ml:dev"
pytestmark = pytest.mark.skipif(not os.environ.get("ALL_IMAGES"), reason="wrapper-ml is built where ALL_IMAGES is set")


def done(kube: Kube, name: str, function_name: str, **spec: object) -> Object:
    """Return the status of a run that has succeeded."""
    kube.apply(run(name, function_name, **spec))
    status = kube.finished(name, 240)
    assert status["phase"] == "Succeeded", status["message"]
    return status


def model_of(status: Object) -> str:
    (model,) = (output["key"] for output in status["outputs"].values() if output["kind"] == "model")
    return str(model)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_model_of_each_framework_is_trained_and_evaluated(kube: Kube, name: str) -> None:
    for handler in ("train", "evaluate"):
        kube.apply(function(handler, code=code_of(name), handler=handler, image=IMAGE))
    trained = done(kube, "trained", "train")
    evaluated = done(kube, "evaluated", "evaluate", parameters={"model": model_of(trained)})
    metrics = {metric: trained["results"][metric] for metric in METRICS}
    assert {metric: evaluated["results"][f"evaluation_{metric}"] for metric in METRICS} == metrics


def test_train_evaluate_predict_and_batch_inference(kube: Kube) -> None:
    for handler in ("train", "evaluate", "predict", "infer"):
        kube.apply(function(handler, code=CHAIN, handler=handler, image=IMAGE))
    trained = done(kube, "trained", "train")
    model, outputs = {"model": model_of(trained)}, trained["outputs"]
    unseen, labelled = ({"rows": outputs[name]["key"]} for name in ("unseen", "labelled"))

    evaluated = done(kube, "evaluated", "evaluate", parameters=model, inputs=labelled)
    predicted = done(kube, "predicted", "predict", parameters=model, inputs=unseen)
    inferred = done(kube, "inferred", "infer", parameters={**model, "size": 50}, inputs=unseen)

    assert evaluated["results"]["evaluation_accuracy"] == trained["results"]["accuracy"]
    assert (inferred["results"]["framework"], inferred["results"]["batches"]) == ("sklearn", 3)
    prediction = read_parquet(kube.facts, predicted["outputs"]["prediction"]["path"])
    in_batches = read_parquet(kube.facts, inferred["outputs"]["inferred"]["path"])
    assert prediction["predicted"].tolist() == in_batches["predicted"].tolist()
    assert set(prediction["predicted"]) == {0, 1}
