"""The usual kopf operator, for comparison: create handlers, field handlers, the synchronous client, all defaults.

Run by `kopf run --standalone -n NAMESPACE`. It makes the same Job as ours, from the file in `JOB_TEMPLATE`.
"""

import json
import os
from pathlib import Path
from typing import Any

import kopf
import kubernetes

GROUP, VERSION, PLURAL = "mlrun-operator.dev", "v1alpha1", "mlrunruns"
TEMPLATE = json.loads(Path(os.environ["JOB_TEMPLATE"]).read_text())


@kopf.on.startup()
def configure(**_: Any) -> None:
    kubernetes.config.load_kube_config()


@kopf.on.create(GROUP, VERSION, PLURAL)
def create(name: str, namespace: str, body: Any, patch: Any, **_: Any) -> None:
    job = json.loads(json.dumps(TEMPLATE))
    job["metadata"] = {"name": f"{name}-1", "labels": {"usual-run": name}}
    kopf.adopt(job, owner=body)
    kubernetes.client.BatchV1Api().create_namespaced_job(namespace, job)
    patch.status["phase"] = "Pending"
    patch.status["jobName"] = job["metadata"]["name"]


@kopf.on.field("batch", "v1", "jobs", field="status.succeeded", labels={"usual-run": kopf.PRESENT})
def finished(new: Any, namespace: str, labels: Any, **_: Any) -> None:
    if new:
        api = kubernetes.client.CustomObjectsApi()
        status = {"status": {"phase": "Succeeded"}}
        api.patch_namespaced_custom_object_status(GROUP, VERSION, namespace, PLURAL, labels["usual-run"], status)
