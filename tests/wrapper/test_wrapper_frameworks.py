"""mlrun.frameworks: each whose library is in wrapper-ml trains, logs, loads and evaluates a model by `apply_mlrun`."""

from collections.abc import Callable

import pytest
from support.frameworks import CHAIN, FRAMEWORKS, METRICS, PLOTS, code_of
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo

Run = Callable[..., Ended]

IMPORTS = """
import importlib, pkgutil
import mlrun.frameworks

def handler():
    missing = {}
    for module in pkgutil.iter_modules(mlrun.frameworks.__path__):
        try:
            importlib.import_module(f"mlrun.frameworks.{module.name}")
        except ModuleNotFoundError as error:
            missing[module.name] = error.name
    return missing
"""


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_model_is_trained_logged_loaded_and_evaluated(run: Run, file_store: StoreInfo, name: str) -> None:
    code = code_of(name)
    trained = run(envelope(code, "train", store=file_store))
    assert trained.reason == "Succeeded", trained.log
    assert {"test_set", "feature-importance", *PLOTS} < trained.result.outputs.keys()
    (model,) = (output for output in trained.result.outputs.values() if output.kind == "model")

    evaluated = run(envelope(code, "evaluate", store=file_store, parameters={"model": model.key}))
    assert evaluated.reason == "Succeeded", evaluated.log
    assert {f"evaluation-{plot}" for plot in PLOTS} < evaluated.result.outputs.keys()
    results = evaluated.result.results
    assert results["classes"] == [0, 1]
    metrics = {name: trained.result.results[name] for name in METRICS}
    assert {name: results[f"evaluation_{name}"] for name in METRICS} == metrics
    assert metrics["accuracy"] > 0.7


def test_every_framework_is_imported_whose_library_is_there(run: Run, file_store: StoreInfo) -> None:
    """The others are what docs/images.md has requirements for."""
    ended = run(envelope(IMPORTS, store=file_store))
    assert ended.reason == "Succeeded", ended.log
    expected = {"huggingface": "transformers", "onnx": "onnx", "pytorch": "torch", "tf_keras": "tensorflow"}
    assert ended.result.results["return"] == expected


def test_a_model_is_evaluated_and_used_by_what_its_artifact_says(run: Run, s3_store: StoreInfo) -> None:
    """Each step is a run of its own, which knows of the model what the store has."""

    def step(handler: str, rows: str = "", **parameters: object) -> Ended:
        inputs = {"rows": f"store://demo/dataitem/table/{rows}"} if rows else {}
        ended = run(envelope(CHAIN, handler, store=s3_store, inputs=inputs, parameters=parameters))
        assert ended.reason == "Succeeded", ended.log
        return ended

    trained = step("train")
    model = "store://demo/model/model/cancer"
    assert (
        step("evaluate", "labelled", model=model).result.results["evaluation_accuracy"]
        == (trained.result.results["accuracy"])
    )
    assert "prediction" in step("predict", "unseen", model=model).result.outputs
    inferred = step("infer", "unseen", model=model, size=50)
    assert (inferred.result.results["framework"], inferred.result.results["batches"]) == ("sklearn", 3)
