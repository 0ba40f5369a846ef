"""Plain mlrun, without anything of this project: one process imports mlrun, and forks for each program.

`python plain.py jobs.json` runs every job of the file (id, folder, steps, files) and prints its id when its outcome is
in `<folder>/plain.json`.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import content
import mlrun
import pandas as pd  # noqa: F401 - once, for all children
import plotly.express  # noqa: F401 - as above
import pyarrow.parquet  # noqa: F401 - as above
import reference_db
from mlrun.runtimes import local
from mlrun.runtimes.utils import global_context

PROJECT = "demo"
FUNCTION = "my-function"
SECONDS = 120
TABLE = "iteration_results"
_ARGUMENTS = ("params", "hyperparams", "hyper_param_options", "returns")


def main(jobs: Path) -> None:
    for job in json.loads(jobs.read_text()):
        child = os.fork()
        if child == 0:
            _child(job)
        os.waitpid(child, 0)
        print(job["id"], flush=True)


def _child(job: dict[str, Any]) -> None:
    signal.alarm(SECONDS)
    folder = Path(job["folder"]) / "plain"
    (folder / "cwd").mkdir(parents=True)
    log = os.open(folder / "log.txt", os.O_CREAT | os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(folder / "cwd")
    code = 0
    try:
        outcomes = Runs(job, folder).all()
        (folder.parent / "plain.json").write_text(json.dumps(outcomes))
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Runs:
    """The runs of one program, in one database."""

    def __init__(self, job: dict[str, Any], folder: Path) -> None:
        self.job, self.folder = job, folder
        self.db = reference_db.install()
        self.outputs: dict[str, str] = {}
        self._own_names: set[str] = set()
        mlrun.mlconf.artifact_path = str(folder / "artifacts")
        # Without the uid a run writes over the files of an earlier one.
        self._output_path = f"{mlrun.mlconf.artifact_path}/{{{{run.uid}}}}"
        mlrun.get_or_create_project(PROJECT, context=str(folder / "cwd"), user_project=False, save=False)
        local.run_exec = _in_this_process

    def all(self) -> list[dict[str, Any]]:
        """The outcome of each step."""
        return [self._outcome(step) for step in self.job["steps"]]

    def _outcome(self, step: dict[str, Any]) -> dict[str, Any]:
        os.environ.update(step.get("env", {}))
        before = set(self.db.runs)
        rows = {id(row): row.body for row in self.db.rows}
        refused = self._run(step)
        mine = [key for key in self.db.runs if key not in before]
        if not mine:
            return {"state": "refused", "error": (refused or {}).get("error")}
        run = self.db.runs[mine[0]]
        self._own_names.add(run["metadata"]["name"])
        status = run["status"]
        made = [row for row in self.db.rows if rows.get(id(row)) is not row.body]
        artifacts = dict(self._artifact(row) for row in made)
        for row in made:  # the best iteration has the plain name
            if row.best and row.iteration:
                artifacts[self._name(row)] = artifacts[f"{self._name(row)}-{row.iteration}"]
        self.outputs |= status.get("artifact_uris") or {}
        return content.plain(
            {
                "state": refused["state"] if refused else status.get("state"),
                "error": status.get("error") or (refused or {}).get("error"),
                "results": self._named_results(status.get("results") or {}),
                "artifacts": artifacts,
                "iterations": {
                    iteration: {
                        "state": each["status"].get("state"),
                        "results": self._named_results(each["status"].get("results") or {}),
                    }
                    for (uid, iteration), each in self.db.runs.items()
                    if iteration and (uid, iteration) in mine
                },
                "nested": sorted(
                    str(self.db.runs[key]["status"].get("state")) for key in mine if key[0] != mine[0][0] and not key[1]
                ),
            }
        )

    def _run(self, step: dict[str, Any]) -> dict[str, Any] | None:
        given = {name: step[name] for name in _ARGUMENTS if name in step}
        function = mlrun.code_to_function(
            FUNCTION, project=PROJECT, filename=self.job["file"], kind="job", image="mlrun/mlrun"
        )
        inputs = {name: self._input(value) for name, value in step.get("inputs", {}).items()}
        if "param_file" in given.get("hyper_param_options", {}):
            options = given["hyper_param_options"]
            given["hyper_param_options"] = {**options, "param_file": self._input(options["param_file"])}
        try:
            if step["handler"]:
                function.run(
                    handler=step["handler"],
                    inputs=inputs,
                    local=True,
                    output_path=self._output_path,
                    **given,
                )
            else:
                script = mlrun.new_function(FUNCTION, project=PROJECT, kind="local", command=self.job["file"])
                script.run(inputs=inputs, output_path=self._output_path, **given)
        except SystemExit as error:  # mlrun's server takes the state from the pod's exit code
            return {"state": "error", "error": f"sys.exit({error.code})"} if error.code else {"state": "completed"}
        except Exception as error:
            traceback.print_exc()
            return {"state": "error", "error": mlrun.errors.err_to_str(error)}
        return None

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
            keys = [row.key for row in self.db.rows if self._name(row) == name]
            return f"store://artifacts/{PROJECT}/{keys[-1]}" + (f":{tag}" if tag else "")
        return value

    def _name(self, row: reference_db.Row) -> str:
        """The catalogue's name; where mlrun puts the run's before it by default, only of nested runs with it."""
        producer = row.body["spec"].get("producer", {}).get("name") or ""
        return str(row.key.removeprefix(f"{producer}_") if producer in self._own_names else row.key)

    def _artifact(self, row: reference_db.Row) -> tuple[str, dict[str, Any]]:
        body, spec = row.body, row.body["spec"]
        kind = {"dataset": "dataset", "model": "model"}.get(body.get("kind") or "", "artifact")
        name = self._name(row) + (f"-{row.iteration}" if row.iteration else "")
        labels = {label: str(value) for label, value in (body["metadata"].get("labels") or {}).items()}
        files = _files(spec, kind if name != TABLE else "dataset")
        described: dict[str, Any] = {"kind": kind, "labels": labels, "files": files}
        if kind == "model":
            fields = ("framework", "algorithm", "metrics", "parameters", "model_file")
            described["model"] = {field: spec[field] for field in fields if spec.get(field)}
        return name, described

    def _named_results(self, results: dict[str, Any]) -> dict[str, Any]:
        """The results without mlrun's URIs of artifacts, which hold identifiers."""
        return {name: content.plain(_without_uris(value)) for name, value in results.items()}


def _files(spec: dict[str, Any], kind: str) -> Any:
    target = spec.get("target_path") or spec.get("model_url") or ""
    if spec.get("inline") is not None and not target:
        return {f"*.{spec.get('format') or 'txt'}": content.of_bytes(str(spec["inline"]).encode())}
    if "://" in target and not target.startswith("file://"):
        return {"*": target}
    path = Path(target.removeprefix("file://"))
    return content.described(path, kind) if target and path.exists() else None


def _without_uris(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"store://[a-z-]+/demo/\S+", "<uri>", value)
    if isinstance(value, list):
        return [_without_uris(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_uris(item) for name, item in value.items()}
    return value


def _in_this_process(command: list[str], args: Any, **_: Any) -> tuple[str, str]:
    """A script, in the place of another Python that would import mlrun again."""
    global_context.set(None)
    try:
        runpy.run_path(command[-1], run_name="__main__")
    except SystemExit as error:
        return "", f"sys.exit({error.code})" if error.code else ""
    except BaseException as error:
        traceback.print_exc()
        return "", mlrun.errors.err_to_str(error) or type(error).__name__
    return "", ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
