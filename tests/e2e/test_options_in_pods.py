"""Options of a run as the handler itself sees them, in real pods of the real wrapper."""

from support.kube import Kube, Object, eventually, function, run

LOOK = """
import os
import pathlib
import socket

def handler(context):
    for name in ("PLAIN", "FROM_SECRET", "FROM_MAP", "NODE", "DB_user", "TOKEN", "FUNCTIONS", "BOTH", "TRACEPARENT"):
        context.log_result(name, os.environ.get(name))
    context.log_result("config", pathlib.Path("/config/settings.ini").read_text())
    context.log_result("picked", sorted(p.name for p in pathlib.Path("/picked").iterdir()))
    pathlib.Path("/scratch/written").write_text("x")
    try:
        pathlib.Path("/config/settings.ini").write_text("x")
        context.log_result("config_written", True)
    except OSError:
        context.log_result("config_written", False)
    context.log_result("memory", int(pathlib.Path(LIMIT).read_text()) if pathlib.Path(LIMIT).exists() else None)
    context.log_result("alias", socket.gethostbyname("db.example.org"))
    context.log_result("group", [os.stat(path).st_gid for path in ("/scratch", "/work")])
    context.log_result("scratch", [line.split()[2] for line in open("/proc/mounts") if " /scratch " in line])


LIMIT = "/sys/fs/cgroup/memory/memory.limit_in_bytes"
"""

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def secret(name: str, **values: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


def config_map(name: str, **values: str) -> Object:
    data = {key.replace("_", "."): value for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_env_secrets_volumes_and_resources_reach_the_handler(kube: Kube) -> None:
    defaults = {"env": [{"name": "FUNCTIONS", "value": "default"}, {"name": "BOTH", "value": "function"}]}
    look = run(
        "look",
        "looker",
        env=[
            {"name": "PLAIN", "value": "text"},
            {"name": "BOTH", "value": "run"},
            {"name": "FROM_SECRET", "valueFrom": {"secretKeyRef": {"name": "database", "key": "password"}}},
            {"name": "FROM_MAP", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "other.ini"}}},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ],
        secrets=["token", {"name": "database", "keys": ["user"], "prefix": "DB_"}],
        volumes=[
            {"name": "config", "mountPath": "/config", "readOnly": True, "configMap": {"name": "settings"}},
            {
                "name": "picked",
                "mountPath": "/picked",
                "secret": {"secretName": "database", "items": [{"key": "user", "path": "who"}]},
            },
            {"name": "scratch", "mountPath": "/scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        ],
        resources={"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        nodeSelector={"kubernetes.io/os": "linux"},
        tolerations=[{"key": "any", "operator": "Exists"}],
        podLabels={"team": "a"},
        hostAliases=[{"ip": "203.0.113.7", "hostnames": ["db.example.org"]}],
        fsGroup=4242,
    )
    look["metadata"]["annotations"] = {"mlrun-operator.dev/traceparent": TRACE}
    kube.apply(
        secret("database", user="ada", password="s3cret"),
        secret("token", TOKEN="t0ken"),
        config_map("settings", settings_ini="[a]", other_ini="[b]"),
        function("looker", code=LOOK, run=defaults),
        look,
    )
    status = kube.finished("look")
    assert status["phase"] == "Succeeded", status["message"]
    results = status["results"]
    assert results["PLAIN"] == "text"
    assert results["FROM_SECRET"] == "s3cret"
    assert results["FROM_MAP"] == "[b]"
    assert results["NODE"] == status["attempts"][0]["node"]
    assert (results["alias"], results["group"]) == ("203.0.113.7", [4242, 4242])
    assert (results["DB_user"], results["TOKEN"]) == ("ada", "t0ken")
    assert results["TRACEPARENT"] == TRACE
    assert (results["FUNCTIONS"], results["BOTH"]) == ("default", "run")
    assert (results["config"], results["config_written"]) == ("[a]", False)
    assert [name for name in results["picked"] if not name.startswith("..")] == ["who"]
    assert results["memory"] in (None, 1 << 30)
    assert results["scratch"] == ["tmpfs"]
    (pod,) = kube.all("pods")
    assert pod["metadata"]["labels"]["team"] == "a"


def test_a_handler_that_takes_too_much_memory_is_told_so(kube: Kube) -> None:
    code = "def handler():\n    return len(bytearray(900 * 2**20))\n"
    kube.apply(function("hungry", code=code), run("hungry", "hungry", resources={"limits": {"memory": "400Mi"}}))
    status = kube.finished("hungry")
    assert (status["phase"], status["reason"]) == ("Failed", "OOMKilled"), status["message"]


def test_stop_keeps_partial_results(kube: Kube) -> None:
    code = (
        "import time\n\ndef handler(context):\n    context.log_result('half', 1)\n"
        "    print('halfway', flush=True)\n    time.sleep(300)\n"
    )
    kube.apply(function("slow", code=code), run("slow", "slow"))
    kube.reaches("slow", phase="Running")
    pod = kube.status("slow")["attempts"][0]["pod"]
    eventually(lambda: "halfway" in kube.kubectl("logs", pod, check=False), "the handler is halfway")
    kube.patch("slow", stop=True)
    status = kube.finished("slow")
    assert (status["phase"], status["reason"]) == ("Stopped", "Stopped")
    assert status["results"] == {"half": 1}


def test_volumes_within_each_other_are_seen_in_any_order(kube: Kube) -> None:
    """The kubelet gets them as they are written; the runtime mounts the outer one first."""
    code = """
import pathlib

def handler(context):
    pathlib.Path("/data/own").write_text("x")
    return sorted(str(path) for path in pathlib.Path("/data").rglob("*") if not path.name.startswith(".."))
"""
    inner = {"name": "inner", "mountPath": "/data/in/side", "configMap": {"name": "settings"}}
    outer = {"name": "outer", "mountPath": "/data", "emptyDir": {}}
    kube.apply(config_map("settings", a_ini="a"), function("fn", code=code))
    kube.apply(run("inner-first", volumes=[inner, outer]), run("outer-first", volumes=[outer, inner]))
    for name in ("inner-first", "outer-first"):
        status = kube.finished(name)
        assert status["phase"] == "Succeeded", status["message"]
        found = status["results"]["return"]
        assert {"/data/in/side/a.ini", "/data/own"} <= set(found), found
