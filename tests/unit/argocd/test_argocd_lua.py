"""Argo CD's health checks and actions, over the test data that lies beside them in Argo CD's own format.

Argo CD itself runs the same data in tests/gitops.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa.lua51 import LuaError  # type: ignore[import-untyped]
from support.lua import cleaned, run_script

from argocd import snippet
from mlrun_operator.api.v1alpha1.status import Phase

KINDS = sorted(path.relative_to(snippet.SCRIPTS) for path in snippet.SCRIPTS.glob("*/*"))
RUN = snippet.SCRIPTS / "mlrun-operator.dev" / "MlrunRun"


def cases(file: str, section: str) -> list[Any]:
    """(folder, case) of all kinds."""
    found = []
    for kind in KINDS:
        at = snippet.SCRIPTS / kind / file
        found += [
            pytest.param(
                at.parent, case, id=f"{kind.name}-{case.get('action', section)}-{Path(case['inputPath']).stem}"
            )
            for case in yaml.safe_load(at.read_text())[section]
        ]
    return found


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize(("folder", "case"), cases("health_test.yaml", "tests"))
def test_health_is_what_its_test_data_says(folder: Path, case: Any) -> None:
    found = run_script((folder / "health.lua").read_text(), read(folder / case["inputPath"]))
    assert found == case["healthStatus"]


@pytest.mark.parametrize(("folder", "case"), cases("actions/action_test.yaml", "discoveryTests"))
def test_actions_are_offered_as_the_test_data_says(folder: Path, case: Any) -> None:
    found = run_script((folder / "discovery.lua").read_text(), read(folder / case["inputPath"]))
    offered = [{"name": name, **{k: v for k, v in action.items() if v is not False}} for name, action in found.items()]
    assert sorted(offered, key=lambda a: a["name"]) == sorted(case["result"], key=lambda a: a["name"])


@pytest.mark.parametrize(("folder", "case"), cases("actions/action_test.yaml", "actionTests"))
def test_an_action_does_what_the_test_data_says(folder: Path, case: Any) -> None:
    before, expected = read(folder / case["inputPath"]), read(folder / case["expectedOutputPath"])
    made = run_script((folder / case["action"] / "action.lua").read_text(), before)
    if isinstance(made, list):
        assert [(step["operation"], step["resource"]) for step in made] == [("create", obj) for obj in expected]
    else:
        assert cleaned(made, before) == expected


def test_every_action_has_a_test() -> None:
    for kind in KINDS:
        folder = snippet.SCRIPTS / kind / "actions"
        tested = {case["action"] for case in read(folder / "action_test.yaml")["actionTests"]}
        assert tested == {script.parent.name for script in folder.glob("*/action.lua")}


def test_every_phase_has_a_health() -> None:
    phases = {read(file).get("status", {}).get("phase") for file in (RUN / "testdata").glob("*.yaml")}
    assert phases == {None, *Phase}


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ({}, {"status": "Progressing", "message": ""}),
        ({"status": {"sync": {"status": "OutOfSync"}}}, {"status": "Progressing", "message": ""}),
        ({"status": {"health": {"status": "Missing"}}}, {"status": "Missing", "message": ""}),
        ({"status": {"health": {"status": "Healthy"}}}, {"status": "Healthy", "message": ""}),
        ({"status": {"health": {"status": "Degraded", "message": "x"}}}, {"status": "Degraded", "message": "x"}),
    ],
)
def test_an_application_is_as_healthy_as_it_says(status: Any, health: Any) -> None:
    (script,) = snippet.of_applications().values()
    assert run_script(script, {"kind": "Application", **status}) == health


def test_the_settings_of_the_two_files_are_apart() -> None:
    assert list(snippet.of_applications()) == ["resource.customizations.health.argoproj.io_Application"]
    assert not set(snippet.settings()) & set(snippet.of_applications())


def test_scripts_have_no_more_of_lua_than_argo_cd_gives_them() -> None:
    for beyond in ('return string.upper("x")', "return io.open", 'return ("x"):upper()', 'return require("io")'):
        with pytest.raises(LuaError):
            run_script(f"local found = (function() {beyond} end)(); assert(found)", {})


def test_the_settings_in_the_repository_are_the_scripts() -> None:
    assert snippet.FILE.read_text() == snippet.text()
    (kind, *_) = (f"{kind.parent.name}_{kind.name}" for kind in (RUN,))
    written = yaml.safe_load(snippet.FILE.read_text())["data"]
    assert written[f"resource.customizations.health.{kind}"] == (RUN / "health.lua").read_text()
    actions = yaml.safe_load(written[f"resource.customizations.actions.{kind}"])
    scripts = {each["name"]: each["action.lua"] for each in actions["definitions"]}
    assert scripts["rerun"] == (RUN / "actions" / "rerun" / "action.lua").read_text()
