"""What is wrong with manifests, found without a cluster: the models that the CRDs are made of, and the operator's own
refusals. Every problem has the line it is about."""

import ast
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object, spec_of
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.values.float_pointers import with_floats
from mlrun_operator.api.values.handlers import Handler
from mlrun_operator.api.values.names import kubernetes_name
from mlrun_operator.assess.jobs import overridden_fields
from mlrun_operator.assess.python_syntax import syntax_error
from mlrun_operator.cli.documents import Document, Path_
from mlrun_operator.cli.rendering import job_of
from mlrun_operator.schema.structural import structural
from mlrun_operator.sdk.foreign.mlrun_function import is_mlrun_function
from mlrun_operator.sdk.translate.floats import pointers_of

SPECS: Final[dict[str, type[BaseModel]]] = {constants.FUNCTION_KIND: FunctionSpec, constants.RUN_KIND: RunSpec}
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SHOWN_POINTERS: Final = 5
# The fields of a pod that a variable may have, as of Kubernetes 1.34.
_FIELD_PATH: Final = re.compile(
    r"metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])"
    r"|spec\.(nodeName|serviceAccountName)|status\.(hostIPs?|podIPs?)"
)
# What is said of a text that stands where the models want something else, by pydantic's name of the error.
_WANTED: Final = {
    "int_type": "must be a whole number without quotes, not {}",
    "int_parsing": "must be a whole number without quotes, not {}",
    "float_type": "must be a number without quotes, not {}",
    "float_parsing": "must be a number without quotes, not {}",
    "bool_type": "must be true or false without quotes, not {}",
    "bool_parsing": "must be true or false without quotes, not {}",
}
_PARTS: Final = ("apiVersion", "kind", "metadata", "spec", "status")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or (`note`) worth knowing. `field` is its path in the object."""

    file: str
    line: int
    object: str
    field: str
    message: str
    note: bool = False

    def __str__(self) -> str:
        what = ": ".join(part for part in (self.object, self.field, self.message) if part)
        return f"{self.file}:{self.line}: {'note: ' if self.note else ''}{what}"

    def wire(self) -> Object:
        """For --json."""
        return asdict(self)


def is_ours(value: Any) -> bool:
    """Whether the object says it is of our API group, in whichever version."""
    return isinstance(value, dict) and str(value.get("apiVersion", "")).split("/")[0] == constants.GROUP


def check(documents: Sequence[Document], platform: Platform | None = None) -> list[Problem]:
    """All problems of the objects of ours among the documents, in the files' order."""
    objects = [d.value for d in documents if is_ours(d.value)]
    seen: dict[tuple[str, ...], Document] = {}
    found: list[Problem] = []
    for document in documents:
        if not isinstance(document.value, dict):
            found.append(Problem(document.file, document.line(), "", "", "a document must be an object with a kind"))
        elif is_mlrun_function(document.value):
            words = f"this is an MLRun function; `mlrunctl convert {document.file}` prints the MlrunFunction of it"
            name = f"MLRun function {document.value['metadata']['name']}"
            found.append(Problem(document.file, document.line(), name, "", words))
        elif is_ours(document.value):
            here = [*_Check(document, objects, platform or Platform()).problems(), *_twice(document, seen)]
            found += sorted(here, key=lambda p: p.line)
    return found


def _key(value: Object) -> tuple[str, ...]:
    written = value.get("metadata")
    meta: Object = written if isinstance(written, dict) else {}
    return tuple(str(part) for part in (value.get("kind"), meta.get("namespace", ""), meta.get("name", "")))


def _twice(document: Document, seen: dict[tuple[str, ...], Document]) -> Iterator[Problem]:
    key = _key(document.value)
    first = seen.setdefault(key, document)
    if first is not document and key[-1]:
        words = f"is also in {first.file}:{first.line()}; the later one would replace it"
        yield Problem(document.file, document.line(("metadata", "name")), f"{key[0]}/{key[-1]}", "metadata.name", words)


