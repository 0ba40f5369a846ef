"""What handles say without asking anyone: pure properties of the objects behind them."""

import html
import json
from collections.abc import Mapping
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, labels_of, spec_of, status_of
from mlrun_operator.api.reasons import EXPLANATIONS, known_reason
from mlrun_operator.api.v1alpha1.status import Attempt, SweepStatus
from mlrun_operator.api.v1alpha1.sweep import read_sweep, sweep_words
from mlrun_operator.api.visible import one_line, visible
from mlrun_operator.sdk import naming
from mlrun_operator.sdk.manifests import clean, dump
from mlrun_operator.sdk.states import state_of
from mlrun_operator.sdk.status import has_ended
from mlrun_operator.sdk.stores.runs import project_of
from mlrun_operator.store import Entity

_COLORS: Final = {
    "COMPLETED": "#2e7d32",
    "ERROR": "#c62828",
    "STOPPED": "#757575",
    "RUNNING": "#1565c0",
    "PENDING": "#ef6c00",
    "CREATED": "#ef6c00",
}


class Status(Mapping[str, Any]):
    """A run's status: a dictionary as the resource has it, and its parts by name (`status.start_time`)."""

    def __init__(self, data: Object) -> None:
        self._data = data

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __iter__(self) -> Any:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    @property
    def state(self) -> str:
        """CREATED, PENDING, RUNNING, COMPLETED, ERROR or STOPPED, as DigitalHub calls them."""
        return state_of(self._data.get("phase"))

    @property
    def phase(self) -> str | None:
        """The operator's own word: Pending, Running, Succeeded, Failed, Stopped, Suspended or Scheduled."""
        return self._data.get("phase")

    @property
    def reason(self) -> str | None:
        """One of docs/reasons.md."""
        return self._data.get("reason")

    @property
    def message(self) -> str:
        """The reason in words, with the handler's own traceback below where there is one."""
        return str(self._data.get("message") or "")

    def __getattr__(self, name: str) -> Any:
        from mlrun_operator.sdk.translate.shapes import camel

        if name.startswith("_"):
            raise AttributeError(name)
        return self._data.get(camel(name))

    def to_dict(self) -> Object:
        """As the resource has it."""
        return dict(self._data)

    def __repr__(self) -> str:
        return visible(f"Status({self.state}{f', {self.reason}' if self.reason else ''})")


class ObjectView:
    """What functions and runs have in common. `_obj` is the Kubernetes object."""

    _obj: Object

    @property
    def _meta(self) -> Object:
        return dict(self._obj["metadata"])

    @property
    def _spec(self) -> Object:
        return dict(spec_of(self._obj))

    @property
    def spec(self) -> Object:
        """The resource's spec."""
        return dict(self._spec)

    @property
    def namespace(self) -> str:
        """Where the object is."""
        return str(self._meta.get("namespace", ""))

    @property
    def object_name(self) -> str:
        """The metadata.name: a legal Kubernetes name."""
        return str(self._meta["name"])

    @property
    def labels(self) -> list[str]:
        """The user's labels, as DigitalHub lists them: `name` or `name:value`."""
        own = (f"{constants.GROUP}/", "app.kubernetes.io/")
        found = {n: v for n, v in labels_of(self._obj).items() if not n.startswith(own)}
        return [f"{name}:{value}" if value else name for name, value in found.items()]

    @property
    def saved(self) -> bool:
        """Whether the backend has the object."""
        return "uid" in self._meta

    def to_dict(self) -> Object:
        """The Kubernetes object as it was read last."""
        return dict(self._obj)

    def to_yaml(self) -> str:
        """The manifest for Git: without the status and what the cluster adds."""
        return dump(clean(self._obj))


