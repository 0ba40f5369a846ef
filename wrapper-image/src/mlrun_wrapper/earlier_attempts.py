"""No success is run again: a retry reports what an earlier pod of the same execution and index has achieved.

The pods of one index stand in a small object of the store, `attempts.json`. The first pod finds none and makes it; a
later one adds itself and reads the run.json of the others, the newest first. The list is read before it is written:
some servers ignore the condition of a write. A store that fails here changes nothing: the run goes on as a first one
does.
"""

import hashlib
import json
from typing import Any, Final

from mlrun_operator.api import bounds
from mlrun_operator.api.contract import envelope as envelopes
from mlrun_operator.api.contract.result import Result
from mlrun_operator.api.reasons import Reason
from mlrun_operator.store import NotFoundError, Store, StoreError, derived_uuid
from mlrun_wrapper.context import Context

WARNING: Final = "an earlier attempt had succeeded; its results are reported"
# The newest pods that are remembered, and of these how many are looked at.
_MAX_PODS: Final = bounds.EARLIER_PODS.limit
_MAX_READ: Final = 3
_MAX_BYTES: Final = bounds.EARLIER_REPORT.limit
_RACES: Final = 3
_REPORTED: Final = ("reason", "message", "source", "inputs", "outputs", "results", "warnings", "sweep", "truncated")


class _TooLargeError(Exception):
    """No run.json of ours has so many bytes."""


def find_success(context: Context) -> None:
    """Take over the report of an earlier attempt that has succeeded, if there is one."""
    if not context.settings.pod_uid or context.store is None:
        return
    try:
        earlier_pods = _join(context.store, _path(context), context.settings.pod_uid)
    except (StoreError, ValueError, RecursionError) as error:
        context.log.line(f"earlier attempts could not be looked up: {error}")
        return
    for pod_uid in earlier_pods[-_MAX_READ:][::-1]:
        document = _read(context, context.store, pod_uid)
        if document is not None and _is_success(context, document, pod_uid) and _take_over(context, document):
            return


def _path(context: Context) -> str:
    """Return where the pods of this index of this Job are listed; another Job or envelope has another place."""
    run, settings = context.run.run, context.settings
    digest = hashlib.sha256(envelopes.encode(context.run).encode()).hexdigest()
    index = settings.replica if settings.point is None else settings.point
    parts = ("attempts", index or 0, settings.job_name, settings.job_uid, digest)
    return f"{run.project}/run/run/{run.name}/{derived_uuid(run.uid, run.execution, *parts)}/attempts.json"


def _join(store: Store, path: str, pod_uid: str) -> list[str]:
    """Add the pod to the list; return those that stood there before. Raises StoreError, and ValueError for no list."""
    for _ in range(_RACES):
        pods, version = _read_list(store, path)
        pods = [uid for uid in pods if uid != pod_uid]
        if store.replace(path, json.dumps([*pods, pod_uid][-_MAX_PODS:]).encode(), version):
            break
    return pods


def _read_list(store: Store, path: str) -> tuple[list[str], str | None]:
    """Return the list and its version; an empty one without a version where there is none."""
    try:
        text, version = store.read_version(path)
    except NotFoundError:
        return [], None
    return _uids(json.loads(text)), version


def _uids(pods: Any) -> list[str]:
    if not isinstance(pods, list) or not all(isinstance(uid, str) for uid in pods):
        raise ValueError("attempts.json is not a list of pods")
    return pods


def _read(context: Context, store: Store, pod_uid: str) -> Any:
    """Return a pod's run.json; None where there is none that can be read."""
    file = context.settings.work / "earlier-run.json"
    try:
        store.download(f"{context.run_folder_of(pod_uid)}/run.json", file, _limited())
        return json.loads(file.read_text(encoding="utf-8"))
    except (StoreError, OSError, ValueError, RecursionError, _TooLargeError):
        return None
    finally:
        file.unlink(missing_ok=True)


def _limited() -> Any:
    total = 0

    def watch(size: int) -> None:
        nonlocal total
        total += size
        if total > _MAX_BYTES:
            raise _TooLargeError

    return watch


def _is_success(context: Context, document: Any, pod_uid: str) -> bool:
    """Return whether it is the report of a success of this execution, slot and index."""
    settings, envelope = context.settings, context.run
    pod = document.get("pod") if isinstance(document, dict) else None
    if not isinstance(pod, dict) or not isinstance(document.get("function"), dict):
        return False
    iteration = None if settings.point is None else settings.point + 1
    return (
        (document.get("state"), document.get("reason")) == ("completed", Reason.SUCCEEDED)
        and (pod.get("uid"), pod.get("job")) == (pod_uid, settings.job_name)
        and document.get("run") == envelope.run.wire()
        and document["function"].get("digest") == envelope.function.digest
        and (document.get("replica"), document.get("iteration")) == (settings.replica, iteration)
    )


def _take_over(context: Context, document: dict[str, Any]) -> bool:
    """Make the report the context's own; return whether it is one."""
    try:
        result = Result.model_validate({name: document[name] for name in _REPORTED if name in document})
    except ValueError:
        return False
    context.log.line(f"{WARNING} (pod {document['pod'].get('name')})")
    context.source, context.sweep, context.truncated = result.source, result.sweep, result.truncated
    context.inputs, context.outputs, context.results = result.inputs, result.outputs, result.results
    context.warnings = [*(text for text in result.warnings if text != WARNING), WARNING]
    context.earlier = document
    return True
