"""Waiting for the operator's Deployment: until it is ready, or until it is plain that it will not be."""

import time

from deploy.target import Target
from devcluster.errors import DevClusterError
from mlrun_operator.api.objects import Object, annotations_of, condition_of, is_deleting, status_of

POLL_SECONDS = 0.3
PATIENCE_SECONDS = 120.0
# A container in one of these will not start by waiting longer.
HOPELESS = {
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
}


def wait(target: Target, namespace: str, name: str) -> None:
    """Return when the Deployment runs what was asked for. Raises DevClusterError with evidence where it does not."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        objects = observe(target, namespace, name)
        if ready(objects):
            return
        if why := hopeless(objects):
            raise _failure(target, namespace, name, why)
        if time.monotonic() > deadline:
            raise _failure(target, namespace, name, f"it was not ready within {PATIENCE_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)


def observe(target: Target, namespace: str, name: str) -> list[Object]:
    """Return the Deployment, its ReplicaSets and its pods."""
    items: list[Object] = target.get("deployment,replicaset,pod", f"--namespace={namespace}", _selector(name))["items"]
    return items


def ready(objects: list[Object]) -> bool:
    """Whether the Deployment among these objects has its replicas, all of its newest template and available."""
    deployment = _deployment(objects)
    status, wanted = status_of(deployment), deployment["spec"].get("replicas", 1)
    return (
        _observed(deployment)
        and status.get("replicas", 0) == wanted
        and status.get("updatedReplicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
    )


def hopeless(objects: list[Object]) -> str:
    """Why waiting is in vain, in words; empty where it is not."""
    deployment = _deployment(objects)
    if not _observed(deployment):
        return ""
    if refusal := condition_of(deployment, "ReplicaFailure"):
        return f"its pod was refused: {refusal['message']}"
    for pod in _newest_pods(objects):
        for container in status_of(pod).get("containerStatuses") or ():
            waiting = container["state"].get("waiting") or {}
            if waiting.get("reason") in HOPELESS:
                return f"{waiting['reason']}: {waiting.get('message', 'its container does not start')}"
    return ""


def _deployment(objects: list[Object]) -> Object:
    return next(each for each in objects if each["kind"] == "Deployment")


def _observed(deployment: Object) -> bool:
    return bool(status_of(deployment).get("observedGeneration", 0) >= deployment["metadata"]["generation"])


def _newest_pods(objects: list[Object]) -> list[Object]:
    """The pods of the Deployment's current revision."""
    hashes = {
        each["metadata"]["labels"]["pod-template-hash"]
        for each in objects
        if each["kind"] == "ReplicaSet" and _revision(each) == _revision(_deployment(objects))
    }
    pods = (each for each in objects if each["kind"] == "Pod" and not is_deleting(each))
    return [pod for pod in pods if pod["metadata"]["labels"].get("pod-template-hash") in hashes]


def _revision(each: Object) -> str | None:
    revision: str | None = annotations_of(each).get("deployment.kubernetes.io/revision")
    return revision


def _selector(name: str) -> str:
    return f"--selector=app.kubernetes.io/name={name}"


def _failure(target: Target, namespace: str, name: str, why: str) -> DevClusterError:
    """The error, with what a person would look up first."""
    where = (f"--namespace={namespace}", _selector(name))
    described = target.kubectl("describe", "pods", *where)
    return DevClusterError(
        f"the operator did not become ready: {why}",
        detail="\n".join([*_section(described, "Events:"), "", "Its log:", *_log(target, *where)]),
        hint=f"read the lines above; then `kubectl -n {namespace} describe pods` and "
        f"`kubectl -n {namespace} logs deployment/{name}` say more. "
        "After a change of the code, `make deploy` builds and tries again.",
    )


def _section(text: str, start: str) -> list[str]:
    lines = text.splitlines()
    return lines[next((n for n, line in enumerate(lines) if line.startswith(start)), 0) :][:15]


def _log(target: Target, *where: str) -> list[str]:
    """The end of the log of the last container that had one."""
    for which in ("--previous", "--previous=false"):
        try:
            lines = target.kubectl("logs", *where, which, "--tail=15").splitlines()
        except DevClusterError:
            continue
        if lines:
            return lines
    return ["(empty)"]
