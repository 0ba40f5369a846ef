"""The operator's process, started and killed at will, under exactly the rights that the chart gives it."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from support.kube import REPOSITORY, Kube, eventually
from support.ports import free_port

STANDIN_IMAGE = "localhost/mlrun-operator/standin:dev"


def grant(kube: Kube) -> str:
    """Apply the chart's ServiceAccount, Role and RoleBinding for this namespace; the account's kubeconfig as text."""
    rendered = subprocess.run(
        [
            kube.facts["helm"],
            "template",
            "mlrun-operator",
            str(REPOSITORY / "charts/mlrun-operator"),
            f"--namespace={kube.namespace}",
            f"--set=namespaces={{{kube.namespace}}}",
        ],
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    rights = [o for o in yaml.safe_load_all(rendered) if o and o["kind"] in ("ServiceAccount", "Role", "RoleBinding")]
    kinds = {o["kind"] for o in rights}
    assert kinds == {"ServiceAccount", "Role", "RoleBinding"}, kinds
    kube.apply(*rights)
    token = kube.kubectl("create", "token", "mlrun-operator").strip()
    admin = yaml.safe_load(Path(kube.facts["kubeconfig"]).read_text())
    user = {"name": "operator", "user": {"token": token}}
    context = {"name": "c", "context": {"cluster": admin["clusters"][0]["name"], "user": "operator"}}
    return yaml.safe_dump({**admin, "users": [user], "contexts": [context], "current-context": "c"})


class Operator:
    """An operator process for one namespace. `module` may be one that dies on purpose."""

    def __init__(self, kube: Kube, kubeconfig: Path, log: Path, **environment: str) -> None:
        self.kube = kube
        self.port = free_port()
        self.metrics_port = free_port()
        self.log = log
        self._environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "PYTHONPATH": str(REPOSITORY / "tests"),
            "MLRUN_OPERATOR_NAMESPACES": kube.namespace,
            "MLRUN_OPERATOR_LISTEN": f"127.0.0.1:{self.port}",
            "MLRUN_OPERATOR_METRICS_LISTEN": f"127.0.0.1:{self.metrics_port}",
            "MLRUN_OPERATOR_WRAPPER_IMAGE": STANDIN_IMAGE,
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, module: str = "mlrun_operator.controller", **environment: str) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                env={**self._environment, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """SIGKILL: no farewell."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        if self._process:
            self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=30)

    def ended(self, timeout: float = 60) -> int:
        """The exit code of a process that ends by itself."""
        assert self._process is not None
        return self._process.wait(timeout)

    def ready(self) -> None:
        eventually(lambda: self.probe("readyz")[0] == 200, "the operator is ready", 30, self.log.read_text)

    def probe(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, None


@contextmanager
def operator_of(kube: Kube, folder: Path, **environment: str) -> Iterator[Operator]:
    """An operator that is not started yet; killed in the end."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(grant(kube))
    operator = Operator(kube, kubeconfig, folder / "operator.log", **environment)
    try:
        yield operator
    finally:
        operator.kill()


def scale_deployed_operator(replicas: int) -> int:
    """Scale the operator that is deployed in the cluster, if there is one; at 0 wait until it has ended.

    Return how many replicas it had.
    """
    system, selector = Kube("mlrun-system"), "app.kubernetes.io/name=mlrun-operator"
    deployments = system.all("deployments", "-l", selector)
    before = max((deployment["spec"]["replicas"] for deployment in deployments), default=0)
    for deployment in deployments if before != replicas else ():
        system.kubectl("scale", f"deployment/{deployment['metadata']['name']}", f"--replicas={replicas}")
    if deployments and replicas == 0:
        system.kubectl("wait", "pods", "-l", selector, "--for=delete", "--timeout=60s")
    return before
