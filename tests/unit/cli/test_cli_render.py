"""`render` gives the Job that the operator makes; `init` a project that renders."""

import json
from pathlib import Path

import yaml
from support.decided import Decided

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.cli.errors import Exit
from mlrun_operator.cli.project import project_files
from mlrun_operator.plan import RunObservation, plan


def test_the_job_is_the_one_that_the_operator_makes(cli, tmp_path: Path, run, function, platform: Platform) -> None:
    """Read back from a cluster, with uid and generation, it is the same to the last byte."""
    from datetime import UTC, datetime

    made = Decided(plan(RunObservation(run, datetime.now(UTC), function), platform)).create
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all([run, function]))
    (tmp_path / "platform.yml").write_text(yaml.safe_dump(platform.wire()))
    said = cli("render", tmp_path / "objects.yaml", "--platform", tmp_path / "platform.yml", "--json")
    assert json.loads(said.out) == made
    said = cli("render", tmp_path / "objects.yaml", "--platform", tmp_path / "platform.yml")
    assert yaml.safe_load(said.out) == made


def test_a_run_whose_function_is_elsewhere_is_not_rendered(cli, tmp_path: Path, run) -> None:
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(run))
    said = cli("render", tmp_path / "run.yaml")
    assert said.code == Exit.NOT_FOUND
    assert "MlrunFunction my-function, which MlrunRun first-run refers to, is not among these files" in said.err


def test_a_run_that_is_not_valid_is_not_rendered(cli, tmp_path: Path, run, function) -> None:
    run["spec"]["inputz"] = {}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([run, function]))
    said = cli("render", tmp_path / "a.yaml")
    assert said.code == Exit.FAILED
    assert "did you mean inputs?" in said.err


def test_only_the_named_run_is_rendered(cli, tmp_path: Path, run, function) -> None:
    other = {**run, "metadata": {**run["metadata"], "name": "other"}}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([run, other, function]))
    assert json.loads(cli("render", "--json", tmp_path / "a.yaml").out)["kind"] == "List"
    said = cli("render", "--run", "other", "-n", "elsewhere", "--json", tmp_path / "a.yaml")
    assert json.loads(said.out)["metadata"]["labels"]["mlrun-operator.dev/run"] == "other"
    assert cli("render", "--run", "none", tmp_path / "a.yaml").code == Exit.NOT_FOUND


def test_platform_settings_that_do_not_exist_are_told(cli, tmp_path: Path) -> None:
    (tmp_path / "platform.yml").write_text("image: x")
    (tmp_path / "a.yaml").write_text("{}")
    said = cli("render", tmp_path / "a.yaml", "--platform", tmp_path / "platform.yml")
    assert said.code == Exit.USAGE
    assert "image: Extra inputs are not permitted" in said.err


def test_the_example_project_is_valid_and_renders(cli, tmp_path: Path) -> None:
    folder = tmp_path / "My Project"
    assert cli("init", folder).code == 0
    assert sorted(file.name for file in folder.iterdir()) == sorted(project_files("x"))
    assert cli("validate", "--strict", folder).code == 0
    job = json.loads(cli("render", folder, "--json").out)
    assert job["metadata"]["labels"]["mlrun-operator.dev/project"] == "my-project"
    function = yaml.safe_load((folder / "function.yaml").read_text())
    assert function["spec"]["source"]["code"] == (folder / "pipeline.py").read_text()


def test_init_writes_nothing_over(cli, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("mine")
    said = cli("init", tmp_path)
    assert said.code == Exit.FAILED
    assert "has run.yaml already" in said.err
    assert [file.name for file in tmp_path.iterdir()] == ["run.yaml"]
