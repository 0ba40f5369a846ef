"""The program as a whole: quick, quiet, and clear about what is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from mlrun_operator.cli import program
from mlrun_operator.cli.app import app
from mlrun_operator.cli.errors import MEANINGS, Exit

BIN = Path(sys.executable).parent
assert program.VERBS  # importing them adds them
VERBS = list(typer.main.get_group(app).commands)
HEAVY = ("kubernetes", "kopf", "mlrun", "boto3", "pandas", "aiohttp", "rich")


def test_help_imports_nothing_heavy() -> None:
    """Of any verb: an import that one brings is in the process for all."""
    code = f"""
import sys
from mlrun_operator.cli.main import main
for verb in {VERBS!r}:
    main([verb, "--help"])
main(["--help"])
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "Usage: mlrunctl validate" in done.stdout


@pytest.mark.parametrize("name", ["mlrunctl", "kubectl-mlrun"])
def test_the_program_is_installed_under_both_names(name: str) -> None:
    done = subprocess.run([BIN / name, "version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("mlrunctl 0.")


def test_without_its_extra_the_program_says_which_one() -> None:
    code = "import sys; sys.modules['typer'] = None; from mlrun_operator.cli.main import run; run()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == Exit.USAGE
    assert done.stderr == "error: typer is not installed\n       pip install 'mlrun-operator[cli]'\n"


def test_a_wrong_verb_is_one_sentence_and_a_way_on(cli) -> None:
    said = cli("valdate", "x")
    assert said.code == Exit.USAGE
    assert said.err.splitlines()[0] == "error: No such command 'valdate'. Did you mean 'validate'?"


def test_errors_are_json_where_json_was_asked_for(cli) -> None:
    said = cli("validate", "/nowhere.yaml", "--json")
    assert json.loads(said.err) == {
        "error": "/nowhere.yaml: No such file or directory",
        "hint": "Name a file, a folder with manifests, or - for standard input.",
        "exitCode": 2,
    }


def test_a_traceback_is_shown_only_when_it_is_asked_for(cli) -> None:
    assert "Traceback" not in cli("validate", "/nowhere.yaml").err
    assert "Traceback" in cli("validate", "/nowhere.yaml", "-v").err


def test_common_options_stand_before_or_after_the_verb(cli) -> None:
    assert cli("--json", "version").out == cli("version", "--json").out


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Exit)


def test_completion_knows_verbs_and_options() -> None:
    script = subprocess.run([BIN / "mlrunctl", "completion", "bash"], capture_output=True, text=True, check=True)
    assert "_MLRUNCTL_COMPLETE=complete_bash" in script.stdout
    asked = {"COMP_WORDS": "mlrunctl vali", "COMP_CWORD": "1", "_MLRUNCTL_COMPLETE": "complete_bash"}
    found = subprocess.run([BIN / "mlrunctl"], capture_output=True, text=True, check=False, env={**os.environ, **asked})
    assert found.stdout.split() == ["validate"]


def test_kubectl_completes_its_plugin() -> None:
    """In kubectl's form: one completion a line, at last a directive."""
    found = subprocess.run([BIN / "kubectl_complete-mlrun", "val"], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["validate", ":4"]
