"""What `doctor` looks at, one check after another: each says what is so, and what to do where it is not."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.api.reasons import Reason, explain, known_reason
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.cli.cluster import Link
from mlrun_operator.cli.errors import CliError
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import FUNCTIONS, RUNS, Resource
from mlrun_operator.sdk.errors import SdkError
from mlrun_operator.sdk.naming import run_name
from mlrun_operator.sdk.status import has_ended

State = Literal["ok", "failed", "skipped", "note"]

_REVIEWS: Final = Resource("authorization.k8s.io/v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview")
# What the chart's role mlrun-operator-user gives.
_RIGHTS: Final = (
    *(
        (constants.GROUP, plural, verb)
        for plural in (constants.RUN_PLURAL, constants.FUNCTION_PLURAL)
        for verb in ("create", "get", "list", "watch", "patch", "delete")
    ),
    ("", "events", "list"),
    ("", "pods/log", "get"),
)
_MODELS: Final[dict[str, type[BaseModel]]] = {constants.RUN_KIND: RunSpec, constants.FUNCTION_KIND: FunctionSpec}
_PROBE_SECONDS: Final = 120
_SEEN_SECONDS: Final = 20
_IMAGE: Final = (Reason.IMAGE_PULL,)
_STORE: Final = (Reason.STORE_UNAVAILABLE, Reason.STORE_CREDENTIALS_MISSING, Reason.PERMISSION_DENIED)
_CODE: Final = "import mlrun\n\ndef doctor(context):\n    return mlrun.__version__\n"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    check: str
    state: State
    found: str
    todo: str = ""

    def wire(self) -> Object:
        """For --json."""
        return asdict(self)


class Stop(Exception):  # noqa: N818 - no fault: what comes after cannot be looked at
    """The later checks make no sense."""


async def served(link: Link) -> list[Finding]:
    """Whether the cluster serves our kinds, with the fields that this program knows."""
    client = await link.client()
    for resource in (RUNS, FUNCTIONS):
        if not await client.serves(resource):
            words = f"the cluster does not serve {resource.plural} of {constants.API_VERSION}"
            raise Stop(Finding("CRDs", "failed", words, "Have the chart mlrun-operator-crds installed."))
    try:
        schemas = (await client.read_path(f"/openapi/v3/apis/{constants.API_VERSION}"))["components"]["schemas"]
    except (ApiError, KeyError, TypeError):
        return [Finding("CRDs", "note", "served; their schema cannot be read")]
    missing = [field for kind, model in _MODELS.items() for field in _missing(kind, model, schemas)]
    if missing:
        words = f"the cluster's CRDs are of another version: they lack {', '.join(missing[:5])}"
        return [Finding("CRDs", "failed", words, "Apply the CRDs of this version, or use its mlrunctl.")]
    return [Finding("CRDs", "ok", f"{constants.API_VERSION}, all fields known")]


def _missing(kind: str, model: type[BaseModel], schemas: Object) -> Iterator[str]:
    theirs: Object = next((s for s in schemas.values() if _is_of(s, kind)), {})
    known = theirs.get("properties", {}).get("spec", {}).get("properties", {})
    ours = (field.alias or name for name, field in model.model_fields.items())
    yield from (f"{kind}.spec.{name}" for name in ours if name not in known)


def _is_of(schema: Object, kind: str) -> bool:
    return any(each.get("kind") == kind for each in schema.get("x-kubernetes-group-version-kind") or ())


async def rights(link: Link) -> list[Finding]:
    """Whether this user may do what a user of the operator does."""
    client = await link.client()

    async def asked(group: str, plural: str, verb: str) -> tuple[str, bool]:
        name, _, sub = plural.partition("/")
        about = {"namespace": link.namespace, "verb": verb, "group": group, "resource": name, "subresource": sub}
        review = {
            "apiVersion": _REVIEWS.api_version,
            "kind": _REVIEWS.kind,
            "metadata": {"namespace": ""},
            "spec": {"resourceAttributes": about},
        }
        answer = await client.submit(_REVIEWS, review)
        return f"{verb} {plural}", bool(status_of(answer).get("allowed"))

    answers = await asyncio.gather(*(asked(*right) for right in _RIGHTS))
    lacking = [what for what, allowed in answers if not allowed]
    if lacking:
        todo = f"kubectl -n {link.namespace} create rolebinding … --clusterrole=mlrun-operator-user --user=…"
        return [Finding("rights", "failed", f"in {link.namespace} you may not {', '.join(lacking)}", todo)]
    return [Finding("rights", "ok", f"all that runs in {link.namespace} need")]


async def settings(link: Link) -> list[Finding]:
    """Whether the operator tells its settings."""
    platform = await link.backend.platform(link.namespace)
    if platform is None:
        words = "no operator tells its settings in this cluster"
        return [Finding("operator", "note", words, "It is older, or installed in a namespace of another name.")]
    root = platform.store.root.replace("{namespace}", link.namespace)
    return [Finding("operator", "ok", f"image {platform.wrapper_image}, store {root}")]


async def store(link: Link) -> list[Finding]:
    """Whether the store answers from here; outputs come by a short run where it does not."""
    infos = await link.backend.stores(link.namespace)
    if not infos:
        return [Finding("store from here", "skipped", "where the store is, is not told")]
    for info in infos:
        if not info.endpoint or await _listens(info.endpoint):
            return [Finding("store from here", "ok", info.endpoint or "AWS")]
    words = f"{', '.join(str(info.endpoint) for info in infos)} cannot be reached from here"
    return [Finding("store from here", "note", words, "`download` goes through a short run in the cluster instead.")]


async def _listens(endpoint: str) -> bool:
    parts = urlsplit(endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(3):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def probe(link: Link) -> list[Finding]:
    """A run that is made, watched and deleted: the operator, the image, and the store from inside of the cluster."""
    name = run_name("doctor")
    made = await link.backend.create(RUNS, _probe(link.namespace, name))
    try:
        seen = await _watched(link, made)
    finally:
        await link.backend.delete(RUNS, link.namespace, name)
    return list(_judged(seen))


def _probe(namespace: str, name: str) -> Object:
    return {
        "apiVersion": constants.API_VERSION,
        "kind": constants.RUN_KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "function": {"name": "doctor", "source": {"code": _CODE}, "handler": "doctor"},
            "pendingDeadlineSeconds": _PROBE_SECONDS,
            "activeDeadlineSeconds": _PROBE_SECONDS,
            "runTtlSecondsAfterFinished": 60,
        },
    }


async def _watched(link: Link, made: Object) -> Object:
    """The run at its end, or as it is when nothing happens any more."""
    last = made
    loop = asyncio.get_running_loop()
    begun = loop.time()
    changes = link.backend.follow(RUNS, link.namespace, made["metadata"]["name"])
    pending: asyncio.Task[Object | None] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(changes))
            limit = _PROBE_SECONDS if last.get("status") else SEEN_SECONDS[0]
            done, _ = await asyncio.wait({pending}, timeout=max(0.0, begun + limit - loop.time()))
            if not done:
                return last
            current, pending = pending.result(), None
            if current is None:
                return last
            last = current
            reason = status_of(last).get("reason")
            if has_ended(last) or reason in _IMAGE or reason in (Reason.QUOTA_EXCEEDED, Reason.ADMISSION_DENIED):
                return last
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
        await changes.aclose()


# For how long a run may stay unseen; a list, so that tests need not wait so long.
SEEN_SECONDS: Final[list[float]] = [_SEEN_SECONDS]


def _judged(run: Object) -> Iterator[Finding]:
    status = status_of(run)
    phase, reason, words = status.get("phase"), str(status.get("reason") or ""), str(status.get("message") or "")
    words = words.partition("\n")[0]
    namespace = run["metadata"]["namespace"]
    if not phase:
        where = "kubectl get pods -A -l app.kubernetes.io/name=mlrun-operator"
        todo = f"Is the operator running, and does it watch {namespace}? `{where}`"
        yield Finding("a run", "failed", f"no operator has seen it within {SEEN_SECONDS[0]:g} s", todo)
        return
    if phase == "Succeeded":
        version = (status.get("results") or {}).get("return")
        used = (status.get("image") or {}).get("resolved")
        yield Finding("image", "ok", f"{used}, mlrun {version}")
        yield Finding("a run", "ok", f"started, stored and reported in {status.get('duration')}")
        return
    todo = explain(known) if (known := known_reason(reason)) else ""
    if reason in _IMAGE:
        yield Finding("image", "failed", words, todo)
    elif reason in _STORE:
        yield Finding("store from the cluster", "failed", f"{reason}: {words}", todo)
    else:
        yield Finding("a run", "failed", f"{phase}, {reason}: {words}", todo)


Check = Callable[[Link], Awaitable[list[Finding]]]
CHECKS: Final[tuple[Check, ...]] = (served, rights, settings, store)


async def examine(link: Link, *, with_run: bool, told: Callable[[Finding], None]) -> list[Finding]:
    """All checks in order; each finding is told as it comes."""
    found = [Finding("cluster", "ok", link.backend.describe().removeprefix("backend kubernetes · "))]
    told(found[0])
    for check in (*CHECKS, *((probe,) if with_run else ())):
        try:
            news = await check(link)
        except Stop as stop:
            news = [stop.args[0]]
        except (SdkError, ApiError, CliError) as error:
            news = [Finding(check.__name__, "failed", error.message, getattr(error, "hint", ""))]
        for finding in news:
            told(finding)
        found += news
        if any(f.check == "CRDs" and f.state == "failed" and "does not serve" in f.found for f in news):
            break
    return found
