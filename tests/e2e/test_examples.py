"""Every example, applied as its README says."""

import hashlib
import io
import os
import zipfile
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pandas.testing import assert_frame_equal
from support.gitserver import GitServer
from support.kube import REPOSITORY, Kube, Object, eventually
from support.store import read_bytes, read_parquet, write_bytes

EXAMPLES = REPOSITORY / "examples"
PUBLIC = "https://raw.githubusercontent.com/vega/vega-datasets/v1.29.0/data"


def manifests(example: str, **replaced: str) -> list[Object]:
    found: list[Object] = []
    for file in sorted((EXAMPLES / example).glob("*.yaml")):
        text = file.read_text()
        for old, new in replaced.items():
            text = text.replace(old, new)
        found += [obj for obj in yaml.safe_load_all(text) if obj]
    return found


def test_the_documented_function_stores_its_dataset(kube: Kube, data_url: str, datasets: Path) -> None:
    kube.apply(*manifests("01-hello-downloader", **{PUBLIC: data_url}))
    phases = []

    def ended() -> bool:
        phase = kube.status("download-weather").get("phase")
        if phase and phase not in phases:
            phases.append(phase)
        return phase in ("Succeeded", "Failed")

    eventually(ended, "the run ends", 90)
    assert phases == ["Pending", "Running", "Succeeded"], kube.status("download-weather").get("message")
    status = kube.status("download-weather")
    output = status["outputs"]["dataset"]
    assert output["kind"] == "table"
    assert output["key"].startswith("store://project-mlrun/dataitem/table/dataset:")
    assert output["preview"]["rows"] == 1461
    stored = read_bytes(kube.facts, output["path"])
    assert len(stored) == output["size"]
    assert hashlib.sha256(stored).hexdigest() == output["sha256"]
    expected = pd.read_csv(datasets / "seattle-weather.csv")
    assert_frame_equal(read_parquet(kube.facts, output["path"]), expected)
    assert status["image"] == {"requested": "mlrun/mlrun", "resolved": "localhost/mlrun-operator/wrapper:dev"}
    (read,) = status["inputs"]
    assert read["sha256"] == hashlib.sha256((datasets / "seattle-weather.csv").read_bytes()).hexdigest()
    assert len(kube.events("download-weather")) <= 4


def test_inline_code_keeps_the_named_results(kube: Kube) -> None:
    kube.apply(*manifests("02-inline-code"))
    assert kube.finished("temperatures")["results"] == {"mean": 52.23, "warmest": 55.04}


def test_a_function_by_its_original_name(kube: Kube) -> None:
    kube.apply(*manifests("03-original-name"))
    status = kube.finished("run-my-function")
    assert status["results"]["greeting"] == "Hello, Ada"
    assert status["function"]["name"] == "my_function"


def test_a_failing_handler_is_explained_and_mended(kube: Kube) -> None:
    kube.apply(*manifests("04-failing-handler"))
    status = kube.finished("failing")
    assert (status["phase"], status["reason"]) == ("Failed", "HandlerFailed")
    assert "ZeroDivisionError: division by zero" in status["message"]
    assert status["results"]["a"] == 1
    log = kube.kubectl("logs", f"job/{status['jobName']}")
    assert 'context.log_result("quotient", a / b)' in log
    assert "mlrun_wrapper" not in log.split("Traceback")[-1]
    kube.apply(*manifests("04-failing-handler", **{"b: 0": "b: 2"}))
    eventually(lambda: kube.status("failing").get("phase") == "Succeeded", "the mended run succeeds", 90)
    assert [e["phase"] for e in kube.status("failing")["executions"]] == ["Failed"]


def test_rerun_throws_the_dice_again(kube: Kube) -> None:
    kube.apply(*manifests("05-rerun"))
    assert kube.finished("dice")["execution"]["number"] == 1
    kube.patch("dice", rerun="second")
    eventually(lambda: kube.status("dice")["execution"]["number"] == 2, "execution 2")
    assert 1 <= kube.reaches("dice", phase="Succeeded")["results"]["dice"] <= 6


