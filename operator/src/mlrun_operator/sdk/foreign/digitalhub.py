"""DigitalHub's functions, tasks, runs and calls, and MLRun's functions, as our resources. Pure.

Entities are JSON as its API and its project exports have them; calls are the keyword arguments of `new_function` and
of `function.run`. The shapes inside (volumes, resources, affinity, …) are translated by the SDK, which takes the same.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object
from mlrun_operator.api.values.keys import Key
from mlrun_operator.api.values.names import kubernetes_name
from mlrun_operator.sdk.errors import SdkError
from mlrun_operator.sdk.foreign import mlrun_function
from mlrun_operator.sdk.foreign.entity_fields import RefusalError, list_of, mapping_of
from mlrun_operator.sdk.foreign.quartz import five_fields
from mlrun_operator.sdk.naming import parse_function
from mlrun_operator.sdk.translate import RunRequest, function_object, function_spec, options, run_object, run_spec
from mlrun_operator.sdk.translate.function import ARGUMENTS as FUNCTION_ARGUMENTS
from mlrun_operator.sdk.translate.run import ARGUMENTS as RUN_ARGUMENTS
from mlrun_operator.sdk.translate.run import check_action
from mlrun_operator.sdk.translate.shapes import snake

_RUNS: Final = ("mlrun+run", "mlrun+job+run", "run")
_ENTITIES: Final = ("dataitems", "artifacts", "models")
_DATA: Final = ("table", "dataitem", "artifact", "model")
# Of an entity's spec, what says nothing that our resources say.
_IDLE: Final = ("task", "function", "local_execution", "command", "user", "k8s", "action")
# What older versions copied into a run: its task's options by these names.
_COPIES_OF_TASK: Final = ("job_spec", "task_spec")
_OPTIONS: Final = options.FIELDS | options.ALIASES.keys()
_EMPTY: Final[tuple[object, ...]] = (None, "", [], {}, False)

# The project of a function that names none: its namespace's.
_OF_NAMESPACE: Final = ""


@dataclass
class Converted:
    """The resources, what got lost in them (`notes`), and what could not be converted and why (`refusals`)."""

    objects: list[Object] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


def convert(documents: Iterable[tuple[Any, str]], namespace: str | None = None) -> Converted:
    """Everything in the documents, each with where it is; functions before the runs that refer to them."""
    done = _Conversion(namespace)
    for value, where in documents:
        done.sort(value, where)
    done.convert()
    return done.found


@dataclass
class _Task:
    """A task's options; which function's it is; whether something here has taken them."""

    where: str
    function: str
    options: Object
    used: bool = False


class _Conversion:
    def __init__(self, namespace: str | None) -> None:
        self.found = Converted()
        self._namespace = namespace
        self._functions: list[tuple[str, Object]] = []
        self._runs: list[tuple[str, Object]] = []
        self._tasks: dict[str, _Task] = {}
        self._all_tasks: list[_Task] = []
        self._paths: dict[str, str] = {}
        self._names: list[str] = []

    def sort(self, value: Any, where: str) -> None:
        """Tell what it is; entities that only others refer to are kept for them."""
        try:
            self._sort(value, where)
        except RefusalError as refusal:
            self.found.refusals.append(f"{where}: {refusal}")

    def _sort(self, value: Any, where: str) -> None:
        if isinstance(value, list):
            for each in value:
                self.sort(each, where)
            return
        if not isinstance(value, Mapping):
            raise RefusalError("is neither an entity nor the arguments of a call")
        kind, spec = str(value.get("kind") or ""), value.get("spec")
        if value.get("apiVersion"):
            raise RefusalError(f"{value.get('kind')} is a Kubernetes object already")
        if mlrun_function.is_mlrun_function(value):
            self._of_mlrun(value, where)
        elif {"new_function", "run"} & value.keys() and not isinstance(spec, Mapping):
            self._calls(value, where)
        elif not isinstance(spec, Mapping):
            self._arguments(dict(value), kind, where)
        elif kind == "project":
            self._project(spec, where)
        else:
            self._entity(dict(value), kind, dict(spec), where)

    def _of_mlrun(self, value: Mapping[str, Any], where: str) -> None:
        given, notes = mlrun_function.arguments(value)
        self.found.notes += [f"{where}: {note}" for note in notes]
        self._functions.append((where, {"project": _OF_NAMESPACE, **given}))

    def _calls(self, value: Mapping[str, Any], where: str) -> None:
        for name, into in (("new_function", self._functions), ("run", self._runs)):
            given = value.get(name)
            calls = given if isinstance(given, list) else [given]
            into += [(where, dict(mapping_of(each, name))) for each in calls if each]

    def _arguments(self, value: Object, kind: str, where: str) -> None:
        if "source" in value:
            if kind not in ("", "mlrun"):
                raise RefusalError(f"a function of kind {kind!r} cannot be converted; one of kind mlrun can")
            self._functions.append((where, value))
        elif {"action", "inputs", "outputs", "parameters", "values"} & value.keys():
            self._runs.append((where, value))
        else:
            raise RefusalError("is neither an entity nor the arguments of new_function or run")

    def _project(self, spec: Mapping[str, Any], where: str) -> None:
        for name in ("functions", "tasks", "runs", "dataitems", "artifacts", "models"):
            for each in list_of(spec.get(name), f"spec.{name}"):
                if isinstance(each, Mapping) and isinstance(each.get("object"), Mapping):
                    self._own(dict(each["object"]), where)
                elif name in _ENTITIES and isinstance(each, Mapping) and each.get("key") and not each.get("kind"):
                    self._data({**each, "kind": ""}, dict(mapping_of(each.get("spec"), f"spec.{name}[].spec")))
                elif isinstance(each, Mapping) and isinstance(each.get("spec"), Mapping):
                    is_of_mlrun = mlrun_function.is_mlrun_function(each["spec"])
                    self.sort(each["spec"] if is_of_mlrun else each, where)
                else:
                    words = each.get("name") if isinstance(each, Mapping) else each
                    self.found.refusals.append(
                        f"{where}: {name} {words}: is not embedded in the project; export it by itself"
                    )

    def _own(self, made: Object, where: str) -> None:
        """A function as our own `project.export()` has it: a manifest already."""
        meta = mapping_of(made.get("metadata"), "object.metadata")
        if made.get("kind") != constants.FUNCTION_KIND or not isinstance(meta.get("name"), str):
            raise RefusalError("object is no MlrunFunction")
        spec = mapping_of(made.get("spec"), "object.spec")
        self._names.append(str(spec.get("name") or meta["name"]))
        self.found.objects.append(self._placed({**made, "metadata": dict(meta)}))

    def _entity(self, value: Object, kind: str, spec: Object, where: str) -> None:
        if kind in _DATA:
            self._data(value, spec)
        elif kind == "mlrun":
            given = self._known(
                _function_arguments(value, spec), {*FUNCTION_ARGUMENTS, "name", "project", "kind"}, where
            )
            self._functions.append((where, given))
        elif kind == "mlrun+job":
            self._task(value, spec, where)
        elif kind == "mlrun+build":
            said = {name: each for name, each in _flat(spec).items() if name != "function" and each not in _EMPTY}
            self.found.notes.append(
                f"{where}: the task mlrun+build of {_function_name(spec, value)} is left out; images are not built "
                f"here: name packages in spec.requirements, or an image that holds them in spec.image. It said: {said}"
            )
        elif kind in _RUNS and "mlrun" in f"{spec.get('task')}{spec.get('function')}{kind}":
            copied: Object = {}
            for name in _COPIES_OF_TASK:
                copied |= _flat(dict(mapping_of(spec.get(name), f"spec.{name}")))
            said = {name: each for name, each in _flat(spec).items() if name not in _COPIES_OF_TASK}
            given = self._known({**copied, **said}, {*RUN_ARGUMENTS, *_IDLE}, where)
            self._runs.append((where, {"__entity": value, **given}))
        else:
            raise RefusalError(
                f"kind {kind!r} cannot be converted; DigitalHub's functions, tasks and runs of kind mlrun can, and "
                "MLRun's functions of kind job"
            )

    def _task(self, value: Object, spec: Object, where: str) -> None:
        flat = self._known(_flat(spec), {*RUN_ARGUMENTS, "function"}, where)
        given = {name: each for name, each in flat.items() if name != "function" and each not in _EMPTY}
        task = _Task(where, _function_name(spec, value), given)
        self._all_tasks.append(task)
        for key in filter(None, (_task_key("mlrun+job", spec, value), str(value.get("key") or ""))):
            self._tasks[key] = task

    def _known(self, given: Object, known: set[str], where: str) -> Object:
        """What has a place here; the rest, where it says anything, becomes a note."""
        lost = [name for name in given if snake(str(name)) not in known]
        said = [str(name) for name in lost if given[name] not in _EMPTY]
        if said:
            self.found.notes.append(f"{where}: {', '.join(said)}: left out; nothing here has such a field")
        return {name: each for name, each in given.items() if name not in lost}

    def _data(self, value: Object, spec: Object) -> None:
        path = spec.get("path")
        key = value.get("key") or f"store://{value.get('project')}/{value['kind']}s/{value['kind']}/{value.get('name')}"
        if isinstance(path, str):
            try:
                parsed = Key.parse(str(key))
            except ValueError:
                return
            self._paths[str(parsed)] = path
            self._paths[str(Key(parsed.project, parsed.type, parsed.kind, parsed.name))] = path

    def convert(self) -> None:
        for make, sorted_ in ((self._function, self._functions), (self._run, self._runs)):
            for where, arguments in sorted_:
                with warnings.catch_warnings(record=True) as told:
                    warnings.simplefilter("always")
                    try:
                        self.found.objects.append(self._placed(make(arguments, where)))
                    except (SdkError, RefusalError, ValueError) as refusal:
                        self.found.refusals.append(f"{where}: {refusal}")
                self.found.notes += [f"{where}: {each.message}" for each in told]
        for task in self._all_tasks:
            self._told(task)

    def _told(self, task: _Task) -> None:
        """What of a task no function and no run here has taken."""
        function = task.function.rpartition("/")[2]
        if function not in self._names:
            if not task.used:
                self.found.refusals.append(
                    f"{task.where}: the task's function {function} is not in these files; add the file that holds it"
                )
            return
        for name, each in task.options.items():
            if not task.used and snake(str(name)) not in _OPTIONS:
                self.found.notes.append(f"{task.where}: {name} {each!r} is left out: say it in each run")

    def _with_tasks(self, given: Object, name: str, project: str) -> Object:
        """The function with the options of its tasks as its runs' defaults; what it says itself wins."""
        found: Object = {}
        for task in self._all_tasks:
            if task.function in (f"{project}/{name}", name):
                found |= {option: each for option, each in task.options.items() if snake(str(option)) in _OPTIONS}
        if not found:
            return given
        return {**given, "run": {**found, **mapping_of(given.get("run"), "spec.run")}}

    def _function(self, given: Object, where: str) -> Object:
        name, told = given.pop("name", None), given.pop("project", None)
        project = told or "default"
        if given.pop("command", None):
            self.found.notes.append(f"{where}: command is left out; DigitalHub ignored it, too")
        given = self._with_tasks(given, str(name), project)
        spec, large = function_spec(project, str(name), str(given.pop("kind", None) or "mlrun"), given)
        if large is not None:
            raise RefusalError(f"source: {large.path} is too large to be carried; put it into a repository or into S3")
        made = function_object(project, spec, given, "")
        if told == _OF_NAMESPACE:
            del made["spec"]["project"], made["metadata"]["labels"][constants.LABEL_PROJECT]
            made["metadata"] = {name: each for name, each in made["metadata"].items() if each != {}}
        self._names.append(spec["name"])
        return made

    def _run(self, given: Object, where: str) -> Object:
        entity = given.pop("__entity", {})
        given = {**self._of_task(given), **given}
        check_action(str(given.get("action") or _action(given.get("task")) or "job"))
        project, function = self._function_of(given)
        project = str(given.pop("project", None) or entity.get("project") or project or "default")
        arguments = {name: value for name, value in given.items() if name not in _IDLE and value not in (None, [], {})}
        if "schedule" in arguments:
            arguments["schedule"], notes = five_fields(str(arguments["schedule"]))
            self.found.notes += [f"{where}: schedule: {note}" for note in notes]
        if given.get("local_execution"):
            self.found.notes.append(f"{where}: local_execution is left out; the run is for a cluster")
        request = RunRequest(project, "", kubernetes_name(function), function)
        labels = arguments.pop("labels", None) or mapping_of(entity.get("metadata"), "metadata").get("labels")
        spec = run_spec(request, arguments, lambda text, field_: self._input(text, field_, where))
        made = run_object(request, spec, {"labels": labels})
        if "name" not in spec:
            made["metadata"]["name"] = self._run_name(function, entity)
        return made

    def _of_task(self, run: Object) -> Object:
        """What the run's task says and its function's `run` does not; DigitalHub's run wins."""
        task = self._tasks.get(str(run.get("task") or ""))
        if task is None:
            return {}
        task.used = True
        has_function = task.function.rpartition("/")[2] in self._names
        return {
            name: value for name, value in task.options.items() if not (has_function and snake(str(name)) in _OPTIONS)
        }

    def _function_of(self, given: Object) -> tuple[str | None, str]:
        text = given.get("function") or given.get("task")
        if text:
            project, name, _ = parse_function(str(text))
            return project, name
        if len(self._names) == 1:
            return None, self._names[0]
        raise RefusalError("which function it runs is not told: add `function` with its name")

    def _input(self, text: str, field_: str, where: str) -> Any:
        if not text.startswith("store://"):
            return text
        path = self._paths.get(str(Key.parse(text)))
        if path is None:
            self.found.notes.append(
                f"{where}: {field_}: {text} must be in the operator's store; else write its path in its place"
            )
            return text
        return {"path": path}

    def _run_name(self, function: str, entity: Object) -> str:
        count = sum(1 for made in self.found.objects if made["kind"] == constants.RUN_KIND) + 1
        tail = str(entity.get("id") or count)[:8]
        return f"{kubernetes_name(function)[: 62 - len(tail)].rstrip('-')}-{tail}"

    def _placed(self, made: Object) -> Object:
        meta = made["metadata"]
        meta.pop("namespace", None)
        if self._namespace:
            made["metadata"] = {"name": meta.pop("name"), "namespace": self._namespace, **meta}
        return made


