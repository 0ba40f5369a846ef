"""A cluster as tests speak of it: manifests in, objects out, by kubectl."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

REPOSITORY = Path(__file__).resolve().parents[2]
FACTS = REPOSITORY / ".cluster" / "cluster.json"
Object = dict[str, Any]


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """kubectl's words for what the API server did not take."""


def facts() -> Object:
    if not FACTS.exists():
        raise RuntimeError("no cluster: run `make cluster` first")
    return dict(json.loads(FACTS.read_text()))


class Kube:
    """One namespace of the cluster."""

    def __init__(self, namespace: str, kubeconfig: str | None = None) -> None:
        self.namespace = namespace
        self.facts = facts()
        self.kubeconfig = kubeconfig or self.facts["kubeconfig"]

    def kubectl(self, *args: str, stdin: str | None = None, check: bool = True, timeout: float = 90) -> str:
        done = subprocess.run(
            [self.facts["kubectl"], "-n", self.namespace, *args],
            input=stdin,
            text=True,
            capture_output=True,
            env={**os.environ, "KUBECONFIG": self.kubeconfig},
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise Refused(done.stderr.strip())
        return done.stdout

    def apply(self, *objects: Object, server_side: bool = False) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.kubectl("apply", *(["--server-side"] if server_side else []), "-f", "-", stdin=text)

    def get(self, kind: str, name: str) -> Object:
        return dict(json.loads(self.kubectl("get", kind, name, "-o", "json")))

    def all(self, kind: str, *args: str) -> list[Object]:
        return list(json.loads(self.kubectl("get", kind, "-o", "json", *args))["items"])

    def delete(self, kind: str, name: str, *args: str) -> None:
        self.kubectl("delete", kind, name, *(args or ("--wait=false",)))

    def patch(self, name: str, **spec: Any) -> None:
        self.kubectl("patch", "mlr", name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def status(self, name: str) -> Object:
        return dict(self.get("mlr", name).get("status", {}))

    def jobs(self, run: str) -> list[Object]:
        return [j for j in self.all("jobs") if any(o["name"] == run for o in j["metadata"].get("ownerReferences", ()))]

    def events(self, run: str) -> list[Object]:
        return self.all("events", f"--field-selector=involvedObject.kind=MlrunRun,involvedObject.name={run}")

    def finished(self, name: str, timeout: float = 90) -> Object:
        """The status once the run has ended, as `kubectl wait` sees it."""
        self.kubectl("wait", "mlr", name, "--for=condition=Finished", f"--timeout={timeout:.0f}s", timeout=timeout + 10)
        return self.status(name)

    def reaches(self, name: str, timeout: float = 60, **wanted: str) -> Object:
        """The status once these fields of it have these values."""

        def seen() -> Object | None:
            status = self.status(name)
            return status if all(status.get(field) == value for field, value in wanted.items()) else None

        return dict(eventually(seen, f"{name} with {wanted}", timeout, lambda: self.status(name)))


def eventually(
    look: Callable[[], Any], what: str, timeout: float = 60, otherwise: Callable[[], Any] = lambda: ""
) -> Any:
    """What `look` returns once it is true."""
    deadline = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s: {what}; but {otherwise()}")
        time.sleep(0.2)


@contextmanager
def fresh_namespace(prefix: str) -> Iterator[Kube]:
    """A namespace under the restricted profile, gone afterwards."""
    kube = Kube(f"{prefix}-{uuid4().hex[:8]}")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": kube.namespace, "labels": labels}})
    try:
        yield kube
    finally:
        kube.kubectl("delete", "namespace", kube.namespace, "--wait=false", "--ignore-not-found")


def function(name: str, /, code: str = "def handler(context):\n    return 1\n", **spec: Any) -> Object:
    return {
        "apiVersion": "mlrun-operator.dev/v1alpha1",
        "kind": "MlrunFunction",
        "metadata": {"name": name},
        "spec": {"source": {"code": code}, "handler": "handler", **spec},
    }


def run(name: str, function_name: str = "fn", /, **spec: Any) -> Object:
    return {
        "apiVersion": "mlrun-operator.dev/v1alpha1",
        "kind": "MlrunRun",
        "metadata": {"name": name},
        "spec": {"functionRef": {"name": function_name}, **spec},
    }


def hourly() -> str:
    """Return a schedule that is due in half an hour: no test that takes less meets its firing."""
    return f"{(datetime.now(UTC) + timedelta(minutes=30)).minute} * * * *"


def audited_writes(facts: Object, user: str) -> list[Object]:
    """The write requests of a user that the API server's audit log holds, Leases left out."""
    found = []
    for line in Path(facts["audit_log"]).read_text().splitlines():
        if user not in line:
            continue
        entry = json.loads(line)
        if entry["user"]["username"] != user or entry["stage"] != "ResponseComplete":
            continue
        if entry["verb"] in ("get", "list", "watch") or entry["objectRef"].get("resource") == "leases":
            continue
        found.append(entry)
    return found


def install_crds() -> None:
    """The CRDs of this tree, as they are now; whatever the cluster had."""
    kube = Kube("default")
    kube.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={REPOSITORY / 'crds'}")

    def served(name: str) -> bool:
        conditions = kube.get("crd", name).get("status", {}).get("conditions") or ()
        return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)

    for file in (REPOSITORY / "crds").glob("*.yaml"):
        eventually(partial(served, file.stem), f"{file.stem} is served")