class _Check:
    """One object."""

    def __init__(self, document: Document, objects: Sequence[Object], platform: Platform) -> None:
        self._document, self._objects, self._platform = document, objects, platform
        self._value: Object = document.value
        self._kind = str(self._value.get("kind"))
        meta = self._value.get("metadata")
        self._meta: Object = meta if isinstance(meta, dict) else {}

    def problems(self) -> list[Problem]:
        head = list(self._head())
        if self._kind not in SPECS:
            return head
        spec = list(self._spec())
        return [*head, *spec] if head or spec else list(self._deep())

    def _head(self) -> Iterator[Problem]:
        if self._value["apiVersion"] != constants.API_VERSION:
            yield self._problem(("apiVersion",), f"this version is not known; use {constants.API_VERSION}")
        if self._kind not in SPECS:
            yield self._problem(("kind",), f"{self._kind!r} is no kind of ours; there are {' and '.join(SPECS)}")
        for name in self._value:
            if name not in _PARTS:
                yield self._problem((name,), "unknown field" + _nearest(str(name), _PARTS))
        yield from self._named()

    def _named(self) -> Iterator[Problem]:
        name = self._meta.get("name")
        if name is None and "generateName" not in self._meta:
            yield self._problem(("metadata",), "metadata.name is required")
        elif name is not None and (not isinstance(name, str) or len(name) > 253 or not _NAME.fullmatch(name)):
            legal = kubernetes_name(str(name))
            words = f"{name!r} is no legal Kubernetes name; write {legal} here and the original as spec.name"
            yield self._problem(("metadata", "name"), words)
        for part in ("labels", "annotations"):
            for key, value in (self._meta.get(part) or {}).items():
                if not isinstance(value, str):
                    words = f"must be a text; put quotes around {value!r}"
                    yield self._problem(("metadata", part, str(key)), words)

    def _spec(self) -> Iterator[Problem]:
        model = SPECS[self._kind]
        if not isinstance(self._value.get("spec"), dict):
            yield self._problem((), "spec is required")
            return
        for each in _wrong(model, self._value["spec"]):
            path = ("spec", *self._written(each["loc"], absent=each["type"] in ("missing", "extra_forbidden")))
            yield self._problem(path, _words(each, model))

    def _written(self, loc: Path_, *, absent: bool) -> list[str | int]:
        """The parts of pydantic's path that users write, without the names of alternatives; an absent field at last."""
        path: list[str | int] = []
        node: Any = self._value["spec"]
        for part in loc:
            inside = isinstance(node, dict) or (isinstance(node, list) and isinstance(part, int))
            if inside and (part in node if isinstance(node, dict) else int(part) < len(node)):
                node = node[part]
            elif not (absent and part == loc[-1]):
                continue
            path.append(part)
        return path

    def _deep(self) -> Iterator[Problem]:
        """What only the whole shows: the code as Python, and the Job that would be made."""
        if self._kind == constants.FUNCTION_KIND:
            spec = FunctionSpec.model_validate(self._value["spec"])
            yield from self._code(spec, ("spec",))
            return
        run = RunSpec.model_validate(self._value["spec"])
        if run.function is not None:
            yield from self._code(run.function, ("spec", "function"))
        yield from self._floats(run.float_parameters)
        yield from self._field_paths(run)
        yield from self._job(run)

    def _floats(self, given: list[str] | None) -> Iterator[Problem]:
        """Pointers to nothing, and floats that Kubernetes stores as integers."""
        spec = self._value["spec"]
        for words in with_floats(spec, given or ())[1]:
            yield self._problem(("spec", "floatParameters"), words.removeprefix("floatParameters: "), note=True)
        pointers = pointers_of(spec) if given is None else []
        if pointers:
            yield self._problem(("spec", *pointers[0].split("/")[1:]), _lost_floats(pointers), note=True)

    def _field_paths(self, run: RunSpec) -> Iterator[Problem]:
        """Fields of the pod that today's Kubernetes does not give to variables."""
        for index, variable in enumerate(run.env or ()):
            field = variable.value_from.field_ref if variable.value_from else None
            if field is not None and not _FIELD_PATH.fullmatch(field.field_path):
                path = ("spec", "env", index, "valueFrom", "fieldRef", "fieldPath")
                words = f"{field.field_path!r} is no field that Kubernetes gives to variables"
                yield self._problem(path, words, note=True)

    def _code(self, function: FunctionSpec, path: Path_) -> Iterator[Problem]:
        wrong = syntax_error(function.source.inline())
        if wrong:
            line, words = wrong
            yield self._at_code(path, line, f"the code is not Python: {words}")
            return
        handler = Handler.parse(function.handler) if function.handler else None
        if handler and handler.module is None and function.source.uri is None:
            names = _bound(function.source.inline())
            wanted = handler.cls or handler.name
            if names is not None and wanted not in names:
                words = f"the code defines no {wanted!r}{_nearest(wanted, sorted(names))}"
                yield self._problem((*path, "handler"), words)

    def _at_code(self, path: Path_, line: int, words: str) -> Problem:
        where = (*path, "source", "code")
        written = self._document.text_line(where)
        inside = (self._value["spec"].get("function") or self._value["spec"])["source"]
        at = written + line - 1 if "code" in inside else self._document.line((*path, "source"))
        return Problem(self._document.file, at, self._name, ".".join(map(str, where[:-1])), words)

    def _job(self, run: RunSpec) -> Iterator[Problem]:
        try:
            job = job_of(self._value, self._objects, self._platform)
        except ValidationError:
            return  # the function's own problem, told there
        except ValueError as error:
            yield self._problem(("spec",), str(error))
            return
        if job is None:
            asked = run.function_ref.name if run.function_ref else ""
            words = f"MlrunFunction {asked} is not among these files; the cluster must have it"
            yield self._problem(("spec", "functionRef", "name"), words, note=True)
        if job is not None and (overridden := overridden_fields(_rendered_job(job))):
            yield self._problem(("spec", "podTemplate"), overridden.removeprefix("podTemplate: "), note=True)
        for name in _regular_sidecars(job or {}):
            words = f"container {name} keeps the pod: it is deleted soon after the report. Better: a native sidecar"
            yield self._problem(("spec", "podTemplate"), f"{words}, see docs/sidecars.md", note=True)

    @property
    def _name(self) -> str:
        return f"{self._kind}/{self._meta.get('name') or self._meta.get('generateName') or '?'}"

    def _problem(self, path: Path_, words: str, *, note: bool = False) -> Problem:
        field = ""
        for part in path:
            field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else part
        return Problem(self._document.file, self._document.line(path), self._name, field, words, note)


