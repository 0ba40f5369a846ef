"""The other example repositories: rendered and taken by the API server; tenants by the real ApplicationSet."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support.argo import Argo
from support.gitserver import Repository
from support.kube import REPOSITORY, Kube, Object, eventually, install_crds

from deploy import Target, deploy

ENVIRONMENTS = REPOSITORY / "examples" / "gitops-environments"
TENANTS = REPOSITORY / "examples" / "gitops-tenants"


def rendered(kube: Kube, folder: Path) -> list[Object]:
    return [obj for obj in yaml.safe_load_all(kube.kubectl("kustomize", str(folder))) if obj]


def taken(kube: Kube, *objects: Object) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    kube.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=text)


@pytest.mark.usefixtures("argo")
def test_environments_differ_as_their_overlays_say() -> None:
    install_crds()
    kube = Kube("default")
    found = {stage: rendered(kube, ENVIRONMENTS / "overlays" / stage) for stage in ("dev", "prod")}
    days = {
        stage: [obj["spec"]["parameters"]["days"] for obj in objects if obj["kind"] == "MlrunRun"]
        for stage, objects in found.items()
    }
    assert days == {"dev": [3], "prod": [365, 365]}
    for stage, objects in found.items():
        assert {obj["metadata"]["namespace"] for obj in objects} == {f"forecast-{stage}"}
        for obj in objects:
            obj["metadata"]["namespace"] = "default"
        taken(kube, *objects)
    applications = [
        yaml.safe_load(file.read_text()) for file in ENVIRONMENTS.glob("**/*.yaml") if "base" not in str(file)
    ]
    taken(Kube("argocd"), *(obj for obj in applications if obj["kind"] == "Application"))


@pytest.fixture
def environments(argo: Argo, repositories: Path) -> Iterator[Repository]:
    """The repository of the environments, its root applied."""
    repository = Repository(repositories, "forecast.git")
    shutil.copytree(ENVIRONMENTS, repository.clone, dirs_exist_ok=True)
    for file in (repository.clone / "root.yaml", *(repository.clone / "apps").glob("*.yaml")):
        there = "https://git.example.org/team/forecast.git"
        assert there in file.read_text()
        file.write_text(file.read_text().replace(there, f"file://{repository.bare}"))
    repository.push()
    deploy(Target.here())
    argo.kube.apply(yaml.safe_load((repository.clone / "root.yaml").read_text()))
    yield repository
    argo.cli("app", "delete", "forecast", "--cascade", "--yes", check=False)
    gone = lambda: not argo.kube.kubectl("get", "application", "forecast", "--ignore-not-found")  # noqa: E731
    eventually(gone, "the root is gone", 120)
    argo.kube.kubectl("delete", "application", "forecast-dev", "forecast-prod", "--ignore-not-found")
    argo.kube.kubectl("delete", "namespace", "forecast-dev", "forecast-prod", "--ignore-not-found", "--wait=false")


@pytest.mark.usefixtures("environments")
def test_prod_comes_after_dev_is_healthy(argo: Argo) -> None:
    """Nothing but what integrations/argocd ships tells Argo CD how healthy runs and Applications are."""
    argo.settled("forecast")
    argo.settled("forecast-prod")
    ended = Kube("forecast-dev").finished("forecast")
    assert ended["phase"] == "Succeeded"
    prod = argo.kube.get("application", "forecast-prod")
    assert prod["metadata"]["creationTimestamp"] >= ended["completionTime"], "prod waits for the run of dev"
    assert argo.health("forecast", "Application", "forecast-dev")["status"] == "Healthy"
    assert Kube("forecast-prod").status("forecast")["results"] == {"mean": 182}
    assert Kube("forecast-prod").status("nightly")["phase"] == "Scheduled"


@pytest.fixture
def tenants(argo: Argo, repositories: Path) -> Iterator[Repository]:
    repository = Repository(repositories, "tenants.git")
    shutil.copytree(TENANTS / "tenants", repository.clone / "tenants")
    repository.push()
    deploy(Target.here())
    text = "---\n".join((TENANTS / name).read_text() for name in ("project.yaml", "applicationset.yaml"))
    text = text.replace("https://git.example.org/platform/tenants.git", f"file://{repository.bare}")
    project, applications = yaml.safe_load_all(text)
    applications["spec"]["generators"][0]["git"]["requeueAfterSeconds"] = 5  # not three minutes
    argo.kube.apply(project, applications)
    yield repository
    argo.kube.kubectl("delete", "applicationset", "tenants", "--wait=true")
    argo.kube.kubectl("delete", "appproject", "tenants")
    argo.kube.kubectl("delete", "namespace", "tenant-blue", "tenant-green", "--ignore-not-found", "--wait=false")


def test_each_tenant_has_an_application_and_a_namespace(argo: Argo, tenants: Repository) -> None:
    def names() -> list[str]:
        return sorted(app["metadata"]["name"] for app in argo.kube.all("applications"))

    eventually(lambda: {"tenant-blue", "tenant-green"} <= set(names()), "both Applications", 90)
    for tenant, run, results in (("blue", "double", {"twice": 4}), ("green", "triple", {"thrice": 9})):
        argo.settled(f"tenant-{tenant}")
        assert Kube(f"tenant-{tenant}").status(run)["results"] == results
    shutil.rmtree(tenants.clone / "tenants" / "green")
    tenants.push()
    eventually(lambda: "tenant-green" not in names(), "the Application of a removed folder goes", 240)
