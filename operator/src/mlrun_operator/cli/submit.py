"""Verbs that bring something into the cluster: `run`, `apply`, `diff`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mlrun_operator.api.objects import Object
from mlrun_operator.cli.app import Panel, session, verb
from mlrun_operator.cli.errors import CliError, Exit
from mlrun_operator.cli.files import Filename, Files, files_of

if TYPE_CHECKING:
    from mlrun_operator.cli.cluster import Link
    from mlrun_operator.sdk.aio.function import AsyncFunction

_FORMATS = ("yaml", "json", "name")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to run: a file's code or a function, and with what."""

    file: Path | None
    name: str
    project: str | None
    function: Object
    run: Object


@verb(Panel.SUBMIT)
def run(  # noqa: PLR0913 - its options
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="A .py file, also file.py:handler, or the name of a function.")
    ],
    *,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--param", metavar="NAME=VALUE", help="Value in YAML; NAME:=VALUE in JSON."),
    ] = None,
    params_file: Annotated[
        Path | None, typer.Option("--params-file", metavar="FILE", help="YAML or JSON; -p wins.")
    ] = None,
    hyperparameter: Annotated[
        list[str] | None,
        typer.Option("-x", "--hyperparam", metavar="NAME=VALUES", help="A sweep over these: -x rate=0.1,0.01."),
    ] = None,
    selector: Annotated[
        str | None, typer.Option("--selector", metavar="RESULT", help="Of a sweep: the best point, as min.loss.")
    ] = None,
    strategy: Annotated[
        Literal["grid", "list", "random"] | None, typer.Option("--strategy", help="Of a sweep; default: grid.")
    ] = None,
    fan_out: Annotated[bool, typer.Option("--fan-out", help="Of a sweep: a pod for each point.")] = False,
    input_: Annotated[
        list[str] | None,
        typer.Option("-i", "--input", metavar="NAME=URL", help="A URL, a store:// key or a local file. Twice: a list."),
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option("-o", "--output", metavar="OUT=NAME", help="An output's name; or the format yaml, json, name."),
    ] = None,
    env: Annotated[list[str] | None, typer.Option("-e", "--env", metavar="NAME=VALUE", help="For the pod.")] = None,
    secret: Annotated[
        list[str] | None, typer.Option("--secret", metavar="NAME", help="A Secret as environment.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Any other field of a run's spec: --set backoffLimit=2."),
    ] = None,
    schedule: Annotated[
        str | None, typer.Option("--schedule", metavar="CRON", help="Repeat it: five fields, or @daily and the like.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", metavar="ZONE", help="Of --schedule: IANA name; default: UTC.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The run's name; default: made up.")
    ] = None,
    handler: Annotated[str | None, typer.Option("--handler", metavar="NAME", help="Of a file: what is called.")] = None,
    image: Annotated[
        str | None, typer.Option("--image", metavar="IMAGE", help="Of a file: the function's image.")
    ] = None,
    requirement: Annotated[
        list[str] | None, typer.Option("-r", "--requirement", metavar="NAME", help="Of a file: what pip installs.")
    ] = None,
    function: Annotated[
        str | None,
        typer.Option("--function", metavar="NAME", help="Of a file: the function's name; default: the file's."),
    ] = None,
    project: Annotated[str | None, typer.Option("--project", metavar="NAME", help="Default: the namespace.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end; the exit code says how it ended.")] = False,
    logs: Annotated[bool, typer.Option("--logs", help="Print the log as it comes, and wait.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", min=0, help="Of --wait: exit with 124 then.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="On this machine, in the place of the cluster; waits, and prints the log.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the manifests; nothing is asked or changed.")
    ] = False,
) -> None:
    """Run a function, or a Python file, in the cluster.

    A file becomes a function of its name, which later runs can name. Prints the run's name at once; with `--wait` what
    it made at its end. `--dry-run` prints what would be applied: `| mlrunctl render -` shows the Job of it.
    """
    from mlrun_operator.cli import arguments as given

    format_, outputs = given.formats_and_outputs(output or (), _FORMATS)
    said: Object = {
        "name": name,
        "parameters": given.parameters(parameter or (), params_file),
        "hyperparameters": given.hyperparameters(
            hyperparameter or (), selector=selector, strategy=strategy, fan_out=fan_out
        ),
        "inputs": given.inputs(input_ or ()),
        "outputs": outputs,
        "env": dict(given.pairs(env or (), "-e", "NAME=VALUE")),
        "secrets": secret,
        "schedule": schedule,
        "time_zone": time_zone,
        **given.parameters(options or (), None),
    }
    if schedule and (wait or logs or local):
        raise CliError("a schedule has no end to wait for", "`schedule trigger NAME --wait` runs it once.")
    file, called = _file(what)
    code: Object = {"handler": handler or called, "image": image, "requirements": requirement}
    if file is None and (any(code.values()) or function):
        raise CliError("--handler, --image, --requirement and --function are of files", "They are the function's own.")
    if file is not None:
        code["source"] = {"source": str(file)}
    order = Order(file, function or (file.stem if file else what), project, _given(code), _given(said))
    if dry_run:
        _print_manifests(order, format_ or "yaml")
    else:
        _submit(order, format_, wait=wait or logs or local, logs=logs or local, timeout=timeout, local=local)


