"""What the watches have shown, by the questions that a reconcile asks. Plain memory: no requests here.

Objects are kept slim and packed, and never older than the newest that was seen of them: answers to our own writes go in
as well as watch events, in whatever order they come. What is handed out belongs to the caller.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from sys import intern
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import Phase
from mlrun_operator.api.values.names import kubernetes_name
from mlrun_operator.cluster.codec import pack, unpack
from mlrun_operator.cluster.resources import CRON_JOBS, FUNCTIONS, JOBS, PODS, RUNS, Resource
from mlrun_operator.cluster.run_queues import Place, RunKey, RunQueues

Object = dict[str, Any]
_ENDS: Final = tuple(phase.value for phase in Phase if phase.finished)
# How many objects that are gone are remembered against late answers.
_TOMBSTONES: Final = 10_000
# Stands in the place of a spec that cannot be kept; no field is called so, so that the run is refused.
UNREADABLE: Final = "unreadable"
# Parts of a status that users fill.
_FREE: Final = ("results", "outputs", "inputs")
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

_POD_STATUS: Final = ("phase", "reason", "message", "conditions", "containerStatuses", "initContainerStatuses")
_METADATA: Final = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "annotations",
    "ownerReferences",
)


# What an object is to its owner, and the owner's uid.
Tie = tuple[str, str]
# Where a run is: its namespace, phase and reason.
Standing = tuple[str, str, str]
_OF_JOB: Final = "of job"
_OF_SCHEDULE: Final = "of schedule"


@dataclass(slots=True)
class _Kept:
    """An object, packed, and what is asked of it without unpacking."""

    key: RunKey
    uid: str
    version: int
    packed: bytes
    # The owners that it is found by: what it is to them, and their uids.
    ties: tuple[Tie, ...] = ()
    # Of a Job: the uid of its run, and whether it has not ended. Of a CronJob or Job: the runs that it concerns.
    run_uid: str | None = None
    live: bool = False
    runs: tuple[str, ...] = ()
    # Of a run: the functions that it may refer to, where it is, and whether it has not ended.
    functions: tuple[RunKey, ...] = ()
    standing: Standing | None = None
    open: bool = False

    @property
    def obj(self) -> Object:
        found: Object = unpack(self.packed)
        return found


class Index:
    """What was seen of the watched resources. `wake` is told which run's turn may have come."""

    def __init__(self, wake: Callable[[RunKey], None] = lambda _: None) -> None:
        self._objects: dict[Resource, dict[RunKey, _Kept]] = {r: {} for r in (RUNS, FUNCTIONS, CRON_JOBS, JOBS, PODS)}
        self._tied: dict[Tie, tuple[_Kept, ...]] = {}
        self._by_function: dict[RunKey, set[str]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        # How many runs there are, by namespace, phase and reason.
        self.standings: Counter[Standing] = Counter()
        self.lines = RunQueues(wake)

    def put(self, resource: Resource, obj: Object) -> bool:
        """Keep the object unless it is gone, or this state of it, a newer one or a successor of its name is known.

        Whether it was kept.
        """
        meta = obj["metadata"]
        if meta["uid"] in self._gone:
            return False
        known = self._objects[resource].get(_key(obj))
        if known is not None and (version := _version(obj)) <= known.version and version:
            return False
        kept = _keep(resource, obj)
        self._link(resource, known, kept)
        self._objects[resource][kept.key] = kept
        if resource is RUNS:
            self._line_up(known, kept, obj)
        return True

    def drop(self, resource: Resource, obj: Object) -> None:
        """Forget the object for good: a late answer does not bring it back. Another one of its name stays."""
        uid = obj["metadata"]["uid"]
        self._gone[uid] = None
        while len(self._gone) > _TOMBSTONES:
            self._gone.popitem(last=False)
        known = self._objects[resource].get(_key(obj))
        if known is not None and known.uid == uid:
            del self._objects[resource][known.key]
            self._link(resource, known, None)
            if resource is RUNS:
                self.lines.leave(uid)

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """The object of that name."""
        known = self._objects[resource].get((namespace, name))
        return known.obj if known else None

    def sizes(self) -> dict[str, int]:
        """How many objects are known, by the plural of their resource."""
        return {resource.plural: len(objects) for resource, objects in self._objects.items()}

    def newest(self, resource: Resource, namespace: str | None) -> int:
        """The newest resource version of all that is kept of the namespace; 0 where there is nothing."""
        kept = self._objects[resource].values()
        return max((known.version for known in kept if namespace in (None, known.key[0])), default=0)

    def missing_from(self, resource: Resource, namespace: str | None, uids: set[str], version: int) -> list[Object]:
        """The objects that a listing at that resource version should have had and has not: they are gone."""
        return [
            known.obj
            for known in self._objects[resource].values()
            if namespace in (None, known.key[0]) and known.uid not in uids and known.version <= version
        ]

    def of_run(self, resource: Resource, namespace: str, run_uid: str) -> list[Object]:
        """The Jobs or pods of the namespace that carry the run's uid."""
        return self._found((resource.plural, run_uid), namespace)

    def of_job(self, namespace: str, job_uid: str) -> list[Object]:
        """The pods that the Job controls."""
        return self._found((_OF_JOB, job_uid), namespace)

    def of_schedule(self, namespace: str, uid: str) -> list[Object]:
        """The runs that the schedule made."""
        return self._found((_OF_SCHEDULE, uid), namespace)

    def _found(self, tie: Tie, namespace: str) -> list[Object]:
        return [known.obj for known in self._tied.get(tie, ()) if known.key[0] == namespace]

    def runs_of(self, resource: Resource, obj: Object) -> Iterator[RunKey]:
        """The runs that an event of the object may concern."""
        namespace, name = _key(obj)
        return ((namespace, run) for run in self._concerned(resource, namespace, name, obj))

    def _concerned(self, resource: Resource, namespace: str, name: str, obj: Object) -> Iterator[str]:
        if resource is RUNS:
            yield name
            yield from self._relatives(obj)
        elif resource is FUNCTIONS:
            yield from tuple(self._by_function.get((namespace, name), ()))
        elif resource is PODS:
            job = self._objects[JOBS].get((namespace, _controller(obj, "Job") or ""))
            yield from job.runs if job else ()
        else:
            yield from _runs_of_job(obj)

    def _relatives(self, run: Object) -> Iterator[str]:
        """The schedule that made the run; of a schedule the runs that have not ended."""
        if schedule := _controller(run, constants.RUN_KIND):
            yield schedule
        made = self._tied.get((_OF_SCHEDULE, run["metadata"]["uid"]), ())
        yield from [child.key[1] for child in made if child.open]

    def _link(self, resource: Resource, old: _Kept | None, new: _Kept | None) -> None:
        """Let what leads to an object lead to its new state."""
        for tie in dict.fromkeys((*(old.ties if old else ()), *(new.ties if new else ()))):
            others = (other for other in self._tied.pop(tie, ()) if other is not old)
            if linked := (*others, *([new] if new and tie in new.ties else [])):
                self._tied[tie] = linked
        if resource is JOBS:
            self._count(old, new)
        if resource is RUNS:
            for kept in filter(None, (old, new)):
                for function in kept.functions:
                    self._link_function(function, kept.key[1], linked=kept is new)
            self._tally(old, new)

    def _tally(self, old: _Kept | None, new: _Kept | None) -> None:
        """Count a run where it is now."""
        if new is not None and new.standing is not None:
            self.standings[new.standing] += 1
        if old is not None and old.standing is not None:
            self.standings[old.standing] -= 1
            if not self.standings[old.standing]:
                del self.standings[old.standing]

    def _link_function(self, function: RunKey, run: str, *, linked: bool) -> None:
        runs = self._by_function.setdefault(function, set())
        runs.add(run) if linked else runs.discard(run)
        if not runs:
            del self._by_function[function]

    def _count(self, old: _Kept | None, new: _Kept | None) -> None:
        """Tell the lines of a Job that began or ended."""
        if old and new and (old.key[0], old.run_uid, old.live) == (new.key[0], new.run_uid, new.live):
            return
        for kept, change in ((new, 1), (old, -1)):
            if kept is not None and kept.live and kept.run_uid:
                self.lines.jobs(kept.key[0], kept.run_uid, change)

    def _line_up(self, old: _Kept | None, run: _Kept, obj: Object) -> None:
        """Tell the lines of a run."""
        if old is not None and old.uid != run.uid:
            self.lines.leave(old.uid)
        self.lines.enter(run.uid, run.key[0], line_of(obj), place_of(obj) if _queued(obj) else None)


def line_of(run: Object) -> RunKey | None:
    """The line of all runs that refer to the same function, whichever way they write its name."""
    return next(reversed(function_keys(run)), None)


def function_keys(run: Object) -> tuple[RunKey, ...]:
    """Namespace and possible object names of the function that the run refers to: as written, and made legal."""
    reference = (run.get("spec") or {}).get("functionRef")
    name = reference.get("name") if isinstance(reference, dict) else None
    if not isinstance(name, str):
        return ()
    namespace = intern(run["metadata"]["namespace"])
    return tuple((namespace, intern(known)) for known in dict.fromkeys((name, kubernetes_name(name))))


def slim(resource: Resource, obj: Object) -> Object:
    """The object without what no decision looks at: managed fields, the envelope, most of specs and pod statuses."""
    meta = {name: obj["metadata"][name] for name in _METADATA if name in obj["metadata"]}
    if resource is PODS:
        meta.pop("annotations", None)
        status = {name: value for name, value in (obj.get("status") or {}).items() if name in _POD_STATUS}
        return {"metadata": meta, "spec": _slim_pod_spec(obj.get("spec") or {}), "status": status}
    if resource is JOBS:
        pod = obj["spec"]["template"]["spec"]
        images = [{"name": c["name"], "image": c.get("image", "")} for c in pod["containers"]]
        volumes = [{"name": v["name"], "image": v["image"]} for v in pod.get("volumes") or () if "image" in v]
        template = {"containers": images, **({"volumes": volumes} if volumes else {})}
        spec = {"suspend": obj["spec"].get("suspend", False), "template": {"spec": template}}
        return {"metadata": meta, "spec": spec, "status": obj.get("status") or {}}
    if resource is CRON_JOBS:
        spec = {name: value for name, value in obj["spec"].items() if name != "jobTemplate"}
        return {"metadata": meta, "spec": spec, "status": obj.get("status") or {}}
    meta["annotations"] = {k: v for k, v in (meta.get("annotations") or {}).items() if k != _LAST_APPLIED}
    return {"metadata": meta, "spec": obj.get("spec") or {}, "status": obj.get("status") or {}}


def _slim_pod_spec(spec: Object) -> Object:
    """Return the pod's node, and which init containers are native sidecars: no status tells that."""
    inits = spec.get("initContainers") or ()
    native = [{k: c[k] for k in ("name", "restartPolicy")} for c in inits if c.get("restartPolicy") == "Always"]
    return {"nodeName": spec.get("nodeName"), **({"initContainers": native} if native else {})}


def place_of(run: Object) -> Place:
    """The run's place in its lines; one that has not waited yet comes behind all that have."""
    meta = run["metadata"]
    since = (run.get("status") or {}).get("queuedTime") if _queued(run) else None
    return since or "9999", meta.get("creationTimestamp", ""), meta["name"]


def _queued(run: Object) -> bool:
    return (run.get("status") or {}).get("reason") == Reason.QUEUED


def _keep(resource: Resource, obj: Object) -> _Kept:
    namespace, name = _key(obj)
    kept = _Kept((intern(namespace), intern(name)), obj["metadata"]["uid"], _version(obj), _packed(resource, obj))
    kept.ties = tuple(_ties(resource, obj))
    if resource is RUNS:
        kept.functions = function_keys(obj)
        status = obj.get("status") or {}
        kept.standing = kept.key[0], _interned(status.get("phase")), _interned(status.get("reason"))
        kept.open = kept.standing[1] not in _ENDS
    elif resource is JOBS:
        uid = _run_uid(obj)
        kept.run_uid, kept.live = intern(uid) if uid else None, _live(obj)
        kept.runs = tuple(intern(run) for run in _runs_of_job(obj))
    return kept


def _ties(resource: Resource, obj: Object) -> Iterator[Tie]:
    if resource in (JOBS, PODS) and (uid := _run_uid(obj)):
        yield resource.plural, intern(uid)
    if resource is PODS and (uid := _controller(obj, "Job", "uid")):
        yield _OF_JOB, intern(uid)
    if resource is RUNS and (uid := _controller(obj, constants.RUN_KIND, "uid")):
        yield _OF_SCHEDULE, intern(uid)


def _packed(resource: Resource, obj: Object) -> bytes:
    """The object, slim; of one that is nested absurdly only what tells how far its execution is."""
    kept = slim(resource, obj)
    try:
        return pack(kept)
    except ValueError:
        status = {name: value for name, value in kept["status"].items() if name not in _FREE}
        return pack({**kept, "spec": {UNREADABLE: "it is nested too deeply"}, "status": status})


def _live(job: Object) -> bool:
    """Whether the Job has not ended, by its own conditions."""
    conditions = (job.get("status") or {}).get("conditions") or ()
    return not any(c.get("type") in ("Complete", "Failed") and c.get("status") == "True" for c in conditions)


def _key(obj: Object) -> RunKey:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _version(obj: Object) -> int:
    """Resource versions of one resource are ordered numbers."""
    text = obj["metadata"].get("resourceVersion", "")
    return int(text) if text.isdigit() else 0


def _run_uid(obj: Object) -> str | None:
    return (obj["metadata"].get("labels") or {}).get(constants.LABEL_RUN_UID)


def _runs_of_job(obj: Object) -> Iterator[str]:
    """The run that controls a Job or CronJob; of a Job that a CronJob fired the run of its name, and the schedule."""
    if run := _controller(obj, constants.RUN_KIND):
        yield run
    elif schedule := (obj["metadata"].get("annotations") or {}).get(constants.ANNOTATION_SCHEDULE):
        yield obj["metadata"]["name"]
        yield schedule


def _interned(text: Any) -> str:
    return intern(text) if isinstance(text, str) else ""


def _controller(obj: Object, kind: str, field: str = "name") -> str | None:
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((o[field] for o in owners if o.get("controller") and o.get("kind") == kind), None)