class FunctionView(ObjectView):
    """A function."""

    @property
    def name(self) -> str:
        """The original name."""
        return str(self._spec.get("name") or self._meta["name"])

    @property
    def project(self) -> str:
        """The project's name."""
        return str(self._spec.get("project") or self.namespace)

    @property
    def kind(self) -> str:
        """Always `mlrun`."""
        return naming.FUNCTION_KIND

    @property
    def uuid(self) -> str | None:
        """The uuid: the user's, else Kubernetes'; None before it is saved."""
        return self._spec.get("uuid") or self._meta.get("uid")

    id = uuid

    @property
    def key(self) -> str:
        """`store://<project>/function/mlrun/<name>:<uuid>`."""
        return naming.function_key(self.project, self.name, self.uuid)

    @property
    def function_string(self) -> str:
        """`mlrun://<project>/<name>:<uuid>`."""
        return naming.function_string(self.project, self.name, self.uuid)

    @property
    def description(self) -> str | None:
        """For people."""
        return self._spec.get("description")

    @property
    def handler(self) -> str | None:
        """What is called; None where the file runs as a script."""
        return self._spec.get("handler")

    @property
    def source(self) -> Object:
        """Where the code is."""
        return dict(self._spec.get("source") or {})

    @property
    def embedded(self) -> bool:
        """Whether a project export holds the whole function."""
        return self._spec.get("embedded", True) is not False

    def __repr__(self) -> str:
        return visible(f"Function({self.key})")

    def _repr_html_(self) -> str:
        rows = {"function": self.name, "project": self.project, "handler": self.handler or "(script)", "key": self.key}
        return _card(rows)


class RunView(ObjectView):
    """A run."""

    @property
    def name(self) -> str:
        """The original name."""
        return str(self._spec.get("name") or self._meta["name"])

    @property
    def project(self) -> str:
        """The project's name."""
        return project_of(self._obj)

    @property
    def kind(self) -> str:
        """DigitalHub's kind of such runs."""
        return "mlrun+run"

    @property
    def uuid(self) -> str | None:
        """Kubernetes' uid; None before it is submitted."""
        return self._meta.get("uid")

    id = uuid

    @property
    def key(self) -> str:
        """`store://<project>/run/run/<name>:<uid>`."""
        return naming.run_key(self.project, self.name, self.uuid)

    @property
    def function_name(self) -> str | None:
        """The function's object, or the name of one that is written into the run."""
        inline = self._spec.get("function") or {}
        return (self._spec.get("functionRef") or {}).get("name") or inline.get("name")

    @property
    def status(self) -> Status:
        """The status as it was read last."""
        return Status(status_of(self._obj))

    @property
    def state(self) -> str:
        """CREATED, PENDING, RUNNING, COMPLETED, ERROR or STOPPED."""
        return self.status.state

    @property
    def phase(self) -> str | None:
        """The operator's own word, which also knows Scheduled and Suspended."""
        return self.status.phase

    @property
    def is_scheduled(self) -> bool:
        """Whether the run is a schedule, which has no end."""
        return "schedule" in self._spec

    @property
    def is_suspended(self) -> bool:
        """Whether the run waits for `suspend` to be taken back."""
        return self.phase == "Suspended"

    @property
    def is_finished(self) -> bool:
        """Whether, as it was read last, nothing of it will run any more."""
        return has_ended(self._obj)

    @property
    def attempts(self) -> list[Attempt]:
        """The newest pods of the current execution, oldest first."""
        return [Attempt.model_validate(each) for each in self.status.get("attempts") or ()]

    @property
    def sweep(self) -> SweepStatus | None:
        """Of a run with hyperparameters: how many points have ended and how, and which is the best."""
        return read_sweep(self.status)

    @property
    def explanation(self) -> str:
        """What happened and what to do, where there is something; empty for a reason that nobody here knows."""
        reason = known_reason(self.status.reason)
        if reason is None:
            return ""
        found = EXPLANATIONS[reason]
        return found.happened if found.todo == "Nothing." else f"{found.happened} {found.todo}"

    def __repr__(self) -> str:
        return visible(f"Run({self.name}, {self.state})")

    def _repr_html_(self) -> str:
        status = self.status
        rows: Object = {"run": self.name, "function": self.function_name or "", "state": self.state}
        if status.reason and status.reason != status.phase:
            rows["reason"] = status.reason
        if status.message and self.state in ("ERROR", "PENDING"):
            rows["message"] = status.message
        rows |= {n: v for n, v in (("duration", status.duration), ("started", status.start_time)) if v}
        if self.sweep is not None:
            rows["points"] = sweep_words(self.sweep)
        for name, output in (status.get("outputs") or {}).items():
            rows[f"output {name}"] = output["key"]
        for name, value in (status.get("results") or {}).items():
            rows[f"result {name}"] = json.dumps(value)[:200]
        return _card(rows, _COLORS.get(self.state, ""))