@verb(Panel.SUBMIT)
def apply(files: Files = None, *, filename: Filename = None) -> None:
    """Apply functions and runs.

    Functions first, and only after all of them were checked as `validate` does.
    """
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out, print_json

    objects = _checked(files_of(files, filename))
    done: list[Object] = []

    async def work(link: "Link") -> None:
        for obj in objects:
            resource, placed = _placed(obj, link.namespace)
            before = await _live(link, resource, placed)
            written = await link.backend.apply(resource, placed)
            what = _change(before, written)
            done.append({"kind": placed["kind"], "name": placed["metadata"]["name"], "result": what})
            if not session().json:
                out(f"{placed['kind'].lower()}/{placed['metadata']['name']} {what}")

    linked(work)
    if session().json:
        print_json(done)


@verb(Panel.SUBMIT)
def diff(files: Files = None, *, filename: Filename = None) -> None:
    """Show what `apply` would change, as the API server would write it. Exit code 1 where there is a difference."""
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out, print_json

    objects = _checked(files_of(files, filename))

    async def compare(link: "Link") -> dict[str, list[str]]:
        found = {}
        for obj in objects:
            resource, placed = _placed(obj, link.namespace)
            before = await _live(link, resource, placed)
            after = await _dry(link, resource, placed)
            lines = _difference(before, after)
            if lines:
                found[f"{placed['kind'].lower()}/{placed['metadata']['name']}"] = lines
        return found

    found = linked(compare)
    if session().json:
        print_json({name: "".join(lines) for name, lines in found.items()})
    else:
        for lines in found.values():
            out(*_coloured(lines), end="")
    if found:
        raise typer.Exit(Exit.FAILED)


def _file(what: str) -> tuple[Path | None, str | None]:
    """The file and its handler, where a file is meant."""
    if "://" in what:
        _refuse_other_sources(what)
    path, sign, called = what.rpartition(":") if ".py:" in what or ".ipynb:" in what else (what, "", "")
    if not path.endswith((".py", ".ipynb")):
        _refuse_other_sources(what)
        return None, None
    if not Path(path).is_file():
        raise CliError(f"{path} does not exist", "Name a .py file or a notebook, or a function by its name.")
    return Path(path), called if sign else None


def _refuse_other_sources(what: str) -> None:
    """Raise CliError for what is neither a file of Python nor the name of a function, with what to do."""
    from mlrun_operator.cli.elsewhere import other_source

    if (problem := other_source(what)) is not None:
        raise CliError(*problem)


def _given(arguments: Object) -> Object:
    return {name: value for name, value in arguments.items() if value not in (None, [], {})}


def _submit(  # noqa: PLR0913 - how to follow it
    order: Order, format_: str | None, *, wait: bool, logs: bool, timeout: float | None, local: bool
) -> None:
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.follow import ended, waited
    from mlrun_operator.cli.output import out, say

    async def work(link: "Link") -> Object:
        function = await _function(link, order)
        made = await function.run(wait=False, **order.run)
        if wait:
            say(f"mlrunrun/{made.object_name} submitted")
            if logs:
                await made.wait(timeout, check=False, logs=True, log_info=False)
            else:
                await waited(link, made, timeout)
        return made.to_dict()

    obj = linked(work, local=local)
    if wait:
        ended([obj])
    elif session().json or format_ in ("json", "yaml"):
        _print([obj], "json" if session().json else str(format_))
    else:
        out(f"mlrunrun/{obj['metadata']['name']}" + ("" if format_ == "name" else " submitted"))


async def _function(link: "Link", order: Order) -> "AsyncFunction":
    from mlrun_operator.sdk.aio.functions import new_function

    if order.file is None:
        return await link.function(order.name)
    project = order.project or link.namespace
    return await new_function(link.session, project, order.name, "mlrun", order.function)


