"""What a handler logs is seen while its pods run, by a user with nothing but the shipped role."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kube import Kube, eventually
from support.users import user_kubeconfig

import mlrun_operator as dh
from mlrun_operator.api.contract.live import PREFIX
from mlrun_operator.cli.main import main

TRAIN = """
import os
import time


def train(context, steps: int = 600):
    index = int(os.environ.get("MLRUN_REPLICA_INDEX", "0"))
    for step in range(steps):
        context.log_results({"loss": 1 / (step + 1), "index": index, "progress": 0.25 + index / 2})
        print("step", step, flush=True)
        time.sleep(0.5)
"""


@pytest.fixture
def alice(kube: Kube, tmp_path: Path) -> Iterator[Path]:
    """Connected with nothing but the user role; her kubeconfig."""
    config = user_kubeconfig(kube, tmp_path)
    dh.connect(kubeconfig=str(config), quiet=True)
    yield config
    dh.disconnect()


def train(**more: int) -> dh.Run:
    function = dh.new_function("train", source={"code": TRAIN}, handler="train")
    return function.run(termination_grace_period_seconds=10, **more)


def test_a_running_run_tells_results_and_percent(
    alice: Path, kube: Kube, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train()
    first = eventually(lambda: run.results(live=True), "a live result", 90, lambda: run.status)
    assert (first.progress, first.is_live, first.origin, first["index"]) == (25.0, True, "log", 0)
    later = eventually(lambda: (live := run.results(live=True))["loss"] < first["loss"] and live, "a later result", 60)
    assert later.time > first.time
    assert "results" not in run.status, "nothing of it is in the status"

    monkeypatch.setenv("KUBECONFIG", str(alice))
    capsys.readouterr()
    assert main(["get", run.object_name, "-n", kube.namespace]) == 0
    table = capsys.readouterr().out
    assert "PROGRESS" in table
    assert "25 %" in table
    assert "loss=" in table
    assert not [line for line in run.logs() if line.startswith(PREFIX)]

    (pod,) = [attempt.pod for attempt in run.attempts]
    log = kube.kubectl("logs", pod, "-c", "mlrun").splitlines()
    frames = [line for line in log if line.startswith(PREFIX)]
    assert frames
    assert all(len(frame) < 1024 for frame in frames)

    run.stop().wait(90, check=False)
    assert run.state == "STOPPED"
    final = run.results(live=True)
    assert (final.is_live, final.origin, final) == (False, "status", run.results())
    assert final["loss"] <= later["loss"]


def test_replicas_tell_their_results_by_index(alice: Path) -> None:
    run = train(replicas=2)
    live = eventually(
        lambda: all((now := run.results(live=True)).pods.get(index) for index in range(2)) and now,
        "both replicas' results",
        120,
        lambda: run.status,
    )
    assert [pod["index"] for pod in live.pods.values()] == [0, 1]
    assert [pod.progress for pod in live.pods.values()] == [25.0, 75.0]
    assert live.progress == 50.0
    run.stop().wait(90, check=False)
