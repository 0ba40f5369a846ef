"""The SDK as people use it: only the shipped role, a real cluster, a real store."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from support.kube import Kube, eventually
from support.pages import blocks_of, check_prints
from support.users import user_kubeconfig

import mlrun_operator as dh
from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.sdk import errors
from mlrun_operator.sdk.backends.kubernetes import KubernetesBackend

PIPELINE = """import mlrun
import pandas as pd

@mlrun.handler(outputs=["dataset"])
def downloader(context, url: mlrun.DataItem):
    # read and rewrite to normalize and export as data
    df = url.as_df(format='parquet')
    return df
"""


@pytest.fixture
def alice(kube: Kube, tmp_path: Path) -> Iterator[Path]:
    """Connected with nothing but the user role; her kubeconfig."""
    config = user_kubeconfig(kube, tmp_path)
    dh.connect(kubeconfig=str(config), quiet=True)
    yield config
    dh.disconnect()


def code(text: str) -> dict[str, str]:
    return {"code": text}


def test_the_documented_snippet_runs_with_one_import_changed(
    alice: Path, data_url: str, datasets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    monkeypatch.chdir(tmp_path)

    # Get or create project
    project = dh.get_or_create_project("project-mlrun")

    # Create new input dataitem
    url = f"{data_url}/seattle-weather.csv"

    # Create new dataitem
    dataitem = project.new_dataitem(name="url-dataitem", kind="table", path=url)

    # Create new function
    downloader_function = project.new_function(
        name="mlrun-downloader",
        kind="mlrun",
        source={"source": "pipeline.py"},
        handler="downloader",
        image="mlrun/mlrun",
    )

    # Run function
    downloader_run = downloader_function.run("job", inputs={"url": dataitem.key}, outputs={"dataset": "dataset"})

    # Run refresh
    downloader_run.refresh()

    with pytest.raises(errors.RunNotFinished, match=r"wait\(\) waits for its end"):
        downloader_run.outputs()
    planned = downloader_function.run("job", inputs={"url": dataitem.key}, outputs={"dataset": "dataset"}, dry_run=True)
    assert downloader_run.wait(120) is downloader_run
    assert downloader_run.state == "COMPLETED"
    outputs = downloader_run.outputs()
    assert list(outputs) == ["dataset"]
    assert downloader_run.outputs(as_key=True) == {"dataset": outputs["dataset"].key}
    expected = pd.read_csv(datasets / "seattle-weather.csv")
    assert_frame_equal(outputs["dataset"].as_df(), expected)
    assert outputs["dataset"].preview().count == len(expected)
    assert [run.name for run in downloader_function.runs()] == [downloader_run.name]
    assert project.get_run("@latest").key == downloader_run.key
    assert_the_job_is_the_planned_one(planned, downloader_run)


def assert_the_job_is_the_planned_one(planned: dict[str, Any], run: dh.Run) -> None:
    """But for what holds the name and the uid, which only a submitted run has."""
    kube = Kube(run.namespace)
    real = kube.get("job", str(run.status.job_name))
    planned["metadata"].pop("ownerReferences")
    planned = json.loads(kube.kubectl("create", "--dry-run=server", "-o=json", "-f-", stdin=json.dumps(planned)))
    for job in (planned, real):
        del job["spec"]["selector"]
    templates = [job["spec"].pop("template") for job in (planned, real)]
    assert planned["spec"] == real["spec"]
    assert templates[0]["spec"] == templates[1]["spec"]
    envelopes = [json.loads(each["metadata"]["annotations"]["mlrun-operator.dev/envelope"]) for each in templates]
    for envelope in envelopes:
        envelope["run"] = {name: envelope["run"][name] for name in ("project", "namespace", "execution")}
    assert envelopes[0] == envelopes[1]


def test_a_log_is_followed_across_retries_each_line_once(alice: Path) -> None:
    text = """
import os, time
def handler(context):
    for number in range(5):
        print("line", number, flush=True)
        time.sleep(0.2)
    raise RuntimeError("always")