class EntityView:
    """A dataitem, an artifact or a model."""

    _entity: Entity

    @property
    def key(self) -> str:
        """`store://<project>/<type>/<kind>/<name>:<uuid>`."""
        return str(self._entity.key)

    @property
    def name(self) -> str:
        """Its name."""
        return self._entity.key.name

    @property
    def project(self) -> str:
        """The project's name."""
        return self._entity.key.project

    @property
    def kind(self) -> str:
        """table, artifact or model."""
        return self._entity.key.kind

    @property
    def uuid(self) -> str | None:
        """Its uuid."""
        return self._entity.key.uuid

    id = uuid

    @property
    def path(self) -> str | None:
        """Where the data is."""
        return self._entity.path

    @property
    def metadata(self) -> Object:
        """Description, labels, times and what it comes from."""
        return dict(self._entity.metadata)

    @property
    def spec(self) -> Object:
        """The path, and what kind of data it is."""
        return dict(self._entity.spec)

    @property
    def status(self) -> Object:
        """Size, hash, preview."""
        return dict(self._entity.status)

    @property
    def schema(self) -> Object | None:
        """The fields of a table, as Frictionless has them."""
        return self._entity.spec.get("schema")

    @property
    def size(self) -> int | None:
        """Bytes."""
        return self._entity.status.get("size")

    @property
    def sha256(self) -> str | None:
        """Of the content."""
        return self._entity.status.get("sha256")

    def to_dict(self) -> Object:
        """As DigitalHub has it: project, name, id, kind, key, metadata, spec, status."""
        return self._entity.to_dict()

    def to_yaml(self) -> str:
        """The same in YAML."""
        return dump(self.to_dict())

    def preview(self) -> "Preview":
        """The first rows of a table, as they were stored with it."""
        return Preview(self._entity.status.get("preview") or {})

    def __repr__(self) -> str:
        return visible(f"{type(self).__name__.removeprefix('Async')}({self.key})")

    def _repr_html_(self) -> str:
        rows = {"name": self.name, "kind": self.kind, "path": self.path or "", "key": self.key}
        shown = self.preview()
        return _card(rows) + (shown._repr_html_() if shown.columns else "")


class Preview:
    """The first rows of a table."""

    def __init__(self, data: Object) -> None:
        self._columns = list(data.get("cols") or ())
        self.count: int | None = data.get("rows")

    @property
    def columns(self) -> list[str]:
        """Their names."""
        return [str(column["name"]) for column in self._columns]

    @property
    def rows(self) -> list[Object]:
        """Each row as a dictionary."""
        many = zip(*(column["value"] for column in self._columns), strict=False)
        return [dict(zip(self.columns, values, strict=True)) for values in many]

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        if not self._columns:
            return "(no preview)"
        rows = [self.columns, *([_text(row[name]) for name in self.columns] for row in self.rows)]
        table = [[one_line(cell) for cell in row] for row in rows]
        widths = [max(len(row[index]) for row in table) for index in range(len(self.columns))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
        ]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{_html(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{_html(_text(row[name]))}</td>" for name in self.columns) + "</tr>"
            for row in self.rows
        )
        of = f"<p>{len(self)} of {self.count} rows</p>" if self.count is not None else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{of}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _html(text: str) -> str:
    return html.escape(visible(text))


def _card(rows: Mapping[str, Any], color: str = "") -> str:
    style = f' style="color:{color}"' if color else ""
    cells = "".join(
        f"<tr><th style='text-align:left'>{_html(name)}</th>"
        f"<td{style if name == 'state' else ''}><pre style='margin:0'>{_html(str(value))}</pre></td></tr>"
        for name, value in rows.items()
    )
    return f"<table>{cells}</table>"