def _function_arguments(value: Object, spec: Object) -> Object:
    meta = mapping_of(value.get("metadata"), "metadata")
    given = {
        **spec,
        "name": value.get("name") or meta.get("name"),
        "project": value.get("project") or meta.get("project"),
        "kind": "mlrun",
        "uuid": value.get("id"),
        "description": meta.get("description"),
        "labels": meta.get("labels"),
        "git_source": meta.get("source"),
        "embedded": meta.get("embedded"),
    }
    return {name: each for name, each in given.items() if each not in (None, [], {}, "")}


def _flat(spec: Object) -> Object:
    """Its older versions nest what is Kubernetes' in `k8s`."""
    nested = mapping_of(spec.get("k8s"), "spec.k8s")
    return {**nested, **{name: value for name, value in spec.items() if name != "k8s"}}


def _task_key(kind: str, spec: Object, value: Object) -> str:
    """`mlrun+job://project/name:uuid`, by which runs name their task."""
    function = str(spec.get("function") or "")
    return f"{kind}://{function.partition('://')[2] or value.get('name')}"


def _function_name(spec: Object, value: Object) -> str:
    """`project/name` of the function whose task this is."""
    return str(spec.get("function") or value.get("name") or "").partition("://")[2].partition(":")[0]


def _action(task: Any) -> str | None:
    head = str(task or "").partition("://")[0]
    return head.partition("+")[2] or None


def news(found: Converted) -> Iterator[str]:
    """One line for each note and refusal."""
    yield from (f"note: {note}" for note in found.notes)
    yield from (f"refused: {refusal}" for refusal in found.refusals)
