"""What must have passed before the release workflow publishes anything."""

from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOWS = Path(__file__).resolve().parents[3] / ".github" / "workflows"


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((WORKFLOWS / "release.yaml").read_text())["jobs"]
    return found


def publishing() -> list[str]:
    """The jobs that write to a registry, to PyPI or to the releases."""
    return [
        name
        for name, job in jobs().items()
        if job.get("environment")
        or {"packages", "contents"} & {k for k, v in job["permissions"].items() if v == "write"}
    ]


def needed(name: str) -> set[str]:
    """The jobs that must have passed before a job starts."""
    needs = jobs()[name].get("needs", [])
    return set(needs).union(*map(needed, needs))


def test_the_jobs_that_publish_are_known() -> None:
    assert publishing() == ["images", "charts", "pypi", "publish"]


@pytest.mark.parametrize("job", publishing())
def test_nothing_is_published_untested_or_with_an_advisory(job: str) -> None:
    assert {"test", "audit"} <= needed(job)


@pytest.mark.parametrize("workflow", ["release", "nightly"])
def test_the_audit_may_fail_its_workflow(workflow: str) -> None:
    job = yaml.safe_load((WORKFLOWS / f"{workflow}.yaml").read_text())["jobs"]["audit"]
    assert job["steps"][-1] == {"run": "make audit"}
    assert "continue-on-error" not in job
