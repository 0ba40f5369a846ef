"""Runs that use every kind of secret, and then a look everywhere for what they were told: it is nowhere."""

import base64
import json
import re
import urllib.request
from urllib.parse import quote

from support.gitserver import GitServer
from support.kube import Kube, Object, function, run

from devcluster import paths

HANDLER = """
import os
import pathlib


def handler(context):
    names = ("GIT_TOKEN", "PASSWORD", "API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")
    told = [os.environ[name] for name in names]
    told.append(pathlib.Path("/certificate/key").read_text())
    context.logger.info("all here")
    print("lengths", [len(each) for each in told])
    context.log_result("lengths", [len(each) for each in told])
    context.log_artifact("report", body="nothing to see")
    if context.get_param("fail"):
        raise RuntimeError("failed with all secrets in the environment")
"""
SECRETS = {
    "git": {"GIT_TOKEN": "glpat-3kRk0bQeXw7Zt"},
    "database": {"password": "pa55-Vn2mYc8LqD"},
    "api": {"API_KEY": "sk-9fWzGhT4oUvB1"},
    "mlrun-operator-store": {"AWS_ACCESS_KEY_ID": "AKIAQ7XK2PLMVB", "AWS_SECRET_ACCESS_KEY": "s3cr3t/Jd8+uRw5EyHk"},
    "tls": {"key": "-----BEGIN-KEY-Bt6nXo0SsCf-----"},
    "wrong": {"GIT_TOKEN": "glpat-wr0ng-M4hPzKq9"},
    "shop": {"POSTGRES_USER": "ada-Zx81mQ", "POSTGRES_PASSWORD": "pg-Wq3vNj7RtA"},
}
HANDED_OVER = (
    ("git", "GIT_TOKEN"),
    ("database", "password"),
    ("api", "API_KEY"),
    ("mlrun-operator-store", "AWS_SECRET_ACCESS_KEY"),
    ("mlrun-operator-store", "AWS_ACCESS_KEY_ID"),
    ("tls", "key"),
)


def spellings() -> set[str]:
    """Every value, and what it looks like in an Authorization header, in a Secret and in a URL."""
    values = {value for secret in SECRETS.values() for value in secret.values()}
    headers = {base64.b64encode(f"{user}:{value}".encode()).decode() for user in ("oauth2", "ada") for value in values}
    return (
        values | headers | {base64.b64encode(v.encode()).decode() for v in values} | {quote(v, safe="") for v in values}
    )


def secret(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": SECRETS[name]}


def stored(kube: Kube) -> dict[str, str]:
    """Everything in the store under the namespace, by key."""
    server = kube.facts["s3_host_endpoint"]
    with urllib.request.urlopen(
        f"{server}/{paths.S3_BUCKET}?list-type=2&prefix={kube.namespace}/", timeout=10
    ) as answer:
        keys = re.findall(r"<Key>(.*?)</Key>", answer.read().decode())
    found = {}
    for key in keys:
        with urllib.request.urlopen(f"{server}/{paths.S3_BUCKET}/{quote(key)}", timeout=10) as answer:
            found[key] = answer.read().decode(errors="replace")
    return found


def said_by_the_operator() -> dict[str, str]:
    """Its log and its metrics."""
    system = Kube("mlrun-system")
    found = {}
    for pod in system.all("pods", "-l", "app.kubernetes.io/name=mlrun-operator"):
        name = pod["metadata"]["name"]
        found[f"log of {name}"] = system.kubectl("logs", name)
        ports = {p["name"]: p["containerPort"] for p in pod["spec"]["containers"][0]["ports"]}
        raw = f"/api/v1/namespaces/mlrun-system/pods/{name}:{ports['metrics']}/proxy/metrics"
        found[f"metrics of {name}"] = system.kubectl("get", "--raw", raw)
    return found


def test_secrets_are_in_no_object_event_log_metric_or_file(kube: Kube, git_server: GitServer) -> None:
    repository = git_server.repository(f"{kube.namespace}.git")
    repository.commit({"pipeline.py": HANDLER})
    git_server.credentials[repository.name] = ("oauth2", SECRETS["git"]["GIT_TOKEN"])
    source = {"source": f"git+{git_server.url}/{repository.name}", "handler": "pipeline.py"}
    used = {
        "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "database", "key": "password"}}}],
        "volumes": [{"name": "tls", "mountPath": "/certificate", "readOnly": True, "secret": {"secretName": "tls"}}],
    }
    database = f"postgresql://{paths.BRIDGE_IP}:9/shop/orders"
    kube.apply(
        *(secret(name) for name in SECRETS),
        function("fn", source=source, run={**used, "secrets": ["git", "api", "mlrun-operator-store"]}),
        function("other", source=source),
        run("good"),
        run("fails", parameters={"fail": True}),
        run("refused", "other", secrets=["wrong"]),
        run("no-database", inputs={"orders": database}, secrets=["shop"]),
    )
    good = kube.finished("good")
    assert good["phase"] == "Succeeded", good["message"]
    told = [SECRETS[name][key] for name, key in HANDED_OVER]
    assert good["results"]["lengths"] == [len(value) for value in told]
    assert kube.finished("fails")["reason"] == "HandlerFailed"
    assert kube.finished("refused")["reason"] == "PermissionDenied"
    assert kube.finished("no-database")["phase"] == "Failed"

    kinds = "mlr,mlf,jobs,cronjobs,pods,events,configmaps,services"
    places = {f"{kinds} of the namespace": kube.kubectl("get", kinds, "-o", "json", "--show-managed-fields")}
    for pod in kube.all("pods"):
        name = pod["metadata"]["name"]
        places[f"log of {name}"] = kube.kubectl("logs", name, "--all-containers")
    places |= said_by_the_operator() | stored(kube)

    assert len([place for place in places if place.endswith(("run.json", "log.txt"))]) >= 4, list(places)
    assert "all here" in json.dumps(places)
    assert not [(place, each) for each in spellings() for place, text in places.items() if each in text]
