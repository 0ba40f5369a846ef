"""Who occupies a place and who waits: whatever comes in whatever order, it is what walking over all objects finds."""

from collections import Counter
from contextlib import ExitStack
from copy import deepcopy
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mlrun_operator.api.objects import has_job_ended, has_pod_ended, key_of
from mlrun_operator.api.values.names import cron_job_name, kubernetes_name, label_value
from mlrun_operator.cluster.index import Index
from mlrun_operator.cluster.queue_position import id_of, position_of, queue_of
from mlrun_operator.cluster.resources import JOBS, PODS, RUNS, Resource
from mlrun_operator.cluster.run_queues import RunId, RunKey

Object = dict[str, Any]

FUNCTIONS = {"a": "fn", "b": "my_function", "c": "my-function-c64d28", "d": "Other_Function", "nightly": "fn"}
CHILD = f"{cron_job_name('nightly', 'uid-nightly-0')}-29400000"
FUNCTIONS[CHILD] = "fn"
EXECUTION = {"number": 1, "hash": "v1-0"}
QUEUED = {"phase": "Pending", "reason": "Queued", "execution": EXECUTION}
STATUSES: list[Object] = [
    {},
    {**QUEUED, "queuedTime": "2026-11-23T12:00:01Z"},
    {**QUEUED, "queuedTime": "2026-11-23T12:00:02Z"},
    QUEUED,
    {**QUEUED, "execution": {**EXECUTION, "fromTheFuture": 1}},
    {"phase": "Running", "reason": "Running"},
    {"phase": "Succeeded", "reason": "Succeeded"},
]
BY_US = {"mlrun-operator.dev/suspended-by": "mlrun-operator"}
# Of a Job: its spec.suspend, annotations and conditions.
JOB_STATES: list[tuple[bool, Object, list[Object]]] = [
    (False, {}, []),
    (False, BY_US, []),
    (True, {}, []),
    (True, BY_US, []),
    (False, {}, [{"type": "Complete", "status": "True"}]),
    (False, {}, [{"type": "Failed", "status": "False"}]),
]
PHASES = ["Pending", "Running", "Unknown", "Succeeded", "Failed"]
NAMES = st.sampled_from(["a", "b", "c", "d", "nightly", CHILD])


class NaiveStore:
    """The newest state of each object that came, by resource and key; what is gone stays gone."""

    def __init__(self) -> None:
        self.objects: dict[Resource, dict[RunKey, Object]] = {RUNS: {}, JOBS: {}, PODS: {}}
        self.gone: set[str] = set()

    def put(self, resource: Resource, obj: Object) -> None:
        known = self.objects[resource].get(key_of(obj))
        if obj["metadata"]["uid"] not in self.gone and (known is None or version(obj) > version(known)):
            self.objects[resource][key_of(obj)] = obj

    def drop(self, resource: Resource, obj: Object) -> None:
        self.gone.add(obj["metadata"]["uid"])
        known = self.objects[resource].get(key_of(obj))
        if known is not None and known["metadata"]["uid"] == obj["metadata"]["uid"]:
            del self.objects[resource][key_of(obj)]

    def occupied(self) -> dict[RunId, set[Any]]:
        """The runs that occupy a place, by namespace and uid, and their queues."""
        queues: dict[RunId, set[Any]] = {}
        for obj in self.objects[JOBS].values():
            suspended = obj["spec"]["suspend"] and obj["metadata"]["annotations"]
            if not suspended and not has_job_ended(obj):
                self._occupy(queues, obj, label(obj, "run-uid"))
        for obj in self.objects[PODS].values():
            if not has_pod_ended(obj):
                self._occupy(queues, obj, self.run_of(obj))
        return queues

    def _occupy(self, queues: dict[RunId, set[Any]], obj: Object, uid: str) -> None:
        namespace = obj["metadata"]["namespace"]
        run = next((r for r in self.objects[RUNS].values() if id_of(r) == (namespace, uid)), None)
        function = queue_of(run) if run else (namespace, kubernetes_name(label(obj, "function")))
        queues.setdefault((namespace, uid), {namespace}).add(function)

    def run_of(self, pod: Object) -> str:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
        uid = pod["metadata"]["labels"]["batch.kubernetes.io/controller-uid"]
        job, run = (self.objects[r].get((namespace, name)) for r in (JOBS, RUNS))
        if job and job["metadata"]["uid"] == uid:
            return label(job, "run-uid")
        fired_uid = run["metadata"]["annotations"].get("mlrun-operator.dev/job-uid") if run else None
        if run and fired_uid == f"{CHILD}/{uid}" and label(pod, "run-uid") == "uid-nightly-0":
            return str(run["metadata"]["uid"])
        return f"job {uid}" if name == CHILD and label(pod, "run-uid") == "uid-nightly-0" else label(pod, "run-uid")

    def ahead(self, me: Object, queue: Any, reserved: dict[RunId, Object]) -> int:
        """How many others occupy a place in the queue, or wait in it before one that has no place."""
        occupied = self.occupied()
        for run_id, run in reserved.items():
            fired_uid = run["metadata"]["annotations"].get("mlrun-operator.dev/job-uid", "").rpartition("/")[2]
            if run_id in occupied or (run_id[0], f"job {fired_uid}") not in occupied:  # of those pods it is known whose
                occupied.setdefault(run_id, {run_id[0], queue_of(run)})
        waiting = [
            run
            for run in self.objects[RUNS].values()
            if is_waiting(run)
            and id_of(run) not in occupied
            and queue in (run["metadata"]["namespace"], queue_of(run))
            and position_of(run) < position_of(me)
        ]
        others = [run_id for run_id, queues in occupied.items() if queue in queues and run_id != id_of(me)]
        if queue in occupied.get(id_of(me), ()):
            return len(others)
        return len(others) + sum(id_of(run) != id_of(me) for run in waiting)


