"""The way to a cluster: the SDK's own, with the common options, and its errors as ends of a verb."""

import difflib
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, controller_of
from mlrun_operator.api.values.names import kubernetes_name
from mlrun_operator.cli.app import session as options
from mlrun_operator.cli.errors import CliError, Exit
from mlrun_operator.cluster.resources import FUNCTIONS, PODS, RUNS, Resource
from mlrun_operator.sdk import errors as sdk
from mlrun_operator.sdk.aio.function import AsyncFunction
from mlrun_operator.sdk.aio.run import AsyncRun
from mlrun_operator.sdk.portal import portal
from mlrun_operator.sdk.session import BACKEND_VARIABLE, Session, open_session

if TYPE_CHECKING:
    from mlrun_operator.cluster.user_client import UserApiClient

T = TypeVar("T")
LATEST: Final = "@latest"

# What each of the SDK's errors is as an exit code, the more special ones first; None leaves its hint.
_ENDS: Final[tuple[tuple[type[sdk.SdkError], Exit, str | None], ...]] = (
    (sdk.NotFound, Exit.NOT_FOUND, None),
    (sdk.NamespaceMissing, Exit.NOT_FOUND, "Choose another one with -n, or have it made."),
    (
        sdk.CrdsMissing,
        Exit.UNREACHABLE,
        "Install the operator with its CRDs, or choose another cluster with --context.",
    ),
    (sdk.NotConnected, Exit.UNREACHABLE, None),
    (sdk.NotAuthenticated, Exit.REFUSED, None),
    (sdk.NotAllowed, Exit.REFUSED, None),
    (sdk.Conflict, Exit.REFUSED, None),
    (sdk.DataUnreachable, Exit.UNREACHABLE, None),
    (sdk.RunNotFinished, Exit.FAILED, "`wait` waits for its end."),
    (sdk.WaitTimeout, Exit.TIMEOUT, "It goes on: `wait` again, or `stop` it."),
    (sdk.RunStuck, Exit.FAILED, "It goes on trying: `why` has more, `stop` ends it."),
    (sdk.BackendError, Exit.UNREACHABLE, None),
    (sdk.InvalidArgument, Exit.USAGE, None),
)