"""
    function = dh.new_function("flaky", source=code(text), handler="handler")
    run = function.run(backoff_limit=1)
    followed = list(run.logs(follow=True))
    own = [(line.attempt, str(line)) for line in followed if line.startswith("line")]
    assert own == [(attempt, f"line {number}") for attempt in (1, 2) for number in range(5)]
    with pytest.raises(errors.RunFailed) as caught:
        run.wait(30)
    assert caught.value.reason == "HandlerFailed"
    assert "RuntimeError: always" in str(caught.value)
    assert "raise RuntimeError" in caught.value.details
    # The pods go; the store has their logs.
    Kube(run.namespace).kubectl("delete", "pods", "--all", "--wait", "--grace-period=0", "--force")
    stored = [(line.attempt, str(line)) for line in run.logs() if line.startswith("line")]
    assert stored == own
    reasons = [event["reason"] for event in run.events()]
    assert "HandlerFailed" in reasons or "Failed" in reasons, reasons


def test_replicas_are_followed_side_by_side_each_line_once(alice: Path) -> None:
    text = """
import os
def handler(context):
    for number in range(3):
        print("replica", os.environ["MLRUN_REPLICA_INDEX"], "line", number, flush=True)
"""
    function = dh.new_function("replicated", source=code(text), handler="handler")
    run = function.run(replicas=2)
    followed = [line for line in run.logs(follow=True) if line.startswith("replica")]
    expected = [(replica, f"replica {replica} line {number}") for replica in (0, 1) for number in range(3)]
    assert sorted((line.replica, str(line)) for line in followed) == expected
    assert run.wait(60).state == "COMPLETED"


def test_a_run_that_cannot_start_is_told_at_once_and_one_that_is_stopped_runs_again(alice: Path) -> None:
    text = "import time\ndef handler(context, seconds=60):\n    print('begun', flush=True)\n    time.sleep(seconds)\n"
    function = dh.new_function("waits", source=code(text), handler="handler")
    stuck = function.run(secrets=["no-such-secret"])
    with pytest.raises(errors.RunStuck, match="SecretMissing") as caught:
        stuck.wait(60, patience=0.1)
    assert "no-such-secret" in str(caught.value)
    stuck.delete()
    with pytest.raises(errors.NotFound):
        stuck.refresh()

    run = function.run()
    for line in run.logs(follow=True):
        if line == "begun":
            break
    with pytest.raises(errors.WaitTimeout, match=r"did not end within 0.1 seconds; it is"):
        run.wait(0.1)
    ended = threading.Thread(target=run.wait, kwargs={"check": False})
    ended.start()
    run.stop()
    ended.join(60)
    run.refresh()
    assert run.state == "STOPPED"
    with pytest.raises(errors.RunStopped):
        run.raise_for_status()
    again = run.rerun()
    assert not again.is_finished
    assert again.refresh().status["execution"]["number"] in (1, 2)
    run.stop()


MAKER = """
import pandas as pd
def handler(context, n):
    context.log_dataset("table", pd.DataFrame({"a": range(n), "b": "text"}), format="parquet")
    context.log_model("model", body=b"weights" * 100, model_file="model.bin", framework="none")
    context.log_artifact("note", body="written", format="txt")
    context.log_result("score", 0.5)
"""
# What differs between two runs of the same function, wherever they ran; docs/sdk.md lists it.
VOLATILE = ("run", "pod", "started", "ended", "timings", "versions", "runPath", "mlrun")


def test_local_execution_makes_the_same_bytes_as_the_cluster(
    alice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLRUN_OPERATOR_HOME", str(tmp_path / "home"))
    function = dh.new_function("maker", project="demo", source=code(MAKER), handler="handler")
    far = function.run(parameters={"n": 100})
    near = function.run(parameters={"n": 100}, local_execution=True)
    assert near.namespace == "local"
    far.wait(120)
    outputs = [run.outputs() for run in (far, near)]
    assert [sorted(each) for each in outputs] == [["model", "note", "table"]] * 2
    for name in ("note", "table"):
        one, other = (each[name] for each in outputs)
        assert (one.sha256, one.size, one.kind) == (other.sha256, other.size, other.kind), name
    # mlrun's own model_spec.yaml names the run.
    models = [Path(each["model"].download(tmp_path / str(n))) for n, each in enumerate(outputs)]
    assert sorted(file.name for file in models[0].iterdir()) == ["model.bin", "model_spec.yaml"]
    assert (models[0] / "model.bin").read_bytes() == (models[1] / "model.bin").read_bytes()
    assert comparable(far.run_json()) == comparable(near.run_json())


def comparable(report: dict[str, Any]) -> dict[str, Any]:
    """run.json without what differs between any two runs."""
    found = {name: value for name, value in report.items() if name not in VOLATILE}
    del found["function"]["uuid"]
    for output in found["outputs"].values():
        del output["key"], output["path"]
    del found["outputs"]["model"]["sha256"], found["outputs"]["model"]["size"]
    return found


class Farther(KubernetesBackend):
    """A laptop from which no way leads to the store."""

    async def stores(self, namespace: str) -> list[StoreInfo]:
        return []


def test_outputs_come_through_a_fetch_run_where_no_way_leads_to_the_store(alice: Path, tmp_path: Path) -> None:
    text = """