def test_one_run_reads_what_another_one_stored(kube: Kube) -> None:
    make, add = manifests("06-two-steps")
    kube.apply(make)
    assert kube.finished("make-squares")["phase"] == "Succeeded"
    kube.apply(add)
    assert kube.finished("add-squares")["results"]["sum"] == sum(n * n for n in range(100))


def test_a_schedule_runs_its_past(kube: Kube) -> None:
    kube.apply(*manifests("10-schedule"))

    def past() -> list[Object]:
        runs = kube.all("mlr", "-l", "mlrun-operator.dev/run=hourly-report", "--field-selector=status.phase=Succeeded")
        return runs if len(runs) == 4 else []

    runs = eventually(past, "four hours of the past", 120)
    hours = ["23:00", "00:00", "01:00", "02:00", "03:00"]
    intervals = {f"{start} to {end} UTC" for start, end in pairwise(hours)}
    assert {r["status"]["results"]["interval"] for r in runs} == intervals
    assert {r["status"]["results"]["hours"] for r in runs} == {1.0}
    schedule = kube.reaches("hourly-report", phase="Scheduled")["schedule"]
    assert schedule["backfill"]["progress"] == "4/4"


def test_a_repository_with_a_token(kube: Kube, data_url: str, git_server: GitServer) -> None:
    folder, token = EXAMPLES / "07-git-source" / "repository", "glpat-very-secret"
    repository = git_server.repository("pipelines.git")
    commit = repository.commit({file.name: file.read_text() for file in folder.glob("*.py")})
    git_server.credentials["pipelines.git"] = ("oauth2", token)
    kube.kubectl("create", "secret", "generic", "git-credentials", f"--from-literal=GIT_TOKEN={token}")
    url = f"{git_server.url}/pipelines.git"
    kube.apply(*manifests("07-git-source", **{PUBLIC: data_url, "https://git.example.org/team/pipelines.git": url}))
    status = kube.finished("download-from-git")
    assert status["phase"] == "Succeeded", status["message"]
    assert status["source"] == {"commit": commit}
    assert status["outputs"]["dataset"]["preview"]["rows"] == 1461
    assert token not in kube.kubectl("get", "mlr,mlf,jobs,pods,events", "-o", "json")
    assert token not in kube.kubectl("logs", f"job/{status['jobName']}")


def test_an_archive_in_the_store_s_server(kube: Kube, data_url: str) -> None:
    folder, data = EXAMPLES / "08-zip-in-s3" / "code", io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for file in sorted(folder.rglob("*.py")):
            archive.write(file, file.relative_to(folder))
    write_bytes(kube.facts, "s3://mlrun/examples/weather.zip", data.getvalue())
    kube.apply(*manifests("08-zip-in-s3", **{PUBLIC: data_url}))
    status = kube.finished("download-from-zip")
    assert status["phase"] == "Succeeded", status["message"]
    assert status["source"] == {"sha256": hashlib.sha256(data.getvalue()).hexdigest()}
    assert status["results"]["warmest"] == 8
    assert status["outputs"]["dataset"]["preview"]["rows"] == 1461


def test_replicas_share_a_dataset_and_another_run_joins_their_parts(kube: Kube) -> None:
    make, share, join = manifests("09-replicas")
    kube.apply(make)
    assert kube.finished("make-orders")["phase"] == "Succeeded"
    kube.apply(share)
    status = kube.finished("price-orders")
    assert status["phase"] == "Succeeded", status["message"]
    assert [replica["results"]["rows"] for replica in status["replicaStatuses"]] == [334, 333, 333]
    kube.apply(join)
    assert kube.finished("join-orders")["results"] == {"rows": 1000, "gross": 3596.4}