class Link:
    """A session with the cluster, and what verbs ask of it."""

    def __init__(self, session: Session, namespace: str) -> None:
        self.session = session
        self.backend = session.backend
        self.namespace = namespace

    async def client(self) -> "UserApiClient":
        """The raw requests, for what no backend but a cluster has."""
        from mlrun_operator.sdk.backends.kubernetes import KubernetesBackend

        if not isinstance(self.backend, KubernetesBackend):
            raise CliError("this is for a cluster only")
        return await self.backend.client()

    async def runs(self, selector: str = "", *, everywhere: bool = False) -> list[Object]:
        """The namespace's runs, newest first."""
        found = await self.backend.find(RUNS, "" if everywhere else self.namespace, selector)
        return sorted(found, key=lambda run: str(run["metadata"].get("creationTimestamp")), reverse=True)

    async def functions(self, selector: str = "", *, everywhere: bool = False) -> list[Object]:
        """The namespace's functions by name."""
        found = await self.backend.find(FUNCTIONS, "" if everywhere else self.namespace, selector)
        return sorted(found, key=lambda each: str(each["metadata"]["name"]))

    async def run(self, name: str) -> AsyncRun:
        """A run by its name, by its original name, or `@latest`, also of one function: `train@latest`.

        Raises CliError with the nearest name.
        """
        if name.endswith(LATEST):
            return await self._latest(name.removesuffix(LATEST))
        return AsyncRun(self.session, await self._named(RUNS, name))

    async def function(self, name: str) -> AsyncFunction:
        """A function by its name or by its original name. Raises CliError with the nearest name."""
        return AsyncFunction(self.session, await self._named(FUNCTIONS, name))

    async def object(self, kind: str, name: str) -> Object:
        """A run or (`kind` is functions) a function as it is now. Raises CliError as `run`."""
        found = await (self.function(name) if kind == "functions" else self.run(name))
        return found.to_dict()

    async def pods(self, run: Object) -> list[Object] | None:
        """The run's pods, oldest first; None where the user may not see pods."""
        meta = run["metadata"]
        selectors = [f"{constants.LABEL_RUN_UID}={meta['uid']}"]
        if controller_of(run, constants.RUN_KIND):
            # What a CronJob fires has the schedule's labels, and the run is called as its Job.
            selectors.append(f"{constants.LABEL_JOB}={meta['name']}")
        try:
            found = [pod for labels in selectors for pod in await self.backend.find(PODS, self.namespace, labels)]
        except sdk.NotAllowed:
            return None
        return sorted(found, key=lambda pod: str(pod["metadata"].get("creationTimestamp")))

    async def _latest(self, function: str) -> AsyncRun:
        for run in await self.runs():
            reference = (run["spec"].get("functionRef") or {}).get("name")
            if not function or reference in (function, kubernetes_name(function)):
                return AsyncRun(self.session, run)
        words = f"namespace {self.namespace} has no run" + (f" of {function}" if function else "")
        raise CliError(words, "`run` starts one; -n names another namespace.", Exit.NOT_FOUND)

    async def _named(self, resource: Resource, text: str) -> Object:
        name = text.rpartition("/")[2]
        for candidate in dict.fromkeys((name, kubernetes_name(name))):
            try:
                return await self.backend.read(resource, self.namespace, candidate)
            except sdk.NotFound:
                continue
        what = "run" if resource is RUNS else "function"
        there = [str(each["metadata"]["name"]) for each in await self.backend.find(resource, self.namespace)]
        near = difflib.get_close_matches(name, there, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"`list {what}s` lists what there is; -n names a namespace."
        raise CliError(f"namespace {self.namespace} has no {what} {name}", hint, Exit.NOT_FOUND)


def linked(task: Callable[[Link], Awaitable[T]], *, local: bool = False) -> T:
    """What the task returns, with a link to the cluster of the common options, or (`local`) to this machine.

    MLRUN_OPERATOR_BACKEND=local means this machine for every verb. Raises CliError for the SDK's errors.
    """
    backend = "local" if local else os.environ.get(BACKEND_VARIABLE) or "kubernetes"
    try:
        return portal().call(_linked(task, backend))
    except sdk.SdkError as error:
        raise as_end(error) from error


async def _linked(task: Callable[[Link], Awaitable[T]], backend: str) -> T:
    said = options()
    kubeconfig = said.kubeconfig or os.environ.get("KUBECONFIG")  # before the pod's own account, as kubectl does
    found = await open_session(
        backend, context=said.context, namespace=said.namespace, kubeconfig=kubeconfig, quiet=True
    )
    try:
        return await task(Link(found, await found.backend.namespace(None)))
    finally:
        await found.backend.close()


def as_end(error: sdk.SdkError) -> CliError:
    """The SDK's error as a verb's end."""
    for kind, code, hint in _ENDS:
        if isinstance(error, kind):
            return CliError(error.message, error.hint if hint is None else hint, code)
    return CliError(error.message, error.hint, Exit.FAILED)


async def each(link: Link, names: Sequence[str], selector: str, do: Callable[[AsyncRun], Awaitable[None]]) -> None:
    """Do it to every named run, or to all that the selector picks. Raises CliError where there is none."""
    if bool(names) == bool(selector):
        raise CliError("name runs, or pick them with -l", "`list` lists what there is.")
    runs = [await link.run(name) for name in names]
    if selector:
        runs = [AsyncRun(link.session, run) for run in await link.runs(selector)]
        if not runs:
            raise CliError(f"no run of namespace {link.namespace} has {selector}", "", Exit.NOT_FOUND)
    for run in runs:
        await do(run)
