"""Argo CD's own engine over the settings that we ship, and Flux's kstatus: the same objects, the same judgement."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.argo import judged_by_argo_cd
from support.kstatus import Kstatus
from support.lua import NOW

from argocd import snippet
from devcluster.tools import ARGOCD

FOLDERS = sorted(path for path in snippet.SCRIPTS.glob("*/*"))
# Flux goes on where Argo CD shows that somebody holds the run.
SAME = {"Healthy": "Current", "Suspended": "Current", "Progressing": "InProgress", "Degraded": "Failed"}


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    ARGOCD.ensure()


def health_cases() -> list[Any]:
    return [
        pytest.param(
            folder / case["inputPath"], case["healthStatus"], id=f"{folder.name}-{Path(case['inputPath']).stem}"
        )
        for folder in FOLDERS
        for case in yaml.safe_load((folder / "health_test.yaml").read_text())["tests"]
    ]


def action_cases() -> list[Any]:
    found = []
    for folder in (folder / "actions" for folder in FOLDERS):
        for case in yaml.safe_load((folder / "action_test.yaml").read_text())["actionTests"]:
            name = f"{folder.parent.name}-{case['action']}-{Path(case['inputPath']).stem}"
            found.append(pytest.param(folder, case, id=name))
    return found


@pytest.mark.parametrize(("file", "expected"), health_cases())
def test_argo_cd_judges_as_the_test_data_says(file: Path, expected: dict[str, str]) -> None:
    said = judged_by_argo_cd("health", file)
    assert f"STATUS: {expected['status']}\nMESSAGE: {expected['message']}" in said


@pytest.mark.parametrize(("folder", "case"), action_cases())
def test_argo_cd_acts_as_the_test_data_says(folder: Path, case: Any) -> None:
    told, _, made = judged_by_argo_cd("run-action", folder / case["inputPath"], case["action"]).partition(":\n")
    found, wanted = yaml.safe_load(made), yaml.safe_load((folder / case["expectedOutputPath"]).read_text())
    if isinstance(wanted, list):
        assert told == "Following resource was created"
        assert [found] == wanted
    else:
        assert told == "Following fields have been changed"
        if wanted["spec"].get("rerun") == NOW:
            found["spec"]["rerun"] = str(found["spec"]["rerun"]) and NOW
        assert found == wanted


@pytest.mark.parametrize(("file", "expected"), health_cases())
def test_kstatus_judges_alike(file: Path, expected: dict[str, str], kstatus: Kstatus) -> None:
    found, message = kstatus.of(yaml.safe_load(file.read_text()))
    assert found == SAME[expected["status"]], message
