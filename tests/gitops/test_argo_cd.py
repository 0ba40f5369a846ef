"""The example of a single application in a real Argo CD, which installs the operator itself from the chart in Git."""

import json
import re
import shutil
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from support.argo import Argo
from support.gitserver import Repository
from support.kstatus import Kstatus
from support.kube import REPOSITORY, Kube, Object, eventually

import fileserver
from deploy import Target, deploy
from deploy.image import DeployedImage
from deploy.install import NAMESPACE, RELEASE
from deploy.values import values

EXAMPLE = REPOSITORY / "examples" / "gitops-single-app"
APP = "weather"


class Team:
    """The Application `weather`, its repository, and its namespace."""

    def __init__(self, argo: Argo, repository: Repository, kube: Kube) -> None:
        self.argo, self.repository, self.kube = argo, repository, kube
        self.folder = repository.clone / "weather"

    def file(self, name: str) -> str:
        return (self.folder / name).read_text()

    def commit(self, **files: str | None) -> str:
        """Change files of the team, or delete them, and say which commit that is."""
        for name, text in files.items():
            path = self.folder / f"{name}.yaml"
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        return self.repository.push()

    def synced(self, revision: str, health: str = "Healthy") -> Object:
        return self.argo.settled(APP, revision=revision, health=health)

    def executions(self) -> dict[str, int]:
        return {
            run["metadata"]["name"]: run["status"]["execution"]["number"]
            for run in self.kube.all("mlr")
            if "execution" in run.get("status", {})
        }


@pytest.fixture(scope="module")
def team(argo: Argo, repository: Repository) -> Iterator[Team]:
    """The example, synced: Argo CD has installed the operator, and all runs have ended well."""
    kube = Kube(f"weather-{uuid4().hex[:6]}")
    team = Team(argo, repository, kube)
    _fill(repository.clone, kube.namespace)
    revision = repository.push()
    target = Target.here()
    target.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
    try:
        argo.kube.apply(_application(repository, kube, target))
        team.synced(revision)
        yield team
    finally:
        argo.cli("app", "delete", APP, "--cascade", "--yes", check=False)
        gone = lambda: not argo.kube.kubectl("get", "application", APP, "--ignore-not-found")  # noqa: E731
        eventually(gone, "the Application is gone", 120)
        deploy(target)


def _fill(clone: Path, namespace: str) -> None:
    """The repository: CRDs and chart of this tree, and the team's folder in a namespace of its own."""
    shutil.copytree(REPOSITORY / "charts", clone / "charts")
    shutil.copytree(EXAMPLE / "weather", clone / "weather")
    for file in (clone / "weather").glob("*.yaml"):
        text = file.read_text().replace("namespace: weather", f"namespace: {namespace}")
        file.write_text(
            text.replace("name: weather\n", f"name: {namespace}\n").replace("//weather/", f"//{namespace}/")
        )


def _application(repository: Repository, kube: Kube, target: Target) -> Object:
    app: Object = yaml.safe_load((EXAMPLE / "application.yaml").read_text())
    for source in app["spec"]["sources"]:
        source["repoURL"] = f"file://{repository.bare}"
        if source["path"] == "charts/mlrun-operator":
            operator, wrapper = (DeployedImage.of(name, target) for name in ("operator", "wrapper"))
            source["helm"]["valuesObject"] = values(target.facts, operator, wrapper, fileserver.certificate())
    return app


def test_the_waves_come_one_after_the_other(team: Team) -> None:
    first, summary = team.kube.get("mlr", "first-week"), team.kube.get("mlr", "summary")
    assert first["status"]["phase"] == summary["status"]["phase"] == "Succeeded"
    assert first["status"]["completionTime"] <= summary["metadata"]["creationTimestamp"]
    assert summary["status"]["results"] == {"warmest": 24}
    assert team.kube.status("nightly")["phase"] == "Scheduled"
    assert team.executions() == {"first-week": 1, "summary": 1}
    assert team.argo.health(APP, "MlrunFunction", "measure") == {"status": "Healthy", "message": "runs of it can start"}


def test_syncing_again_and_self_heal_change_nothing_and_run_nothing(team: Team) -> None:
    def objects() -> list[str]:
        """All that they say; a server-side apply that changes nothing else still notes its time in managedFields."""
        found = team.kube.all("mlr,mlf,cronjobs")
        for obj in found:
            del obj["metadata"]["resourceVersion"]
        return yaml.safe_dump(found).splitlines()

    before = objects()
    for _ in range(3):
        team.argo.cli("app", "sync", APP, "--timeout=120")
        team.argo.cli("app", "get", APP, "--hard-refresh")
        assert team.argo.app(APP)["status"]["sync"]["status"] == "Synced"
    written = list(unified_diff(before, objects(), lineterm=""))
    assert not written, "\n".join(written)
    team.kube.patch("first-week", ttlSecondsAfterFinished=7200)
    eventually(lambda: team.kube.get("mlr", "first-week")["spec"]["ttlSecondsAfterFinished"] == 3600, "self-heal")
    team.argo.settled(APP)
    assert team.executions() == {"first-week": 1, "summary": 1}


def test_a_changed_parameter_runs_that_run_again_once(team: Team) -> None:
    revision = team.commit(runs=team.file("runs.yaml").replace("{days: 7}", "{days: 8}"))
    team.synced(revision)
    assert team.kube.status("first-week")["results"] == {"days": 8}
    assert team.executions() == {"first-week": 2, "summary": 1}


def test_changed_code_runs_nothing_that_has_ended(team: Team) -> None:
    revision = team.commit(functions=team.file("functions.yaml").replace("20 + day", "30 + day"))
    team.synced(revision)
    eventually(lambda: "FunctionChanged" in str(team.kube.status("first-week")["conditions"]), "it is said")
    assert team.executions() == {"first-week": 2, "summary": 1}
    health = team.argo.health(APP, "MlrunRun", "first-week")
    assert health["status"] == "Healthy"
    assert "the function has changed since this run" in health["message"]


