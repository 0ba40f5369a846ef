"""mlrun.frameworks: each whose library is in wrapper-ml trains, logs, loads and evaluates a model by `apply_mlrun`."""

from collections.abc import Callable

import pytest
from support.frameworks import FRAMEWORKS, METRICS, PLOTS, code_of
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
