"""The API server: objects with versions, optimistic locking, finalizers, immutable fields, and a log of changes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from support.simulator.clock import Clock
from support.simulator.objects import Object, copy_of, is_terminal, key_of, moment_of, stamp

from mlrun_operator.cluster.errors import ApiError

PLURALS: Final = ("mlrunruns", "mlrunfunctions", "jobs", "cronjobs", "pods", "events", "services", "workloads")
_KINDS: Final = {
    "mlrunruns": ("MlrunRun", "mlrun-operator.dev/v1alpha1"),
    "mlrunfunctions": ("MlrunFunction", "mlrun-operator.dev/v1alpha1"),
    "jobs": ("Job", "batch/v1"),
    "cronjobs": ("CronJob", "batch/v1"),
    "pods": ("Pod", "v1"),
    "events": ("Event", "v1"),
    "services": ("Service", "v1"),
    "workloads": ("Workload", "kueue.x-k8s.io/v1beta1"),
}
# Fields of a Job's spec that a patch cannot change.
_FIXED_IN_JOBS: Final = ("template", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "selector")
_WITH_SPEC: Final = ("mlrunruns", "mlrunfunctions", "jobs", "cronjobs", "workloads")
# What of a Job's pod template may change while the Job is suspended and has not started since.
_SCHEDULING: Final = ("nodeSelector", "tolerations", "affinity", "schedulingGates")
_SET_BY_SERVER: Final = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
_ORPHAN: Final = "orphan"
_FOREGROUND: Final = "foregroundDeletion"
DEFAULT_GRACE: Final = 30


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one object. `old` is None where it is new, `new` is None where it is gone."""

    version: int
    plural: str
    old: Object | None
    new: Object | None

    @property
    def last(self) -> Object:
        """The object as it is now, or was at last."""
        obj = self.new if self.new is not None else self.old
        assert obj is not None
        return obj


def not_found(plural: str, name: str) -> ApiError:
    """Return the answer for an object that does not exist."""
    return ApiError(404, "NotFound", f'{plural} "{name}" not found', kind=plural)


def conflict(plural: str, name: str) -> ApiError:
    """Return the answer for a write on an older state."""
    return ApiError(409, "Conflict", f'Operation cannot be fulfilled on {plural} "{name}": it has been modified')


def merged(base: Any, changes: Any) -> Any:
    """Return the value after an RFC 7386 merge patch."""
    if not isinstance(changes, dict):
        return changes
    result = dict(base) if isinstance(base, dict) else {}
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


