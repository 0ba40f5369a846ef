"""The same programs by the real wrapper, as `function.run(local_execution=True)` gives them to it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import content
from wrapper_runs import WrapperRun

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.values.keys import Key
from mlrun_operator.render.envelope import PinnedFunction, build_envelope
from mlrun_operator.sdk.errors import SdkError
from mlrun_operator.sdk.translate.run import RunRequest, run_spec
from mlrun_operator.store import Catalogue, Entity, open_store

PROJECT = "demo"
NAMESPACE = "team-a"
_KINDS = {"dataitem": "dataset", "model": "model"}
_TABLE = "iteration_results"


class Runs:
    """The runs of one program, in one store."""

    def __init__(self, job: dict[str, Any], python: Path) -> None:
        self._python = python
        self.job, self.folder = job, Path(job["folder"]) / "ours"
        self.info = StoreInfo(root=f"file://{self.folder}/store")
        self.catalogue = Catalogue(open_store(self.info))
        self.outputs: dict[str, str] = {}
        self.log = ""

    def all(self) -> list[dict[str, Any]]:
        """The outcome of each step."""
        return [self._outcome(number, step) for number, step in enumerate(self.job["steps"])]

    def _outcome(self, number: int, step: dict[str, Any]) -> dict[str, Any]:
        before = self._entities()
        try:
            envelope = self._envelope(number, step)
        except (SdkError, ValueError) as error:
            return {"state": "refused", "error": str(error)}
        folder = self.folder / f"run{number}"
        folder.mkdir(parents=True)
        ended = WrapperRun(folder, envelope, {"MLRUN_EXECUTOR_PYTHON": str(self._python), **step.get("env", {})}).end()
        self.log += ended.log
        report = json.loads((Path(ended.result.run_path.removeprefix("file://")) / "run.json").read_text())
        made = [entity for key, entity in self._entities().items() if key not in before]
        self.outputs |= {name: info["key"] for name, info in report.get("outputs", {}).items()}
        names = {str(entity.key): entity.key.name for entity in made}
        return content.plain(
            {
                "state": report["state"],
                "error": "\n".join(filter(None, (report.get("message"), report.get("traceback")))) or None,
                "reason": report["reason"],
                "results": _without_keys(report.get("results", {})),
                "artifacts": {entity.key.name: self._artifact(entity) for entity in made},
                "iterations": _iterations(report),
                "nested": sorted(child["state"] for child in report["children"] if not child.get("iteration")),
                "warnings": report.get("warnings", []),
                "outputs": {name: names.get(info["key"]) for name, info in report.get("outputs", {}).items()},
            }
        )

    def _envelope(self, number: int, step: dict[str, Any]) -> Any:
        arguments: dict[str, Any] = {"parameters": step.get("params", {})}
        arguments |= {name: step[name] for name in ("hyperparams", "hyper_param_options", "returns") if name in step}
        if "param_file" in arguments.get("hyper_param_options", {}):
            options = arguments["hyper_param_options"]
            arguments["hyper_param_options"] = {**options, "param_file": self._input(options["param_file"])}
        if "inputs" in step:
            arguments["inputs"] = {name: self._input(value) for name, value in step["inputs"].items()}
        request = RunRequest(PROJECT, NAMESPACE, "my-function", "my-function")
        spec = run_spec(request, arguments, lambda value, *_: value)
        function = {"source": {"code": Path(self.job["file"]).read_text()}}
        if step["handler"]:
            function["handler"] = step["handler"]
        pinned = PinnedFunction.of_object(
            {"metadata": {"name": "my-function", "uid": "function-uid", "generation": 1}, "spec": function}
        )
        run = {"metadata": {"name": f"run-{number}", "namespace": NAMESPACE, "uid": f"uid-{number}"}}
        platform = Platform(wrapper_image="local", store=self.info)
        envelope = build_envelope(run, RunSpec.model_validate(spec), pinned, 1, platform)
        return envelope.model_copy(update={"result_budget": 1 << 20})

    def _input(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._input(item) for item in value]
        if isinstance(value, dict):
            return {name: self._input(item) for name, item in value.items()}
        kind, _, name = value.partition(":")
        if kind == "file":
            return str(Path(self.job["folder"]) / "files" / name)
        if kind == "output":
            return self.outputs[name]
        if kind == "stored":
            name, _, tag = name.partition(":")
            return str(self._named(name)) + (f":{tag}" if tag else "")
        return value

    def _named(self, name: str) -> Key:
        """The key of the name's latest entity; an artifact's where none is there."""
        keys = [entity.key for entity in self._entities().values() if entity.key.name == name]
        return Key(PROJECT, keys[-1].type, keys[-1].kind, name) if keys else Key(PROJECT, "artifact", "artifact", name)

    def _entities(self) -> dict[str, Entity]:
        """Every entity of the store but runs, by its key."""
        found = {}
        root = Path(self.info.root.removeprefix("file://"))
        for file in sorted(root.glob(f"{PROJECT}/*/*/*/*/entity.json")):
            _, type_, kind, name, uuid, _ = file.relative_to(root).parts
            entity = self.catalogue.read(Key(PROJECT, type_, kind, name, uuid))
            found[str(entity.key)] = entity
        return found

    def _artifact(self, entity: Entity) -> dict[str, Any]:
        kind = _KINDS.get(entity.key.type, "artifact")
        labels = dict(label.split(":", 1) for label in entity.metadata.get("labels") or [])
        described = {
            "kind": kind,
            "labels": labels,
            "files": _files(entity.path or "", "dataset" if entity.key.name == _TABLE else kind),
        }
        if kind == "model":
            fields = ("framework", "algorithm", "metrics", "parameters", "model_file")
            described["model"] = {field: entity.spec[field] for field in fields if entity.spec.get(field)}
        return described


def _files(path: str, kind: str) -> Any:
    if not path.startswith("file://"):
        return {"*": path}
    return content.described(Path(path.removeprefix("file://")), kind)


def _iterations(report: dict[str, Any]) -> dict[str, Any]:
    rows = report.get("points") or [child for child in report["children"] if child.get("iteration")]
    return {
        str(row["iteration"]): {"state": row["state"], "results": _without_keys(row.get("results", {}))} for row in rows
    }


def _without_keys(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"store://demo/\S+|store://[a-z-]+/demo/\S+", "<uri>", value)
    if isinstance(value, list):
        return [_without_keys(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_keys(item) for name, item in value.items()}
    return value
