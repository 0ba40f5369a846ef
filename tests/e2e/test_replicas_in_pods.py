"""Replicas in real pods: each knows which it is, one may fail, and the others' outputs stay."""

from support.kube import Kube, eventually, function, run

SHARE = """
import os

import pandas as pd


def handler(context, limit: int):
    index, count = int(os.environ["MLRUN_REPLICA_INDEX"]), int(os.environ["MLRUN_REPLICA_COUNT"])
    context.log_result("share", [index, count])
    if index == 1:
        raise ValueError("no share for me")
    context.log_dataset("part", df=pd.DataFrame({"n": range(index, limit, count)}))
"""


def test_one_failing_replica_leaves_the_others_results(kube: Kube) -> None:
    wish = {
        "replicas": 3,
        "parameters": {"limit": 10},
        "backoffLimit": 2,
        "nonRetryable": {"exceptions": ["ValueError"]},
    }
    kube.apply(function("share", code=SHARE), run("shares", "share", outputs={"part": "part"}, **wish))
    status = kube.finished("shares")
    assert (status["phase"], status["reason"]) == ("Failed", "HandlerFailed"), status["message"]
    assert status["message"].startswith("1 of 3 replicas failed; replica 1: ValueError: no share for me")
    assert status["replicaCounts"] == {"running": 0, "succeeded": 2, "failed": 1}
    replicas = status["replicaStatuses"]
    assert [replica["results"]["share"] for replica in replicas] == [[0, 3], [1, 3], [2, 3]]
    assert [replica["exitCode"] for replica in replicas] == [0, 2, 0]
    assert [replica["attemptCount"] for replica in replicas] == [1, 1, 1]
    keys = [(replica.get("outputs") or {}).get("part", "") for replica in replicas]
    assert [key.split("/")[-1].partition(":")[0] for key in keys] == ["part", "", "part-2"]
    assert status["outputs"]["part"]["key"] == keys[0]
    (job,) = kube.jobs("shares")
    assert (job["status"]["completedIndexes"], job["status"]["failedIndexes"]) == ("0,2", "1")


TALK = """
import os
import socket
import time

PORT = 7000


def handler(context):
    index, host = int(os.environ["MLRUN_REPLICA_INDEX"]), os.environ["MLRUN_REPLICA_HOST"]
    if index == 0:
        with socket.create_server(("", PORT)) as server:
            server.settimeout(60)
            with server.accept()[0] as peer:
                return peer.recv(100).decode()
    for _ in range(600):
        try:
            with socket.create_connection((host.format(index=0), PORT), timeout=1) as first:
                first.sendall(b"from 1")
                return socket.gethostname()
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(host)
"""


def test_replicas_find_each_other_by_name(kube: Kube) -> None:
    kube.apply(function("talk", code=TALK), run("talking", "talk", replicas=2, replicaHostnames=True))
    status = kube.finished("talking")
    assert status["phase"] == "Succeeded", status["message"]
    first, second = (replica["results"]["return"] for replica in status["replicaStatuses"])
    assert (first, second) == ("from 1", f"{status['jobName']}-1")
    kube.delete("mlr", "talking", "--wait=true")
    eventually(
        lambda: not [s for s in kube.all("services") if s["metadata"]["name"].startswith("mlrun-")], "it is gone"
    )