def _print_manifests(order: Order, format_: str) -> None:
    """The manifests, made from the command line alone."""
    from mlrun_operator.api.values.names import kubernetes_name
    from mlrun_operator.cli.cluster import as_end
    from mlrun_operator.sdk.errors import SdkError
    from mlrun_operator.sdk.translate import RunRequest, function_object, function_spec, run_object, run_spec
    from mlrun_operator.sdk.translate.declared import declared_names

    namespace = session().namespace or ""
    project = order.project or namespace or "default"
    objects = []
    try:
        declared: frozenset[str] = frozenset()
        if order.file is not None:
            spec, large = function_spec(project, order.name, "mlrun", order.function)
            if large is not None:
                raise CliError(f"{order.file} is too large to be carried", "Put it into a repository.", Exit.FAILED)
            objects.append(function_object(project, spec, {}, namespace))
            declared = declared_names(spec)
        request = RunRequest(project, namespace, kubernetes_name(order.name), order.name, declared)
        spec = run_spec(request, order.run, lambda text, _: text)
    except SdkError as error:
        raise as_end(error) from error
    objects.append(run_object(request, spec, order.run))
    for obj in objects:
        if not namespace:
            del obj["metadata"]["namespace"]
        if order.project is None:
            obj["spec"].pop("project", None)
            obj["metadata"]["labels"].pop("mlrun-operator.dev/project", None)
    _print(objects, "json" if session().json else format_)


def _print(objects: Sequence[Object], format_: str) -> None:
    from mlrun_operator.cli.output import out, print_json, print_yaml

    if format_ == "json":
        print_json(objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": list(objects)})
    elif format_ == "name":
        for obj in objects:
            out(f"{obj['kind'].lower()}/{obj['metadata']['name']}")
    else:
        print_yaml(*objects)


def _checked(files: Sequence[str]) -> list[Object]:
    """The objects of the files, functions first. Raises CliError with every problem."""
    from mlrun_operator.api import constants
    from mlrun_operator.cli.documents import read_all
    from mlrun_operator.cli.output import say
    from mlrun_operator.cli.problems import check, is_ours

    documents = read_all(files)
    wrong = [problem for problem in check(documents) if not problem.note]
    for problem in wrong:
        say(str(problem))
    if wrong:
        raise CliError(f"{len(wrong)} problem{'s' * (len(wrong) != 1)}; nothing was changed", "", Exit.FAILED)
    ours = [document.value for document in documents if is_ours(document.value)]
    if not ours:
        raise CliError("there is no MlrunFunction or MlrunRun in these files", "Check the path.", Exit.FAILED)
    if any("name" not in value["metadata"] for value in ours):
        raise CliError("a run with generateName cannot be applied", "`kubectl create -f` makes one.")
    return sorted(ours, key=lambda value: value["kind"] != constants.FUNCTION_KIND)


def _placed(obj: Object, namespace: str) -> tuple[Any, Object]:
    """Return the resource of an object, and the object as it is applied."""
    from mlrun_operator.api import constants
    from mlrun_operator.cluster.resources import FUNCTIONS, RUNS
    from mlrun_operator.sdk.translate.floats import declared

    resource = FUNCTIONS if obj["kind"] == constants.FUNCTION_KIND else RUNS
    kept = {name: value for name, value in declared(obj).items() if name != "status"}
    return resource, {**kept, "metadata": {"namespace": namespace, **obj["metadata"]}}


async def _live(link: "Link", resource: Any, obj: Object) -> Object | None:
    from mlrun_operator.sdk.errors import NotFound

    try:
        return await link.backend.read(resource, obj["metadata"]["namespace"], obj["metadata"]["name"])
    except NotFound:
        return None


async def _dry(link: "Link", resource: Any, obj: Object) -> Object:
    from mlrun_operator.cluster.errors import ApiError
    from mlrun_operator.sdk.backends.explained import explained

    try:
        return await (await link.client()).apply(resource, obj, dry_run=True)
    except ApiError as error:
        what = f"{obj['kind']} {obj['metadata']['name']}"
        raise explained(error, link.backend.describe(), what) from error


def _change(before: Object | None, after: Object) -> str:
    """What became of an object. Its status, which the operator writes meanwhile, is not what is applied."""
    if before is None:
        return "created"
    return "unchanged" if _applied(before) == _applied(after) else "configured"


def _applied(obj: Object) -> tuple[Any, ...]:
    return obj.get("spec"), *(obj["metadata"].get(name) or {} for name in ("labels", "annotations"))


def _difference(before: Object | None, after: Object) -> list[str]:
    import difflib

    from mlrun_operator.cli.output import yaml_text
    from mlrun_operator.sdk.manifests import clean

    old, new = (yaml_text(clean(obj)).splitlines(keepends=True) if obj else [] for obj in (before, after))
    name = f"{after['kind'].lower()}/{after['metadata']['name']}"
    return list(difflib.unified_diff(old, new, f"{name} as it is", f"{name} as it would be"))


def _coloured(lines: Sequence[str]) -> list[str]:
    from mlrun_operator.cli.output import painted

    return [painted(line, {"+": "green", "-": "red"}.get(line[0], "")) for line in lines]
