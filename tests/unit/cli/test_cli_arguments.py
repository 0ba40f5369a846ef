"""What `run` makes of its command line, seen by `--dry-run`."""

import doctest
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_operator.cli import arguments
from mlrun_operator.cli.documents import parse
from mlrun_operator.cli.errors import Exit
from mlrun_operator.cli.problems import check
from mlrun_operator.sdk.foreign import quartz


def dry(cli: Any, *words: object) -> list[Any]:
    said = cli("run", *words, "--dry-run")
    assert said.code == 0, said.err
    return list(yaml.safe_load_all(said.out))


@pytest.mark.parametrize("module", [arguments, quartz])
def test_the_examples_in_the_code_are_right(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


def test_a_file_becomes_a_function_and_a_run_that_are_valid(cli, tmp_path: Path) -> None:
    code = tmp_path / "my_pipeline.py"
    code.write_text("def train(context, url, rate):\n    return rate\n")
    words = ["-p", "rate=1e-3", "-p", 'ids:=["1"]', "-i", "url=https://x/y.csv", "-o", "model=best", "-e", "LEVEL=3"]
    function, run = dry(cli, f"{code}:train", *words, "-r", "lightgbm", "--set", "backoffLimit=2", "--name", "one")
    assert function["metadata"]["name"] == "my-pipeline-46e17f"
    assert function["spec"]["handler"] == "train"
    assert function["spec"]["requirements"] == ["lightgbm"]
    assert run["metadata"] == {"name": "one", "labels": {"mlrun-operator.dev/function": "my_pipeline"}}
    assert run["spec"] == {
        "name": "one",
        "functionRef": {"name": "my-pipeline-46e17f"},
        "parameters": {"rate": 0.001, "ids": ["1"]},
        "inputs": {"url": "https://x/y.csv"},
        "outputs": {"model": "best"},
        "env": [{"name": "LEVEL", "value": "3"}],
        "backoffLimit": 2,
    }
    assert check(parse(yaml.safe_dump_all([function, run]), "")) == []


def test_parameters_of_a_file_are_overridden_on_the_command_line(cli, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("a: 1\nb: {c: 2}\n")
    (run,) = dry(cli, "fn", "--params-file", tmp_path / "p.yaml", "-p", "a=x", "-n", "team")
    assert run["spec"]["parameters"] == {"a": "x", "b": {"c": 2}}
    assert run["metadata"]["namespace"] == "team"


def test_a_number_with_a_point_stays_a_float(cli) -> None:
    (run,) = dry(cli, "fn", "-p", "a=1.0", "-p", "b=1", "-p", "c:=2.0", "-p", "d=1e3", "-x", "rate=0.5,1.0")
    pointers = ["/parameters/a", "/parameters/c", "/parameters/d", "/hyperparameters/params/rate"]
    assert run["spec"]["floatParameters"] == pointers
    assert dry(cli, "fn", "-p", "b=1")[0]["spec"]["floatParameters"] == []


def test_a_sweep_is_made_of_lists_or_of_values_with_commas(cli) -> None:
    words = ["-x", "rate=0.1,1e-3", "-x", "name=[a, 'b,c']", "--selector", "min.loss", "--fan-out"]
    (run,) = dry(cli, "fn", *words)
    assert run["spec"]["hyperparameters"] == {
        "params": {"rate": [0.1, 0.001], "name": ["a", "b,c"]},
        "selector": "min.loss",
        "placement": "FanOut",
    }
    assert "hyperparameters" not in dry(cli, "fn")[0]["spec"]


def test_formats_of_a_dry_run(cli) -> None:
    assert cli("run", "fn", "--dry-run", "-o", "name", "--name", "a").out == "mlrunrun/a\n"
    assert json.loads(cli("run", "fn", "--dry-run", "--json", "--name", "a").out)["kind"] == "MlrunRun"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.py"], "nowhere.py does not exist"),
        (["fn", "-p", "x"], "-p x: has the form name=value, or name:=JSON"),
        (["fn", "-p", "x:={"], "-p x:={: "),
        (["fn", "-p", "x=[1"], "-p x=[1: "),
        (["fn", "-i", "url"], "-i url: has the form name=URL or key"),
        (["fn", "-x", "rate"], "-x rate: has the form name=value,value,…"),
        (["fn", "-x", "rate=[1"], "-x rate=[1: "),
        (["fn", "--fan-out"], "--selector, --strategy and --fan-out are of a sweep"),
        (["fn", "-x", "a=1,2", "-x", "b=1", "--strategy", "list"], "a has 2, b has 1"),
        (["fn", "-o", "csv"], "-o csv: is neither a format (yaml, json, name) nor output=name"),
        (["fn", "--set", "bakoffLimit=1"], "bakoffLimit: is no argument of run"),
        (["fn", "--set", "backoffLimit=x"], "backoff_limit"),
        (["fn", "--handler", "h"], "are of files"),
        (["fn", "--project", "a/b"], ""),
    ],
)
def test_a_wrong_command_line_is_told_before_anything_happens(cli, words: list[str], said: str) -> None:
    told = cli("run", *words, "--dry-run")
    assert told.code == Exit.USAGE or not said
    assert said in told.err


def test_a_parameters_file_must_be_an_object(cli, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("- 1\n")
    said = cli("run", "fn", "--params-file", tmp_path / "p.yaml", "--dry-run")
    assert said.code == Exit.USAGE
    assert "must be one YAML or JSON object" in said.err
