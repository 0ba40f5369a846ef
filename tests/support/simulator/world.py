"""A whole world: users, a cluster and the operator. Every verb is a step of a history, and always may be called.

A verb that fits nothing that is there does nothing, so any part of a history is a history.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from support.simulator.api_server import ApiServer
from support.simulator.backup import Backup, Snapshot, restored, roll_back, snapshot_of
from support.simulator.client import DiedError, Refusal, SimulatedClient, Trouble
from support.simulator.clock import Alarm, Clock
from support.simulator.cron_job_controller import CronJobController
from support.simulator.garbage_collector import GarbageCollector
from support.simulator.invariants import Ledger, function_meaning
from support.simulator.job_controller import JobController
from support.simulator.kubelet import Sigterm
from support.simulator.kueue import GROUP, QUEUE, Kueue
from support.simulator.objects import Object, copy_of, is_deleting, is_terminal, key_of, uid_of
from support.simulator.operator import Operator
from support.simulator.schedule_ledger import ScheduleLedger
from support.simulator.sweep_ledger import SweepLedger
from support.simulator.wrappers import NodesWithWrappers, Wrappers

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.cluster.errors import ApiError

TEAM: Final = "team"
CODE: Final = "def handler(context, x):\n    return x\n"
_PLATFORM: Final = Platform(
    wrapper_image="example.org/wrapper:1", store=StoreInfo(root="s3://mlrun/{namespace}", endpoint="http://s3:8333")
)
# A world in which so much happens at one moment goes round in a circle.
_CIRCLE: Final = 600
REFUSALS: Final[dict[str, Callable[[], ApiError]]] = {
    "quota": lambda: ApiError(403, "Forbidden", 'jobs.batch "a" is forbidden: exceeded quota: jobs, requested: 1'),
    "policy": lambda: ApiError(403, "Forbidden", "admission webhook denied the request: not on my watch"),
    "webhook": lambda: ApiError(500, "InternalError", 'failed calling webhook "policy.example.org": timed out'),
    "invalid": lambda: ApiError(422, "Invalid", "Job.batch is invalid: spec.template: Invalid value"),
    "conflict": lambda: ApiError(409, "Conflict", "Operation cannot be fulfilled: the object has been modified"),
    "busy": lambda: ApiError(429, "TooManyRequests", "please try again later"),
    "lost": lambda: ApiError(0, "Unreachable", "connection reset"),
}
JOB_PATCHES: Final[dict[str, Object]] = {
    "suspend": {"spec": {"suspend": True}},
    "resume": {"spec": {"suspend": False}},
    "backoffLimit": {"spec": {"backoffLimit": 3}},
    "deadline": {"spec": {"activeDeadlineSeconds": 20}},
    "labels": {"metadata": {"labels": {"mlrun-operator.dev/run-uid": None}}},
    "manager": {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
    "annotations": {
        "metadata": {"annotations": {"mlrun-operator.dev/execution": None, "mlrun-operator.dev/execution-hash": None}}
    },
    "owner": {"metadata": {"ownerReferences": None}},
    "queue": {"metadata": {"labels": {QUEUE: "team"}}},
}


class World:
    """See the module."""

    def __init__(self, platform: Platform = _PLATFORM) -> None:
        self.clock = Clock()
        self.server = ApiServer(self.clock)
        self.wrappers = Wrappers(self.server)
        self.kubelet = NodesWithWrappers(self.server, self.wrappers)
        self.ledger = Ledger(self.server, self.kubelet.started)
        self.sweeps = SweepLedger(self.server, self.wrappers, self.ledger.breaks, self.ledger.is_presumed_lost)
        self.schedules = ScheduleLedger(self.server, self.ledger.breaks)
        self.jobs = JobController(self.server)
        self.cron_jobs = CronJobController(self.server)
        self.garbage = GarbageCollector(self.server)
        self.kueue = Kueue(self.server)
        self.backup: Backup | None = None
        self.snapshot: Snapshot | None = None
        self.is_rolled_back = False
        self.trouble = Trouble()
        self.is_cut_off = False
        self._platform = platform
        self._synced = -1
        self._faults: list[str] = []
        self._downtime = 0.0
        self._restart: Alarm | None = None
        self.operator: Operator | None = None
        self.requests: list[tuple[str, str, str]] = []
        self._start()
        self._pushed = 0
        self.apply_function()

    @property
    def broken(self) -> list[str]:
        """Every promise that was broken so far, in words."""
        faults = [*self._faults, *(self.operator.faults if self.operator else [])]
        return [*self.ledger.broken, *faults]

    @property
    def has_late_watches(self) -> bool:
        """Whether a watch is held."""
        return self.operator is not None and any(watch.is_held for watch in self.operator.watches.values())

    # Users.

    def apply_function(self, name: str = "fn", **spec: Any) -> None:
        """Create the function, or change fields of it; None removes a field."""
        old = self.server.get("mlrunfunctions", TEAM, name)
        if old is None:
            whole = {"source": {"code": CODE}, "handler": "handler", **spec}
            about = {"name": name, "namespace": TEAM}
            new = self.server.create("mlrunfunctions", {"metadata": about, "spec": _without_nones(whole)})
            self.ledger.function_changed(name, 1)
        else:
            new = self.server.patch("mlrunfunctions", TEAM, name, {"spec": spec})
            if function_meaning(new["spec"]) != function_meaning(old["spec"]):
                self.ledger.function_changed(name, new["metadata"]["generation"])
        self._turn()

    def delete_function(self, name: str = "fn") -> None:
        """Delete the function."""
        if self.server.get("mlrunfunctions", TEAM, name):
            self.server.delete("mlrunfunctions", TEAM, name)
        self._turn()

    def create(self, name: str, **spec: Any) -> None:
        """Create a run, unless there is one of that name."""
        self._create(name, {}, spec)
        self._turn()

    def _create(self, name: str, labels: dict[str, str], spec: Object) -> None:
        if self.server.get("mlrunruns", TEAM, name) is None:
            whole = {"parameters": {"x": 1}, **spec}
            if "function" not in whole:
                whole.setdefault("functionRef", {"name": "fn"})
            about = {"name": name, "namespace": TEAM, **({"labels": labels} if labels else {})}
            self.server.create("mlrunruns", {"metadata": about, "spec": _without_nones(whole)})

    def edit(self, name: str, **spec: Any) -> None:
        """Change fields of a run's spec; None removes a field. Nobody edits an object that is going."""
        if self.server.get("mlrunruns", TEAM, name) is not None:
            self.server.patch("mlrunruns", TEAM, name, {"spec": spec})
        self._turn()

    def delete(self, name: str) -> None:
        """Delete a run."""
        if self.server.get("mlrunruns", TEAM, name) is not None:
            self.server.delete("mlrunruns", TEAM, name)
        self._turn()

    def hold_by_finalizer(self, name: str) -> None:
        """Somebody puts a finalizer on the run."""
        run = self.server.get("mlrunruns", TEAM, name)
        if run is not None and not is_deleting(run):
            self.server.set_meta("mlrunruns", run, finalizers=["example.org/keep"])
        self._turn()

    def drop_finalizer(self, name: str) -> None:
        """The finalizer is taken off."""
        run = self.server.get("mlrunruns", TEAM, name)
        if run is not None:
            self.server.set_meta("mlrunruns", run, finalizers=None)
        self._turn()

    def give_secret(self) -> None:
        """The missing Secret is created."""
        self.kubelet.missing_secrets.clear()
        self._turn()

    def rename(self, name: str, new_name: str) -> None:
        """Somebody gives a run another name: it is deleted, and created under that."""
        run = self.server.get("mlrunruns", TEAM, name)
        if run is not None:
            self.server.delete("mlrunruns", TEAM, name)
            self._create(new_name, run["metadata"].get("labels") or {}, copy_of(run["spec"]))
        self._turn()

    def delete_child(self, number: int) -> None:
        """Somebody deletes a run that a schedule made."""
        children = self._children()
        if number < len(children):
            self.server.delete("mlrunruns", *key_of(children[-1 - number]))
        self._turn()

    def edit_child(self, number: int, **spec: Any) -> None:
        """Somebody changes a run that a schedule made."""
        children = self._children()
        if number < len(children):
            self.server.patch("mlrunruns", *key_of(children[-1 - number]), {"spec": spec})
        self._turn()

    def _children(self) -> list[Object]:
        return [run for run in self.server.all("mlrunruns") if run["metadata"].get("ownerReferences")]

    def trigger_cron_job(self) -> None:
        """Somebody makes a Job of a CronJob by hand (`kubectl create job --from=cronjob/…`)."""
        for cron_job in self.server.all("cronjobs")[:1]:
            template, meta = cron_job["spec"]["jobTemplate"], cron_job["metadata"]
            owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": meta["name"], "uid": meta["uid"]}
            about = {
                "name": f"by-hand-{self.server.version}",
                "namespace": TEAM,
                "labels": template["metadata"].get("labels") or {},
                "annotations": {
                    **(template["metadata"].get("annotations") or {}),
                    "cronjob.kubernetes.io/instantiate": "manual",
                },
                "ownerReferences": [{**owner, "controller": True}],
            }
            self.server.create("jobs", {"metadata": about, "spec": template["spec"]})
        self._turn()

    def delete_cron_job(self) -> None:
        """Somebody deletes a CronJob."""
        for cron_job in self.server.all("cronjobs")[:1]:
            self.server.delete("cronjobs", *key_of(cron_job))
        self._turn()

    def patch_cron_job(self, **spec: Any) -> None:
        """Somebody changes a CronJob."""
        for cron_job in self.server.all("cronjobs")[:1]:
            self.server.patch("cronjobs", *key_of(cron_job), {"spec": spec})
        self._turn()

    # Kueue.

    def install_kueue(self, quota: int = 1, *, manages_all: bool = False) -> None:
        """Kueue is installed; so many Jobs are admitted at once."""
        self.server.groups.add(GROUP)
        self.kueue.is_installed, self.kueue.quota, self.kueue.manages_all = True, quota, manages_all
        self._synced = -1
        self._turn()

    def create_queued(self, name: str, **spec: Any) -> None:
        """Create a run with a queue's label, unless there is one of that name."""
        self._create(name, {QUEUE: "team"}, spec)
        self._turn()

    def set_quota(self, quota: int) -> None:
        """So many Jobs are admitted at once from now on."""
        self.kueue.quota = quota
        self._synced = -1
        self._turn()

    def preempt(self, number: int = 0) -> None:
        """Kueue takes an admission back."""
        workloads = self.server.all("workloads")
        if number < len(workloads):
            self.kueue.preempt(workloads[-1 - number])
        self._turn()

    def activate(self, number: int = 0, *, active: bool) -> None:
        """An administrator holds a workload, or lets it go."""
        workloads = self.server.all("workloads")
        if number < len(workloads):
            self.server.patch("workloads", *key_of(workloads[-1 - number]), {"spec": {"active": active}})
        self._turn()

    # Backups, GitOps and copies.

    def back_up(self) -> None:
        """A tool saves what there is, and etcd a snapshot."""
        self.backup = Backup.of(self.server)
        ledgers = (self.ledger.memory(), self.schedules.memory())
        self.snapshot = snapshot_of(self.server, {"ledgers": ledgers})
        self._turn()

    def lose_namespace(self) -> None:
        """Everything in the namespace is deleted."""
        for plural in ("mlrunruns", "mlrunfunctions"):
            for obj in self.server.all(plural):
                if obj["metadata"].get("finalizers"):
                    self.server.set_meta(plural, obj, finalizers=None)
                self.server.delete(plural, *key_of(obj))
        self._turn()

    def restore(self, *plurals: str, status: str = "") -> None:
        """What is in the backup and missing is created again; `status` comes "with" the object, "late", or not."""
        for plural in plurals:
            for obj in (self.backup or Backup()).objects.get(plural, ()):
                if self.server.get(plural, *key_of(obj)) is None:
                    self._restore(plural, obj, status if plural == "mlrunruns" else "")
        self._turn()

    def _restore(self, plural: str, obj: Object, status: str) -> None:
        self.server.author = "backup"
        try:
            made = self.server.create(plural, restored(plural, obj))
        finally:
            self.server.author = ""
        if plural == "mlrunfunctions":
            self.ledger.function_changed(obj["metadata"]["name"], 1)
        if status == "late":
            self._turn()
        fresh = self.server.get(plural, *key_of(obj))
        is_same = fresh is not None and fresh["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
        if status and is_same and obj.get("status"):
            self.server.author = "backup"
            try:
                self.server.update_status(plural, made, obj["status"])
            finally:
                self.server.author = ""

    def roll_back(self) -> None:
        """All of etcd goes back to the snapshot, and the operator starts anew."""
        if self.snapshot is None:
            return self._turn()
        if self.operator is not None:
            self._stop(0)
        pods = {uid_of(pod): pod for pod in self.server.all("pods")}
        memory = roll_back(self.server, self.snapshot)
        of_runs, of_schedules = memory["ledgers"]
        self.ledger.recall(of_runs)
        self.schedules.recall(of_schedules)
        self._synced, self.is_rolled_back = -1, True
        self.kubelet.recover(pods)
        return self._turn()

    def recreate(self, name: str) -> None:
        """A GitOps tool prunes the run and applies it again."""
        run = self.server.get("mlrunruns", TEAM, name)
        if run is not None and not run["metadata"].get("finalizers"):
            labels = run["metadata"].get("labels") or {}
            self.server.delete("mlrunruns", TEAM, name)
            self._turn()
            self._create(name, labels, copy_of(run["spec"]))
        self._turn()

    def copy(self, number: int, name: str) -> None:
        """Somebody applies a run's manifest under another name, with all that `kubectl get -o yaml` shows."""
        runs = self.server.all("mlrunruns")
        if number < len(runs) and self.server.get("mlrunruns", TEAM, name) is None:
            original = copy_of(runs[number])
            meta = {n: v for n, v in original["metadata"].items() if n in ("labels", "annotations", "ownerReferences")}
            about = {**meta, "name": name, "namespace": TEAM}
            self.server.create("mlrunruns", {"metadata": about, "spec": original["spec"]})
        self._turn()

    # Pods, by their place among those that may run.

    def pod_runs(self, number: int = 0) -> None:
        """A pod's containers start."""
        self._with_pod(number, self.kubelet.run)

    def pod_ends(self, number: int = 0, reason: str = "Succeeded", code: int = 0) -> None:
        """A pod's wrapper reports and ends."""
        self._with_pod(number, lambda pod: self.kubelet.end(pod, reason, code))

    def pods_run(self, count: int) -> None:
        """The containers of so many pods start."""
        waiting = (pod for pod in self.live_pods() if pod["status"].get("phase") != "Running")
        for pod in list(waiting)[:count]:
            self.kubelet.run(pod)
        self._turn()

    def pods_end(self, count: int, reason: str = "Succeeded", code: int = 0) -> None:
        """The wrappers of so many pods report and end."""
        running = (pod for pod in self.live_pods() if pod["status"].get("phase") == "Running")
        for pod in list(running)[:count]:
            self.kubelet.end(pod, reason, code)
        self._turn()

    def pods_by_themselves(self) -> None:
        """From now on pods start and succeed by themselves."""
        self.kubelet.carry_on()
        self._turn()

    def pod_is_killed(self, number: int = 0) -> None:
        """A pod's wrapper is killed for its memory, without a report."""
        self._with_pod(number, lambda pod: self.kubelet.end(pod, "", 137, reason="OOMKilled"))

    def sidecar_ends(self, number: int = 0, code: int = 0) -> None:
        """The other containers of a pod end."""
        self._with_pod(number, lambda pod: self.kubelet.end_sidecar(pod, code))

    def evict(self, number: int = 0, *, own_limit: bool = False) -> None:
        """A pod is evicted."""
        self._with_pod(number, lambda pod: self.kubelet.evict(pod, own_limit=own_limit))

    def lose_node(self, number: int = 0) -> None:
        """A pod's node falls silent."""
        self._with_pod(number, self.kubelet.lose_node)

    def remove_node(self, number: int = 0) -> None:
        """A pod's node is taken away."""
        self._with_pod(number, self.kubelet.remove_node)

    def return_node(self, number: int = 0) -> None:
        """A pod's silent node comes back."""
        self._with_pod(number, self.kubelet.return_node)

    def delete_pod(self, number: int = 0) -> None:
        """Somebody deletes a pod."""
        self._with_pod(number, lambda pod: self.server.delete("pods", *key_of(pod)))

    def force_delete(self, number: int = 0) -> None:
        """Somebody deletes a pod without grace."""
        self._with_pod(number, self.kubelet.force_delete)

    def sigterm(self, seconds: int, code: int) -> None:
        """From now on wrappers answer SIGTERM so."""
        self.kubelet.sigterm = Sigterm(seconds, code)

    # Jobs, by their place among all.

    def delete_job(self, number: int = 0, propagation: str = "Background") -> None:
        """Somebody deletes a Job."""
        self._with_job(number, lambda job: self.server.delete("jobs", *key_of(job), propagation=propagation))

    def hold_job(self, number: int = 0) -> None:
        """Somebody puts a finalizer on a Job, and never takes it off."""
        self._with_job(number, lambda job: self.server.set_meta("jobs", job, finalizers=["example.org/keep"]))

    def patch_job(self, number: int, what: str) -> None:
        """Somebody changes a Job."""
        self.ledger.are_labels_taken |= what == "labels"
        self.ledger.can_count = self.ledger.can_count and what not in ("labels", "manager", "owner", "annotations")
        self._with_job(number, lambda job: self.server.patch("jobs", *key_of(job), JOB_PATCHES[what]))

    def refuse_pods(self, *, refused: bool) -> None:
        """A quota lets the Job controller make no pods, or lets it again."""
        self.jobs.refusal = 'pods "a" is forbidden: exceeded quota: pods, requested: pods=1' if refused else ""
        self._turn()

    # The operator and what it is shown.

    def restart(self) -> None:
        """The operator ends and starts again."""
        self._stop(0)
        self._turn()

    def die(self, requests: int, *, after: bool, seconds: int = 0) -> None:
        """The operator dies at its n-th request from now on, and is started so many seconds later."""
        self.trouble.dies_in, self.trouble.dies_after_effect = requests, after
        self._downtime = seconds
        self._turn()

    def interrupt(self, requests: int, verb: str, **arguments: Any) -> None:
        """In the middle of the operator's work, before its n-th request from now on, somebody does something."""
        acts: dict[str, Callable[..., None]] = {"edit": self._edit_now, "delete_job": self._delete_job_now}
        act = acts[verb]
        self.trouble.interrupts.append([requests, lambda: act(**arguments)])
        self._turn()

    def refuse(self, verb: str, plural: str, why: str, times: int) -> None:
        """The API server refuses so many requests of that kind."""
        self.trouble.refusals.append(Refusal(verb, plural, REFUSALS[why], times))
        self._turn()

    def cut_off(self, *, cut: bool) -> None:
        """The operator cannot reach the API server, or can again."""
        self.is_cut_off = cut
        self._turn()

    def hold(self, plural: str) -> None:
        """A watch is late: nothing of the resource is shown until it is released."""
        self.ledger.can_count = False
        if self.operator is not None:
            self.operator.watches[plural].is_held = True
        self._turn()

    def release(self) -> None:
        """Every watch is in time again."""
        if self.operator is not None:
            for watch in self.operator.watches.values():
                watch.is_held = False
        self._turn()

    def lose(self, plural: str) -> None:
        """A watch breaks: what it had not shown is found by a listing."""
        if self.operator is not None:
            self.operator.watches[plural].lose()
        self._turn()

    def double(self, plural: str) -> None:
        """A watch shows everything twice from now on."""
        if self.operator is not None:
            self.operator.watches[plural].is_doubled = True
        self._turn()

    # Time.

    def wait(self, seconds: float) -> None:
        """Time goes by, and all that is due happens in its order."""
        self._advance(self.clock.now + timedelta(seconds=seconds))
        self.ledger.check()

    def step_clock(self, seconds: float) -> None:
        """The clock steps forward, or back."""
        self.clock.now += timedelta(seconds=seconds)
        self.ledger.has_clock_stepped = True
        self._turn()

    # What moves the world.

    def _turn(self) -> None:
        self._settle()
        self.ledger.check()

    def _advance(self, until: datetime) -> None:
        self._settle()
        while (due := self.clock.next_due()) is not None and due <= until:
            self.clock.now = max(self.clock.now, due)
            self._settle()
            self.ledger.check()
        self.clock.now = max(self.clock.now, until)
        self._settle()

    def _settle(self) -> None:
        """Let everybody do what there is to do at this moment."""
        for _ in range(_CIRCLE):
            busy = self.clock.ring()
            if busy or self._synced != self.server.version:
                self._synced = self.server.version
                self._sync_controllers()
                busy = busy or self._synced != self.server.version
            self._push()
            if self.operator is not None:
                busy = self._operate(self.operator) or busy
            if not busy and self._synced == self.server.version:
                return
        self._faults.append("the world does not come to rest")

    def _sync_controllers(self) -> None:
        self.jobs.sync_all()
        self.cron_jobs.sync_all()
        self.kueue.sync_all()
        self.garbage.collect()

    def _push(self) -> None:
        """Hand the newest changes to the operator's watches."""
        changes = self.server.changes
        if self.operator is not None:
            for change in changes:
                if (watch := self.operator.watches.get(change.plural)) is not None:
                    watch.push(change)
        changes.clear()

    def _operate(self, operator: Operator) -> bool:
        try:
            shown = operator.deliver()
            return operator.work() or shown
        except DiedError:
            self._stop(self._downtime)
            return True

    def _start(self) -> None:
        client = SimulatedClient(self.server, self.trouble, outage=lambda: self.is_cut_off)
        client.requests = self.requests
        self.server.changes.clear()
        self.ledger.shown.clear()
        self.operator = Operator(self.server, self.clock, self._platform, client, self.ledger.show)

    def _stop(self, seconds: float) -> None:
        if self.operator is None:
            return
        self.operator.die()
        self._faults += self.operator.faults
        self.operator = None
        self._restart = self.clock.after(seconds, self._start)

    def start_operator(self) -> None:
        """The operator starts at once where it was to start later."""
        if self.operator is None and self._restart is not None:
            self._restart.cancel()
            self._start()
        self._turn()

    # Small parts.

    def live_pods(self) -> list[Object]:
        """Return the pods that may run, oldest first."""
        return [pod for pod in self.server.all("pods") if not is_terminal(pod)]

    def _with_pod(self, number: int, act: Callable[[Object], Any]) -> None:
        pods = self.live_pods()
        if number < len(pods):
            act(pods[number])
        self._turn()

    def _with_job(self, number: int, act: Callable[[Object], Any]) -> None:
        jobs = self.server.all("jobs")
        if number < len(jobs):
            act(jobs[-1 - number])
        self._turn()

    def _edit_now(self, name: str, **spec: Any) -> None:
        if self.server.get("mlrunruns", TEAM, name) is not None:
            self.server.patch("mlrunruns", TEAM, name, {"spec": spec})

    def _delete_job_now(self, number: int = 0, propagation: str = "Background") -> None:
        jobs = self.server.all("jobs")
        if number < len(jobs):
            self.server.delete("jobs", *key_of(jobs[-1 - number]), propagation=propagation)


def _without_nones(spec: Object) -> Object:
    return {name: value for name, value in spec.items() if value is not None}
