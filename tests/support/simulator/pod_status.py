"""A pod's status as kubelets write it: states of containers, the phase that follows, and what is kept of messages."""

from collections.abc import Iterator
from typing import Any, Final

from support.simulator.objects import Object

# All messages of a pod's containers together, and one of them.
MESSAGE_BYTES: Final = 12 * 1024
CONTAINER_MESSAGE_BYTES: Final = 4 * 1024
# For how long pods tolerate that their node does not answer, where they say nothing else.
TOLERATION: Final = 300
CREATING: Final = {"reason": "ContainerCreating"}
INITIALIZING: Final = {"reason": "PodInitializing"}


def cut(message: str, containers: int) -> str:
    """Return what the kubelet keeps of a message: the end of a container's, the beginning of the pod's share."""
    kept = message.encode()[-CONTAINER_MESSAGE_BYTES:][: MESSAGE_BYTES // containers]
    return kept.decode(errors="replace")


def containers_of(pod: Object) -> Iterator[Object]:
    yield from pod["spec"].get("initContainers") or ()
    yield from pod["spec"]["containers"]


def names_of(containers: list[Object] | None) -> list[str]:
    return [container["name"] for container in containers or ()]


def is_native(container: Object) -> bool:
    """Return whether an init container is a native sidecar."""
    return container.get("restartPolicy") == "Always"


def native_sidecars_of(pod: Object) -> list[Object]:
    return [container for container in pod["spec"].get("initContainers") or () if is_native(container)]


def pre_stop_seconds(container: Object) -> float:
    """Return how long the container's hook sleeps before SIGTERM."""
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    return float((hook.get("sleep") or {}).get("seconds", 0))


def grace_of(pod: Object) -> float:
    return float(pod["spec"].get("terminationGracePeriodSeconds", 30))


def toleration_of(pod: Object) -> float:
    """Return for how long the pod tolerates that its node does not answer."""
    for toleration in pod["spec"].get("tolerations") or ():
        if toleration.get("key") == "node.kubernetes.io/unreachable":
            return float(toleration["tolerationSeconds"])
    return TOLERATION


def status_of_container(container: Object, **state: Any) -> Object:
    about = {"name": container["name"], "image": container.get("image", ""), "imageID": "", "restartCount": 0}
    return {**about, "state": state, "ready": "running" in state}


def state_of(pod: Object, name: str) -> Object:
    status = pod["status"]
    known = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    state: Object = next((c["state"] for c in known if c["name"] == name), {})
    return state


def with_state(statuses: list[Object], name: str, state: Object) -> list[Object]:
    return [
        {**known, "state": state, "ready": "running" in state} if known["name"] == name else known for known in statuses
    ]


def with_ends(pod: Object, ends: dict[str, Object]) -> Object:
    """Return the status of a pod whose containers have ended; one that never ran has failed if its turn had come."""
    status = {**pod["status"]}
    inits = [known for known in status.get("initContainerStatuses") or () if not _is_over(pod, known)]
    for kind in ("initContainerStatuses", "containerStatuses"):
        if kind in status:
            status[kind] = [_with_end(known, ends.get(known["name"]), is_due=not inits) for known in status[kind]]
    return status


def _is_over(pod: Object, known: Object) -> bool:
    """Return whether an init container lets the next one start."""
    if known["name"] in names_of(native_sidecars_of(pod)):
        return "waiting" not in known["state"]
    return bool(known["state"].get("terminated", {}).get("exitCode") == 0)


def _with_end(known: Object, end: Object | None, *, is_due: bool) -> Object:
    if "terminated" in known["state"] or (end is None and not is_due):
        return known
    return {**known, "ready": False, "state": end or {"terminated": _UNKNOWN}}


_UNKNOWN: Final = {
    "exitCode": 137,
    "reason": "ContainerStatusUnknown",
    "message": "The container could not be located when the pod was terminated",
    "startedAt": None,
    "finishedAt": None,
}


def start_error(now: str) -> Object:
    words = "failed to create containerd task: exec: no such file or directory"
    return {"exitCode": 128, "reason": "StartError", "startedAt": "1970-01-01T00:00:00Z", "finishedAt": now} | {
        "message": words
    }


def phase_of(spec: Object, status: Object) -> str:
    natives = [container["name"] for container in spec.get("initContainers") or () if is_native(container)]
    inits = [known for known in status.get("initContainerStatuses") or () if known["name"] not in natives]
    sidecars = [known for known in status.get("initContainerStatuses") or () if known["name"] in natives]
    states = [known["state"] for known in status["containerStatuses"]]
    if any((known["state"].get("terminated") or {}).get("exitCode") for known in inits):
        return "Failed"
    if any("waiting" in state for state in states):
        return "Pending"
    if any("running" in state for state in (*states, *(known["state"] for known in sidecars))):
        return "Running"
    return "Failed" if any(state["terminated"]["exitCode"] for state in states) else "Succeeded"