class ApiServer:
    """Objects by resource, and the log of all changes. Stored objects are never changed, only replaced."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.version = 100
        self.objects: dict[str, dict[tuple[str, str], Object]] = {plural: {} for plural in PLURALS}
        self.changes: list[Change] = []
        self.observers: list[Callable[[Change], None]] = []
        # API groups that neighbours bring.
        self.groups: set[str] = set()
        # Who writes now: the operator, or somebody else where it is empty.
        self.author = ""
        self._names = 0

    # What is there.

    def get(self, plural: str, namespace: str, name: str) -> Object | None:
        """Return the stored object; it must not be changed."""
        return self.objects[plural].get((namespace, name))

    def all(self, plural: str) -> list[Object]:
        """Return the stored objects; they must not be changed."""
        return list(self.objects[plural].values())

    def by_uid(self, plural: str, uid: str) -> Object | None:
        """Return the object with that uid."""
        return next((o for o in self.objects[plural].values() if o["metadata"]["uid"] == uid), None)

    def require(self, plural: str, namespace: str, name: str) -> Object:
        """Return the stored object. Raises ApiError 404."""
        obj = self.get(plural, namespace, name)
        if obj is None:
            raise not_found(plural, name)
        return obj

    # What clients and controllers do.

    def create(self, plural: str, obj: Object) -> Object:
        """Create the object; one of its name is a 409."""
        obj = copy_of(obj)
        meta = obj["metadata"]
        if "generateName" in meta and "name" not in meta:
            meta["name"] = meta["generateName"] + f"{self._next():05d}"
        if key_of(obj) in self.objects[plural]:
            raise ApiError(409, "AlreadyExists", f'{plural} "{meta["name"]}" already exists')
        for name in _SET_BY_SERVER:
            meta.pop(name, None)
        kind, api_version = _KINDS[plural]
        meta |= {"uid": f"00000000-0000-4000-8000-{self._next():012d}", "creationTimestamp": stamp(self.clock.now)}
        if plural in _WITH_SPEC:
            meta["generation"] = 1
            obj.pop("status", None)
        if plural == "pods":
            obj.setdefault("status", {"phase": "Pending"})
        if plural == "jobs":
            _default_job(obj)
        if plural == "cronjobs":
            _default_cron_job(obj)
        return self._store(plural, None, {"apiVersion": api_version, "kind": kind, **obj})

    def update(self, plural: str, obj: Object) -> Object:
        """Replace all but the status; a resourceVersion that is not the newest is a 409."""
        old = self._checked(plural, obj["metadata"])
        return self._write(plural, old, {**copy_of(obj), "status": old.get("status") or {}})

    def update_status(self, plural: str, obj: Object, status: Object) -> Object:
        """Replace the status alone."""
        old = self._checked(plural, obj["metadata"])
        return self._store(plural, old, {**old, "status": copy_of(status)})

    def patch(self, plural: str, namespace: str, name: str, changes: Object) -> Object:
        """Merge changes into all but the status."""
        old = self.require(plural, namespace, name)
        self._check(plural, old, changes.get("metadata") or {})
        new = merged(old, {name: value for name, value in copy_of(changes).items() if name != "status"})
        return self._write(plural, old, new)

    def patch_status(self, plural: str, namespace: str, name: str, changes: Object) -> Object:
        """Merge changes into the status; lists are replaced whole, conditions by their type."""
        old = self.require(plural, namespace, name)
        self._check(plural, old, changes.get("metadata") or {})
        told = copy_of(changes.get("status") or {})
        if "status" in told:
            raise ApiError(
                400, "BadRequest", f'strict decoding error: unknown field "status.status" of {plural} "{name}"'
            )
        if plural in ("pods", "jobs") and "conditions" in told:
            told["conditions"] = _merged_conditions(
                (old.get("status") or {}).get("conditions") or [], told["conditions"]
            )
        status = merged(old.get("status") or {}, told)
        return self._store(plural, old, {**old, "status": status})

    def delete(
        self,
        plural: str,
        namespace: str,
        name: str,
        *,
        propagation: str = "Background",
        preconditions: Object | None = None,
        grace: int | None = None,
    ) -> None:
        """Delete: at once, when its finalizers are gone, or, a pod, when the kubelet has ended it."""
        old = self.require(plural, namespace, name)
        self._check(plural, old, preconditions or {})
        if plural == "pods":
            self._delete_pod(old, grace)
            return
        finalizers = list(old["metadata"].get("finalizers") or ())
        wanted = {"Orphan": _ORPHAN, "Foreground": _FOREGROUND}.get(propagation)
        if wanted and wanted not in finalizers:
            finalizers.append(wanted)
        if not finalizers:
            self._store(plural, old, None)
            return
        meta = {**old["metadata"], "finalizers": finalizers}
        meta.setdefault("deletionTimestamp", stamp(self.clock.now))
        if meta != old["metadata"]:
            if plural in _WITH_SPEC and "deletionTimestamp" not in old["metadata"]:
                meta["generation"] = meta["generation"] + 1
            self._store(plural, old, {**old, "metadata": meta})

    def _delete_pod(self, pod: Object, grace: int | None) -> None:
        meta = pod["metadata"]
        if grace is None:
            grace = pod["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE)
        if is_terminal(pod) or not pod["spec"].get("nodeName"):
            grace = 0
        if "deletionTimestamp" in meta and grace >= meta["deletionGracePeriodSeconds"]:
            return
        if grace == 0 and not meta.get("finalizers"):
            self._store("pods", pod, None)
            return
        since = self.clock.now
        if "deletionTimestamp" in meta:  # a shorter grace period counts from the first deletion
            since = moment_of(meta["deletionTimestamp"]) - timedelta(seconds=meta["deletionGracePeriodSeconds"])
        when = stamp(since + timedelta(seconds=grace))
        self._store(
            "pods", pod, {**pod, "metadata": {**meta, "deletionTimestamp": when, "deletionGracePeriodSeconds": grace}}
        )

    def set_meta(self, plural: str, obj: Object, **meta: Any) -> Object:
        """Set fields of the metadata, as controllers do; None removes. An object without finalizers may go by that."""
        old = self.require(plural, *key_of(obj))
        return self._write(plural, old, merged(old, {"metadata": meta}))

    # How it is stored.

    def _next(self) -> int:
        self._names += 1
        return self._names

    def _checked(self, plural: str, meta: Object) -> Object:
        old = self.require(plural, meta["namespace"], meta["name"])
        self._check(plural, old, meta)
        return old

    def _check(self, plural: str, old: Object, wanted: Object) -> None:
        for name in ("uid", "resourceVersion"):
            if wanted.get(name) and wanted[name] != old["metadata"][name]:
                raise conflict(plural, old["metadata"]["name"])

    def _write(self, plural: str, old: Object, new: Object) -> Object:
        meta = {**new["metadata"], **{n: old["metadata"][n] for n in _SET_BY_SERVER if n in old["metadata"]}}
        new = {**new, "metadata": meta}
        if plural in _WITH_SPEC and new.get("spec") != old.get("spec"):
            if plural == "jobs":
                _check_job(old, new)
            meta["generation"] = old["metadata"]["generation"] + 1
        if _same(old, new):
            return old
        if _may_vanish(plural, new):
            self._store(plural, new, None)
            return new
        return self._store(plural, old, new)

    def _store(self, plural: str, old: Object | None, new: Object | None) -> Object:
        last = new if new is not None else old
        assert last is not None
        if old is not None and new is not None and _same(old, new):
            return old
        self.version += 1
        last = {**last, "metadata": {**last["metadata"], "resourceVersion": str(self.version)}}
        if new is None:
            self.objects[plural].pop(key_of(last), None)
            change = Change(self.version, plural, last, None)
        else:
            self.objects[plural][key_of(last)] = last
            change = Change(self.version, plural, old, last)
        if plural != "events":
            self.changes.append(change)
            for observer in self.observers:
                observer(change)
        return last


def _same(old: Object, new: Object) -> bool:
    meta = {**new["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]}
    return {**new, "metadata": meta} == old


def _may_vanish(plural: str, obj: Object) -> bool:
    """Return whether the object was deleted and nothing holds it any more."""
    meta = obj["metadata"]
    if "deletionTimestamp" not in meta or meta.get("finalizers"):
        return False
    return plural != "pods" or meta.get("deletionGracePeriodSeconds") == 0


def _merged_conditions(old: list[Object], new: list[Object]) -> list[Object]:
    """Return the conditions after a strategic merge: by their types."""
    changed = {condition["type"]: condition for condition in new}
    kept = [{**condition, **changed.pop(condition["type"], {})} for condition in old]
    return [*kept, *changed.values()]


def _check_job(old: Object, new: Object) -> None:
    for name in _FIXED_IN_JOBS:
        if _fixed_part(name, old, old) != _fixed_part(name, old, new):
            raise ApiError(422, "Invalid", f"Job.batch is invalid: spec.{name}: Invalid value: field is immutable")
    spec = new["spec"]
    is_elastic = spec["completionMode"] == "Indexed" and spec["completions"] == spec["parallelism"]
    if old["spec"]["completions"] != spec["completions"] and not is_elastic:
        raise ApiError(422, "Invalid", "Job.batch is invalid: spec.completions: Invalid value: field is immutable")


def _fixed_part(name: str, old: Object, job: Object) -> Any:
    """Return what of a field must not change: of a template not how it is scheduled, before the Job starts."""
    value = job["spec"].get(name)
    if name != "template" or not old["spec"]["suspend"] or "startTime" in (old.get("status") or {}):
        return value
    meta = {part: kept for part, kept in value["metadata"].items() if part not in ("labels", "annotations")}
    pod = {part: kept for part, kept in value["spec"].items() if part not in _SCHEDULING}
    return {"metadata": meta, "spec": pod}


def _default_job(job: Object) -> None:
    spec, uid = job["spec"], job["metadata"]["uid"]
    spec.setdefault("parallelism", 1)
    spec.setdefault("completions", 1)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("backoffLimit", 2147483647 if "backoffLimitPerIndex" in spec else 6)
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
    labels |= {"batch.kubernetes.io/controller-uid": uid, "controller-uid": uid}
    labels |= {"batch.kubernetes.io/job-name": job["metadata"]["name"], "job-name": job["metadata"]["name"]}
    spec["template"]["spec"].setdefault("terminationGracePeriodSeconds", DEFAULT_GRACE)
    job["status"] = {}


def _default_cron_job(cron_job: Object) -> None:
    cron_job["spec"].setdefault("suspend", False)
    cron_job["spec"].setdefault("concurrencyPolicy", "Allow")
    cron_job["spec"].setdefault("successfulJobsHistoryLimit", 3)
    cron_job["spec"].setdefault("failedJobsHistoryLimit", 1)
    cron_job["status"] = {}
