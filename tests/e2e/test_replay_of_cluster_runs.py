"""A run that failed in the cluster fails alike on the laptop, with the versions of its inputs that the cluster read."""

import json
from pathlib import Path

import pytest
from support.kube import Kube, eventually, function, run
from support.users import user_kubeconfig

from mlrun_operator.cli.main import main

MAKES = """
import pandas as pd


def handler(context, rows):
    context.log_dataset("table", pd.DataFrame({"x": range(rows)}), format="parquet")
    context.log_model("model", body=b"weights", model_file="model.bin")
"""
READS = """
def handler(context, table, model, rate: float):
    from mlrun.artifacts import get_model

    file, record, _ = get_model(model)
    raise ValueError(f"{len(table.as_df())} rows, {open(file).read()}, {rate!r}")
"""
MESSAGE = "ValueError: 3 rows, weights, 1.0"


def test_a_failed_run_is_replayed_to_the_same_exception(
    kube: Kube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kube.apply(
        function("makes", code=MAKES),
        function("reads", code=READS),
        run("made", "makes", project="lab", parameters={"rows": 3}, outputs={"table": "table", "model": "model"}),
    )
    assert kube.finished("made")["phase"] == "Succeeded"
    inputs = {
        name: f"store://lab/{kind}/{name}" for name, kind in (("table", "dataitem/table"), ("model", "model/model"))
    }
    kube.apply(
        run(
            "fails",
            "reads",
            project="lab",
            inputs=inputs,
            parameters={"rate": 1.0},
            floatParameters=["/parameters/rate"],
        )
    )
    assert kube.finished("fails")["message"].startswith(MESSAGE)
    kube.patch("made", parameters={"rows": 5})  # a newer version, which the run has not read
    eventually(lambda: kube.status("made")["execution"]["number"] == 2, "the newer version's execution", 60)
    assert kube.finished("made")["phase"] == "Succeeded"
    monkeypatch.setenv("KUBECONFIG", str(user_kubeconfig(kube, tmp_path)))
    monkeypatch.setenv("MLRUN_OPERATOR_HOME", str(tmp_path / "home"))
    capsys.readouterr()
    assert main(["replay", "fails", "-n", kube.namespace]) == 0
    said = capsys.readouterr()
    assert f"fails ends here as it did: HandlerFailed: {MESSAGE}" in said.out
    assert main(["--json", "replay", "fails", "-n", kube.namespace]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["same"] is True
    assert not [each for each in told["differences"] if not each.startswith("package ")]
    kube.apply(function("reads", code=READS.replace("raise ValueError", "raise KeyError")))
    assert main(["replay", "fails", "-n", kube.namespace]) != 0
    assert "its function has changed since it ran" in capsys.readouterr().err
    assert main(["replay", "fails", "--current", "-n", kube.namespace]) == 1
    assert "fails ends otherwise here: HandlerFailed: KeyError" in capsys.readouterr().out