def _shown(value: Any) -> str:
    return repr(value[:40]) if isinstance(value, str) else str(value).lower()


def _lost_floats(pointers: list[str]) -> str:
    more = ", …" if len(pointers) > _SHOWN_POINTERS else ""
    named = f"floatParameters: [{', '.join(pointers[:_SHOWN_POINTERS])}{more}]"
    return f"Kubernetes stores 1.0 as 1. For kubectl and GitOps write {named}; mlrunctl apply does so"


def _rendered_job(job: Object) -> Object:
    """Return the Job, or the template of a CronJob's Jobs."""
    template: Object = spec_of(job).get("jobTemplate") or job
    return template


def _regular_sidecars(job: Object) -> list[str]:
    """Return the containers beside the wrapper's, of a Job or CronJob, that Kubernetes waits for."""
    template = spec_of(_rendered_job(job)).get("template") or {}
    containers = spec_of(template).get("containers") or ()
    return [container["name"] for container in containers if container["name"] != constants.CONTAINER]


def _errors(model: type[BaseModel], spec: Object, *, strict: bool = False) -> list[Object]:
    try:
        model.model_validate(spec, strict=strict, by_alias=True, by_name=False)
    except ValidationError as error:
        return [dict(each) for each in error.errors()]
    return []


def _wrong(model: type[BaseModel], spec: Object) -> list[Object]:
    """What the models refuse, and texts for numbers and booleans, and booleans for numbers, which only CRDs refuse."""
    errors = _errors(model, spec)
    told = [each["loc"] for each in errors]
    return [
        *errors,
        *(e for e in _errors(model, spec, strict=True) if _is_text_for_another(e) and e["loc"] not in told),
    ]


def _is_text_for_another(error: Object) -> bool:
    return error["type"] in _WANTED and isinstance(error["input"], str | bool)


def _words(error: Object, model: type[BaseModel]) -> str:
    if _is_text_for_another(error):
        return _WANTED[error["type"]].format(_shown(error["input"]))
    if error["type"] == "extra_forbidden":
        return "unknown field" + _nearest(str(error["loc"][-1]), _known(model, error["loc"][:-1]))
    if error["type"] == "missing":
        return "is required"
    message: str = error["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:] if message.startswith("Input should") else message


def _known(model: type[BaseModel], path: Path_) -> list[str]:
    """The fields that there are at this place."""
    node = structural(model)
    for part in path:
        below = node.get("properties", {}).get(part) or node.get("items") or node.get("additionalProperties")
        node = below if isinstance(below, dict) else {}
    return list(node.get("properties", {}))


def _nearest(word: str, known: Sequence[str]) -> str:
    folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.replace("_", "").lower(), folded, n=1, cutoff=0.6)
    return f"; did you mean {folded[near[0]]}?" if near else ""


def _bound(code: bytes) -> set[str] | None:
    """The names that a module binds anywhere but inside of functions and classes; None where it cannot be told."""
    names: set[str] = set()
    todo: list[ast.AST] = [ast.parse(code)]
    while todo:
        node = todo.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
                continue
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                return None
            case ast.alias(name=name, asname=asname):
                names.add(asname or name.split(".")[0])
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Call(func=ast.Name(id="globals" | "exec" | "setattr")):
                return None
        todo += ast.iter_child_nodes(node)
    return names