def test_a_grid_with_a_failing_point_ends_with_the_best_one(kube: Kube) -> None:
    """The same points in a pod each and in one process: the same best one, the same table but for where it ran."""
    function, fan_out = manifests("11-sweep")
    alone = {**fan_out, "metadata": {"name": "in-one-process"}}
    pods = ("placement", "parallelism")
    sweep = {name: value for name, value in fan_out["spec"]["hyperparameters"].items() if name not in pods}
    alone["spec"] = {**fan_out["spec"], "hyperparameters": sweep}
    kube.apply(function, fan_out, alone)
    tables = []
    for name in ("fit-curve", "in-one-process"):
        status = kube.finished(name, 240)
        assert (status["phase"], status["reason"]) == ("Succeeded", "Succeeded"), status["message"]
        assert status["message"] == "7 of 8 points succeeded, 1 failed; the best is point 3"
        assert status["sweep"]["best"] == {"iteration": 3, "parameters": {"degree": 5, "penalty": 0}}
        assert status["results"]["best_iteration"] == 3
        outputs = status["outputs"]
        assert set(outputs) == {"curve", "iteration_results", "parallel_coordinates"}
        assert len(read_parquet(kube.facts, outputs["curve"]["path"])) == 60
        told = {condition["type"] for condition in status["conditions"]}
        assert "preview" in outputs["curve"] or "ResultTruncated" in told, "a preview that has no room is told of"
        assert b"<svg" in read_bytes(kube.facts, outputs["parallel_coordinates"]["path"])
        tables.append(read_parquet(kube.facts, outputs["iteration_results"]["path"]))
    assert list(tables[0]["state"]).count("error") == 1
    common = [column for column in tables[1] if column in tables[0] and column != "run_path"]
    assert {"iter", "state", "param.degree", "param.penalty", "output.loss", "error"} <= set(common)
    assert_frame_equal(tables[0][common], tables[1][common])


@pytest.mark.skipif(not os.environ.get("ALL_IMAGES"), reason="wrapper-ml is built where ALL_IMAGES is set")
def test_the_best_of_a_tuned_model_is_used(kube: Kube) -> None:
    """The dev cluster has no wrapper-ml in the place of mlrun/mlrun, so the test names it."""
    found = manifests("12-tutorial", **{"mlrun/mlrun": "localhost/mlrun-operator/wrapper-ml:dev"})
    by_name = {(obj["kind"], obj["metadata"]["name"]): obj for obj in found}
    kube.apply(*(obj for (kind, _), obj in by_name.items() if kind == "MlrunFunction"))
    results = {}
    for name in ("prepare-cancer", "train-cancer", "tune-cancer", "use-cancer"):
        kube.apply(by_name["MlrunRun", name])
        status = kube.finished(name, 240)
        assert status["phase"] == "Succeeded", status["message"]
        results[name] = status["results"]
        if name == "tune-cancer":
            best = status["outputs"]["model"]["key"]
    assert best.startswith("store://tutorial/model/model/cancer:")
    assert results["tune-cancer"]["accuracy"] >= results["train-cancer"]["accuracy"]
    assert best in {used["key"] for used in kube.status("use-cancer")["inputs"]}
    assert results["use-cancer"]["right"] > 0.9


def test_no_example_is_without_a_test() -> None:
    tests = [Path(__file__), *(REPOSITORY / "tests" / "gitops").glob("test_*.py")]
    tested = "\n".join(file.read_text() for file in tests)
    for folder in sorted(p.name for p in EXAMPLES.iterdir() if p.is_dir()):
        assert f'"{folder}"' in tested, folder


@pytest.mark.parametrize("folder", sorted(p.name for p in EXAMPLES.iterdir() if p.is_dir()))
def test_every_example_has_a_short_readme(folder: str) -> None:
    assert len((EXAMPLES / folder / "README.md").read_text().splitlines()) <= 12