import os, pandas as pd
def handler(context):
    context.log_dataset("table", pd.DataFrame({"a": range(1000)}), format="parquet")
    os.makedirs("folder/deeper", exist_ok=True)
    for name in ("folder/one.bin", "folder/deeper/two.bin"):
        with open(name, "wb") as file:
            file.write(os.urandom(3000))
    context.log_artifact("folder", local_path="folder/")
"""
    function = dh.new_function("makes", source=code(text), handler="handler")
    near = function.run().wait(120)
    direct = near.output("folder").download(tmp_path / "direct")
    dh.disconnect()
    dh.connect(Farther(kubeconfig=str(alice)), quiet=True)
    run = dh.get_run(near.name, project=near.project)
    assert run.output("table").as_df()["a"].tolist() == list(range(1000))
    fetched = run.output("folder").download(tmp_path / "fetched")
    files = [path.relative_to(fetched) for path in sorted(Path(fetched).rglob("*")) if path.is_file()]
    assert [str(file) for file in files] == ["deeper/two.bin", "one.bin"]
    for file in files:
        assert (Path(fetched) / file).read_bytes() == (Path(direct) / file).read_bytes()
    # The fetch runs do not stay.
    assert {each.function_name for each in dh.list_runs(near.project)} == {"makes"}


def test_a_user_has_nothing_to_say_elsewhere(alice: Path, kube: Kube) -> None:
    dh.disconnect()
    dh.connect(kubeconfig=str(alice), namespace="default", quiet=True)
    with pytest.raises(errors.NotAllowed, match="mlrun-operator-user"):
        dh.new_function("f", source=code("def handler(context): ..."), handler="handler")
    with pytest.raises(errors.NotAllowed):
        dh.list_runs()
    dh.disconnect()
    dh.connect(kubeconfig=str(alice), quiet=True)
    with pytest.raises(errors.NotAllowed, match=r"kubectl -n .* create secret generic mlrun-project-demo"):
        dh.new_secret("TOKEN", "x", project="demo")
    kube.kubectl("create", "secret", "generic", "mlrun-project-demo", "--from-literal=TOKEN=hush")


def test_expired_credentials_and_a_wrong_namespace_are_one_clear_sentence(kube: Kube, tmp_path: Path) -> None:
    expired = user_kubeconfig(kube, tmp_path, "bob", token="expired")
    with pytest.raises(errors.NotAuthenticated) as caught:
        dh.connect("kubernetes", kubeconfig=str(expired), quiet=True)
    assert "does not take the credentials" in str(caught.value)
    assert str(caught.value).endswith("Log in again, as you do for kubectl.")
    dh.connect(kubeconfig=kube.kubeconfig, namespace="no-such-namespace", quiet=True)
    try:
        with pytest.raises(errors.NamespaceMissing, match='namespaces "no-such-namespace" not found'):
            dh.new_function("f", source=code("def handler(context): ..."), handler="handler")
    finally:
        dh.disconnect()


def test_a_schedule_has_runs_of_its_own(alice: Path) -> None:
    text = "def count(context):\n    return 7\n"
    function = dh.new_function(name="count", kind="mlrun", source=code(text), handler="count")
    days = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-03T00:00:00Z", "parallelism": 2}
    planned = function.run("job", schedule="@daily", time_zone="Europe/Rome", dry_run=True)
    assert (planned["kind"], planned["spec"]["timeZone"]) == ("CronJob", "Europe/Rome")
    schedule = function.run("job", schedule="@daily", backfill=days)
    assert schedule.is_scheduled
    with pytest.raises(errors.NotSupported, match="has no end"):
        schedule.wait(5)
    eventually(lambda: len(schedule.runs()) == 2, "a run for each of two days")
    assert [run.wait(90).state for run in schedule.runs()] == ["COMPLETED"] * 2
    by_hand = threading.Timer(1, schedule.rerun)
    by_hand.start()
    assert schedule.next_run(60).wait(90).results() == {"return": 7}
    by_hand.join()


def test_what_the_reference_says_of_clusters_holds(alice: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "".join(text for name, text in blocks_of("reference-sdk.md") if name == "cluster")
    exec(compile(code, "reference-sdk.md", "exec"), {})
    check_prints(code, capsys.readouterr().out.splitlines())