def version(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])


def label(obj: Object, name: str) -> str:
    return str(obj["metadata"]["labels"][f"mlrun-operator.dev/{name}"])


def is_waiting(run: Object) -> bool:
    status, is_dying = run["status"], "deletionTimestamp" in run["metadata"]
    return status.get("reason") == "Queued" and not is_dying and "fromTheFuture" not in status["execution"]


class Counting(RuleBasedStateMachine):
    """A cluster whose watch events come late, twice, and in any order; one operator that counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.woken: list[RunKey] = []
        self.index, self.naive = Index(self.woken.append), NaiveStore()
        self.cluster: dict[tuple[Resource, RunKey], Object] = {}
        self.history: list[tuple[str, Resource, Object]] = []
        self.version = 0
        self.removed = Counter[str]()
        self.stack, self.reserved = ExitStack(), dict[RunId, Object]()
        self.before: dict[RunId, tuple[Any, list[int]]] = {}

    def write(self, resource: Resource, obj: Object, *, late: bool) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.cluster[resource, key_of(obj)] = obj
        self.happen("seen", resource, obj, late=late)

    def remove(self, resource: Resource, key: RunKey, *, late: bool) -> None:
        if (obj := self.cluster.pop((resource, key), None)) is not None:
            self.version += 1
            self.removed[key[1]] += 1
            last = deepcopy(obj)
            last["metadata"]["resourceVersion"] = str(self.version)
            self.happen("gone", resource, last, late=late)

    def happen(self, kind: str, resource: Resource, obj: Object, *, late: bool) -> None:
        self.history.append((kind, resource, deepcopy(obj)))
        if not late:
            self.deliver(*self.history[-1])

    def deliver(self, kind: str, resource: Resource, obj: Object) -> None:
        for store in (self.index, self.naive):
            (store.put if kind == "seen" else store.drop)(resource, obj)

    def meta(self, resource: Resource, name: str, **more: Any) -> Object:
        known = self.cluster.get((resource, ("team", name)))
        uid = known["metadata"]["uid"] if known else f"uid-{name}-{self.removed[name]}"
        return {"name": name, "namespace": "team", "uid": uid, "annotations": {}, **more}

    def uid_of(self, name: str) -> str:
        run = self.cluster.get((RUNS, ("team", name)))
        return run["metadata"]["uid"] if run else f"uid-{name}-0"

    @rule(name=NAMES, status=st.sampled_from(STATUSES), is_dying=st.booleans(), late=st.booleans())
    def run_changes(self, name: str, status: Object, is_dying: bool, late: bool) -> None:
        meta = self.meta(RUNS, name, creationTimestamp="2026-11-23T12:00:00Z")
        if name == CHILD:
            meta["annotations"] = {"mlrun-operator.dev/job-uid": f"{CHILD}/uid-of-fired"}
            meta["ownerReferences"] = [
                {"kind": "MlrunRun", "name": "nightly", "uid": "uid-nightly-0", "controller": True}
            ]
        if is_dying:
            meta["deletionTimestamp"] = "2026-11-23T13:00:00Z"
        run = {"metadata": meta, "spec": {"functionRef": {"name": FUNCTIONS[name]}}, "status": status}
        self.write(RUNS, run, late=late)

    @rule(name=NAMES, n=st.integers(1, 2), state=st.sampled_from(JOB_STATES), adopted=st.booleans(), late=st.booleans())
    def job_changes(
        self, name: str, n: int, state: tuple[bool, Object, list[Object]], adopted: bool, late: bool
    ) -> None:
        if name == CHILD and self.fired_job_is_gone():
            return
        suspended, annotations, conditions = state
        meta = self.meta(JOBS, CHILD if name == CHILD else f"{name}-{n}", annotations=annotations)
        if name == CHILD:
            meta["uid"] = "uid-of-fired"
        meta["labels"] = self.labels(name if adopted or name != CHILD else "nightly")
        spec = {"suspend": suspended, "template": {"spec": {"containers": []}}}
        self.write(JOBS, {"metadata": meta, "spec": spec, "status": {"conditions": conditions}}, late=late)

    @rule(
        name=NAMES, n=st.integers(1, 2), of=st.integers(1, 2), phase=st.sampled_from(PHASES), orphaned=st.booleans(),
        late=st.booleans(),
    )  # fmt: skip
    def pod_changes(self, name: str, n: int, of: int, phase: str, orphaned: bool, late: bool) -> None:  # noqa: PLR0917 - a draw each
        job = CHILD if name == CHILD else f"{name}-{of}"
        known = self.cluster.get((JOBS, ("team", job)))
        uid = "uid-of-fired" if name == CHILD else known["metadata"]["uid"] if known else f"uid-{job}-0"
        meta = self.meta(PODS, f"{job}-x{n}")
        if (previous := self.cluster.get((PODS, ("team", meta["name"])))) is not None:
            uid = previous["metadata"]["labels"]["batch.kubernetes.io/controller-uid"]
        meta["labels"] = self.labels("nightly" if name == CHILD else name)
        meta["labels"] |= {"batch.kubernetes.io/job-name": job, "batch.kubernetes.io/controller-uid": uid}
        if not orphaned:
            meta["ownerReferences"] = [{"kind": "Job", "name": job, "uid": uid, "controller": True}]
        self.write(PODS, {"metadata": meta, "spec": {}, "status": {"phase": phase}}, late=late)

    def fired_job_is_gone(self) -> bool:
        """It is fired once, while a run of its name may be created again."""
        return any(
            kind == "gone" and resource is JOBS and obj["metadata"]["name"] == CHILD
            for kind, resource, obj in self.history
        )

    def labels(self, name: str) -> Object:
        return {
            "app.kubernetes.io/managed-by": "mlrun-operator",
            "mlrun-operator.dev/run-uid": self.uid_of(name),
            "mlrun-operator.dev/function": label_value(FUNCTIONS[name]),
        }

    @rule(data=st.data(), late=st.booleans())
    def object_goes(self, data: st.DataObject, late: bool) -> None:
        if self.cluster:
            self.remove(*data.draw(st.sampled_from(list(self.cluster))), late=late)

    @rule(data=st.data())
    def late_event_comes(self, data: st.DataObject) -> None:
        if self.history:
            self.deliver(*data.draw(st.sampled_from(self.history)))

    @rule(name=NAMES)
    def job_is_being_created(self, name: str) -> None:
        run = self.naive.objects[RUNS].get(("team", name))
        if run is not None and id_of(run) not in self.reserved:
            self.stack.enter_context(self.index.run_queues.reserve(id_of(run)))
            self.reserved[id_of(run)] = run

    @rule()
    def jobs_are_created(self) -> None:
        self.stack.close()
        self.reserved.clear()

    @invariant()
    def the_count_is_that_of_walking_over_all_objects(self) -> None:
        queues, reserved = self.index.run_queues, self.reserved
        now: dict[RunId, tuple[Any, list[int]]] = {}
        for me in self.naive.objects[RUNS].values():
            places = ("team", queue_of(me))
            counted = [queues.count_ahead(id_of(me), queue, position_of(me)) for queue in places]
            assert counted == [self.naive.ahead(me, queue, reserved) for queue in places]
            if is_waiting(me) and id_of(me) not in self.naive.occupied().keys() | reserved.keys():
                now[id_of(me)] = position_of(me), counted
        for run_id, (position, counted) in now.items():
            if run_id in self.before and self.before[run_id][0] == position:
                came_forward = any(n < m for n, m in zip(counted, self.before[run_id][1], strict=True))
                first = sum(other[0] < position for other in now.values()) < 4
                assert not (came_forward and first) or ("team", position[2]) in self.woken
        self.before = now
        self.woken.clear()

    @invariant()
    def the_pods_of_a_run_are_found(self) -> None:
        for run in self.naive.objects[RUNS].values():
            uid = run["metadata"]["uid"]
            uids = {pod["metadata"]["uid"] for pod in self.index.pods_of_run("team", uid)}
            expected = (p for p in self.naive.objects[PODS].values() if self.naive.run_of(p) == uid)
            assert uids == {pod["metadata"]["uid"] for pod in expected}

    def teardown(self) -> None:
        """Whatever has happened, nothing is left of it when all is gone."""
        self.stack.close()
        for resource, objects in self.naive.objects.items():
            for obj in list(objects.values()):
                self.index.drop(resource, obj)
        queues = self.index.run_queues
        kept = (self.index._related, self.index._run_names, self.index._runs_of_gone_jobs, self.index.run_counts)
        assert not any((*kept, self.index._runs_of_function))
        assert not any((queues._runs, queues._occupants, queues._functions_of_deleted, queues._placements))
        assert not queues._occupied
        assert not queues._waiting


TestCounting = Counting.TestCase
TestCounting.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
