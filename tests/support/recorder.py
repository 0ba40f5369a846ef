"""What pods and runs of a namespace went through, as watches of the API server told it: every version of each."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.kube import Kube, Object

_PATHS = {
    "pods": "/api/v1/namespaces/{namespace}/pods",
    "runs": "/apis/mlrun-operator.dev/v1alpha1/namespaces/{namespace}/mlrunruns",
}


class Recorder:
    """The events of a namespace's pods and runs so far, oldest first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def log(self, kind: str) -> Path:
        """Return where the events of this kind are written, one a line."""
        return self._folder / f"{kind}.log"

    def events(self, kind: str, run: str) -> list[Object]:
        """Return the watch events of `pods` or `runs` that belong to this run."""
        whole = self.log(kind).read_text().rpartition("\n")[0]
        events = [json.loads(line) for line in whole.splitlines()]
        return [event for event in events if run in ("", _run_of(event["object"]))]

    def statuses(self, run: str) -> list[Object]:
        """Return every status that the run has had."""
        return [event["object"].get("status", {}) for event in self.events("runs", run)]

    def pods(self, run: str = "") -> list[Object]:
        """Return the last version of every pod that the run has had, or any run, oldest first."""
        pods = {event["object"]["metadata"]["uid"]: event["object"] for event in self.events("pods", run)}
        return list(pods.values())

    def most_at_once(self, run: str = "") -> int:
        """Return how many pods that may run there were at most at one time: created, not gone, not in an end phase."""
        living, most = set[str](), 0
        for event in self.events("pods", run):
            pod = event["object"]
            ended = event["type"] == "DELETED" or pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
            (living.discard if ended else living.add)(pod["metadata"]["uid"])
            most = max(most, len(living))
        return most

    def times(self, run: str = "") -> list[tuple[str, str]]:
        """Return when the handler's container of each pod started and ended, by its node's clock; sorted."""
        ends = [state for pod in self.pods(run) if (state := _terminated(pod))]
        return sorted((end["startedAt"], end["finishedAt"]) for end in ends)


def _run_of(obj: Object) -> str:
    run: str = obj["metadata"].get("labels", {}).get("mlrun-operator.dev/run", obj["metadata"]["name"])
    return run


def _terminated(pod: Object) -> Object | None:
    containers = pod.get("status", {}).get("containerStatuses") or ()
    return next((c["state"].get("terminated") for c in containers if c["name"] == "mlrun"), None)


@contextmanager
def recorder(kube: Kube, folder: Path) -> Iterator[Recorder]:
    """Record until the end of the block."""
    record, watches = Recorder(folder), []
    for kind, path in _PATHS.items():
        with record.log(kind).open("wb") as log:
            command = [kube.facts["kubectl"], "get", "--raw", f"{path.format(namespace=kube.namespace)}?watch=true"]
            watches.append(subprocess.Popen(command, stdout=log, env={**os.environ, "KUBECONFIG": kube.kubeconfig}))
    try:
        yield record
    finally:
        for watch in watches:
            watch.kill()
            watch.wait()
