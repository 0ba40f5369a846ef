"""Who is compared: each makes something of what it is given, in one namespace."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, Literal

from support.kube import REPOSITORY, Object, function, run
from support.kubelet import NOWHERE
from support.lab import World
from support.operators import STANDIN_IMAGE

from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.controller.settings import Settings
from mlrun_operator.render.envelope import PinnedFunction
from mlrun_operator.render.job import build_job

_TICKS: Final = os.sysconf("SC_CLK_TCK")
Name = Literal["ours", "floor", "usual", "job controller"]
NAMES: Final[tuple[Name, ...]] = ("ours", "floor", "usual", "job controller")


class Process:
    """An operator's process and what it costs."""

    def __init__(self, command: list[str], log: Path, **environment: str) -> None:
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests"), **environment},
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    @property
    def rss(self) -> int:
        """Bytes of memory in use."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def cpu(self) -> float:
        """Seconds of CPU so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def stop(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


class Contender:
    """One of them, in a world. `cause` is what is created, `effect` what it makes of that."""

    def __init__(self, name: Name, world: World) -> None:
        self.name = name
        self.world = world
        self.cause, self.effect = ("jobs", "pods") if name == "job controller" else ("mlrunruns", "jobs")
        self.process: Process | None = None
        self._template = world.log.parent / "job.json"
        self._template.write_text(json.dumps(_job()))

    async def start(self, **environment: str) -> None:
        """Start its process, where it is not Kubernetes' own, and wait until it is ready."""
        folder, namespace = self.world.log.parent, self.world.namespace
        common = {"KUBECONFIG": str(folder / "kubeconfig"), "NAMESPACE": namespace, "JOB_TEMPLATE": str(self._template)}
        ours = {
            "MLRUN_OPERATOR_NAMESPACES": namespace,
            "MLRUN_OPERATOR_LISTEN": f"127.0.0.1:{self.world.port}",
            "MLRUN_OPERATOR_METRICS_LISTEN": "",
            "MLRUN_OPERATOR_WRAPPER_IMAGE": STANDIN_IMAGE,
            "MLRUN_OPERATOR_LOG_LEVEL": "WARNING",
            **environment,
        }
        if self.name == "ours":
            self.process = Process(["-m", "mlrun_operator.controller"], self.world.log, **common, **ours)
            await self.world.ready(60)
        elif self.name == "floor":
            self.process = Process(["-m", "bench.floor_operator"], self.world.log, **common)
            await asyncio.sleep(3)
        elif self.name == "usual":
            script = str(Path(__file__).parent / "usual_operator.py")
            command = ["-W", "ignore", "-m", "kopf", "run", "--standalone", "--quiet", "-n", namespace, script]
            self.process = Process(command, self.world.log, **common)
            await asyncio.sleep(8)

    def stop(self) -> None:
        if self.process:
            self.process.stop()
            self.process = None

    def manifest(self, name: str) -> Object:
        if self.name == "job controller":
            return {**_job(), "metadata": {"name": name}}
        return run(name, "fn", nodeSelector=NOWHERE)


def _job() -> Object:
    """The Job that our operator makes of a benchmark run, without its metadata."""
    spec: dict[str, Any] = run("template", "fn", nodeSelector=NOWHERE)["spec"]
    meta = {"name": "template", "namespace": "bench", "uid": "00000000-0000-0000-0000-000000000000", "generation": 1}
    code = {**function("fn"), "metadata": {**meta, "name": "fn"}}
    settings = Settings(wrapper_image=STANDIN_IMAGE)
    job = build_job(
        {"metadata": meta, "spec": spec},
        RunSpec.model_validate(spec),
        PinnedFunction.of_object(code),
        1,
        settings.platform,
    )
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": job["spec"]}