def test_run_again_from_argo_cd_stays_done_under_self_heal(team: Team) -> None:
    offered = team.argo.offered(APP, "MlrunRun", "first-week")
    assert offered == {"rerun": False, "stop": True, "suspend": True, "resume": True}
    team.argo.act(APP, "rerun", "MlrunRun", "first-week")
    eventually(lambda: team.executions()["first-week"] == 3, "execution 3")
    team.kube.reaches("first-week", phase="Succeeded")
    app = team.argo.settled(APP)
    assert app["status"]["sync"]["status"] == "Synced"
    assert "rerun" in team.kube.get("mlr", "first-week")["spec"], "what Git does not speak of is nobody's to take back"
    assert team.executions()["first-week"] == 3


def test_a_schedule_is_suspended_by_hand_where_the_difference_is_ignored(team: Team) -> None:
    team.argo.act(APP, "suspend", "MlrunRun", "nightly")
    team.kube.reaches("nightly", phase="Suspended")
    team.argo.cli("app", "get", APP, "--hard-refresh")
    team.argo.cli("app", "sync", APP, "--timeout=120")
    assert team.argo.settled(APP)["status"]["sync"]["status"] == "Synced"
    assert team.kube.status("nightly")["phase"] == "Suspended", "Git says false, and the action still holds"
    team.argo.act(APP, "trigger", "MlrunRun", "nightly")
    mine = ("-l", "mlrun-operator.dev/run=nightly")
    eventually(lambda: len(team.kube.all("mlr", *mine)) == 1, "a run of the suspended schedule")
    team.argo.act(APP, "resume", "MlrunRun", "nightly")
    team.kube.reaches("nightly", phase="Scheduled")
    eventually(lambda: team.kube.all("mlr", *mine)[0]["status"].get("phase") == "Succeeded", "its end")


def test_without_that_self_heal_takes_the_action_back(team: Team) -> None:
    other = team.file("schedule.yaml").replace("name: nightly", "name: weekly")
    team.synced(team.commit(weekly=other))
    team.argo.act(APP, "suspend", "MlrunRun", "weekly")
    eventually(lambda: team.kube.get("mlr", "weekly")["spec"].get("suspend") is False, "self-heal")
    team.kube.reaches("weekly", phase="Scheduled")
    team.synced(team.commit(weekly=None))
    assert not team.kube.kubectl("get", "mlr", "weekly", "--ignore-not-found"), "a deleted file prunes"


def test_a_run_of_a_function_is_made_and_shown(team: Team) -> None:
    team.argo.act(APP, "create-run", "MlrunFunction", "measure")

    def made() -> list[Object]:
        return [run for run in team.kube.all("mlr") if run["metadata"]["name"].startswith("measure-")]

    (run,) = eventually(made, "the run")
    assert team.kube.finished(run["metadata"]["name"])["phase"] == "Succeeded"
    assert run["metadata"]["name"] in team.argo.cli("app", "get", APP, "--output=tree")
    team.argo.settled(APP)


def test_a_failed_run_degrades_the_application_with_its_reason_until_its_file_goes(
    team: Team, kstatus: Kstatus
) -> None:
    failing = team.file("runs.yaml").split("---")[0].replace("name: first-week", "name: failing")
    revision = team.commit(failing=re.sub(r"{days: \d+}", "{days: none}", failing))
    app = team.synced(revision, health="Degraded")
    health = team.argo.health(APP, "MlrunRun", "failing")
    assert health["status"] == "Degraded"
    assert health["message"].startswith("HandlerFailed: ")
    assert kstatus.of(team.kube.get("mlr", "failing"))[0] == "Failed"
    assert "failing" in json.dumps(app["status"]["operationState"])
    team.synced(team.commit(failing=None))
    assert not team.kube.kubectl("get", "mlr", "failing", "--ignore-not-found")
    assert not team.kube.jobs("failing")


def test_lifetimes_do_not_fight_with_git(team: Team) -> None:
    spec = "  ttlSecondsAfterFinished: 1\n  runTtlSecondsAfterFinished: 1\n"
    text = team.file("runs.yaml").split("---")[0].replace("  # The Job and its pods go after an hour; ", "  # ")
    text = text.replace("name: first-week", "name: short").replace("  ttlSecondsAfterFinished: 3600\n", spec)
    team.synced(team.commit(short=text))
    eventually(lambda: not team.kube.jobs("short"), "the Job goes")
    eventually(lambda: "TTLIgnored" in str(team.kube.status("short")["conditions"]), "it is said")
    team.argo.cli("app", "sync", APP, "--timeout=120")
    team.argo.settled(APP)
    assert team.executions()["short"] == 1
    assert "would bring the run back" in team.argo.health(APP, "MlrunRun", "short")["message"]


def test_everything_in_the_namespace_is_current_for_flux(team: Team, kstatus: Kstatus) -> None:
    judged = {obj["metadata"]["name"]: kstatus.of(obj)[0] for obj in team.kube.all("mlr,mlf")}
    assert set(judged.values()) == {"Current"}, judged


def test_a_new_object_is_not_taken_for_done(team: Team, kstatus: Kstatus) -> None:
    """Before the operator has seen it: the API server itself gives it a status that says so."""
    new = json.dumps({**team.kube.get("mlr", "summary"), "metadata": {"name": "new"}, "status": None})
    made = team.kube.kubectl("create", "-f", "-", "--dry-run=server", "-o", "json", stdin=new)
    assert kstatus.of(json.loads(made))[0] == "InProgress"
