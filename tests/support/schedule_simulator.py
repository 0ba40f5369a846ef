"""A schedule in a cluster of its own: decisions are carried out as the operator does, Kubernetes is simulated."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from support.decided import Decided

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.api.values.names import slot_name
from mlrun_operator.assess.status import to_wire
from mlrun_operator.plan import ScheduleObservation, plan
from mlrun_operator.plan.decision import Adopt, Ask, Create, Delete, Do, Replace, SetSuspended, Tell

Object = dict[str, Any]
BEGIN = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class ScheduleSimulator:
    """`created` remembers the name of every run, deleted ones included; `surplus_jobs` are Jobs that were too many.

    What fires `unseen` the watches have not shown yet; only who asks directly is told.
    """

    def __init__(self, platform: Platform, function: Object, **spec: Any) -> None:
        meta = {"name": "nightly", "namespace": "team", "uid": "s-1", "generation": 1, "resourceVersion": "1"}
        self.run: Object = {"metadata": meta, "spec": {"functionRef": {"name": "my-function"}, **spec}}
        self.platform, self.function = platform, function
        self.now = BEGIN
        self.cron_job: Object | None = None
        self.jobs: list[Object] = []
        self.children: dict[str, Object] = {}
        self.created: list[str] = []
        self.deleted: list[str] = []
        self.surplus_jobs: list[str] = []
        self.read_directly = False
        self.writes = 0
        self.replaced = 0
        self._uid = 0
        self._unseen: set[str] = set()
        # The steps of this reconcile.
        self._taken: frozenset[str] = frozenset()
        self._shown: Object = {}
        # What an admission webhook, or the API server's own defaults, make of a CronJob that is written.
        self.admission: Callable[[Object], None] | None = None
        # Whether a webhook lets no CronJob be suspended.
        self.undoes_suspension = False

    @property
    def status(self) -> Object:
        return dict(self.run.get("status") or {})

    @property
    def record(self) -> Object:
        return dict(self.status["schedule"])

    def decide(self, **more: Any) -> Decided:
        """Return the decision of this moment; nothing is done."""
        unadopted_jobs = [job for job in self.jobs if job["metadata"]["labels"][constants.LABEL_RUN_UID] == "s-1"]
        observation = ScheduleObservation(
            self.run,
            self.now,
            self.function,
            jobs=copy.deepcopy([job for job in unadopted_jobs if job["metadata"]["uid"] not in self._unseen]),
            cron_job=self._watched_cron_job(),
            children=copy.deepcopy(list(self.children.values())),
            fresh=self.read_directly,
            taken=self._taken,
            **more,
        )
        return Decided(plan(observation, self.platform))

    def step(self, **more: Any) -> bool:
        """Take one step; return whether it was the last one."""
        decision = self.decide(**more).decision
        self._taken |= {decision.action.key} if isinstance(decision, Do) else set()
        match decision:
            case Tell(status):
                self.read_directly, self._taken = False, frozenset()
                if status is not None:
                    self.run["status"] = to_wire(status, self.run)
                    self.writes += 1
                return True
            case Ask():
                assert not self.read_directly, "once is enough"
                self.read_directly = True
                self._unseen.clear()
            case Do(Create(obj)):
                self._create(copy.deepcopy(obj))
            case Do(Replace(cron_job)):
                self._replace(copy.deepcopy(cron_job))
            case Do(Adopt(job, child)):
                fired_job = next(fired for fired in self.jobs if fired["metadata"]["uid"] == job["metadata"]["uid"])
                fired_job["metadata"]["labels"] |= {constants.LABEL_RUN_UID: child["metadata"]["uid"]}
            case Do(Delete(obj)):
                self._delete(obj)
            case Do(SetSuspended(_, suspended)):
                assert self.cron_job is not None
                stored = False if self.undoes_suspension else suspended
                self._update_cron_job({**self.cron_job, "spec": {**self.cron_job["spec"], "suspend": stored}})
            case Do(action):
                raise AssertionError(f"a schedule does not {action.key}")
        return False

    def _replace(self, cron_job: Object) -> None:
        """Replace the CronJob; what is immutable stays."""
        assert self.cron_job is not None
        if self.admission is not None:
            self.admission(cron_job)
        self._update_cron_job({**self.cron_job, **cron_job})
        self.replaced += 1

    def edit_cron_job(self, **spec: Any) -> None:
        """Somebody edits the CronJob by hand."""
        assert self.cron_job is not None
        self._update_cron_job({**self.cron_job, "spec": {**self.cron_job["spec"], **spec}})

    def _update_cron_job(self, cron_job: Object) -> None:
        """Store the CronJob as the API server does: its generation is raised where its spec changes, by whomever."""
        assert self.cron_job is not None
        served = {name: self.cron_job["metadata"][name] for name in ("creationTimestamp", "generation", "uid")}
        is_changed = cron_job["spec"] != self.cron_job["spec"]
        self.cron_job = {**cron_job, "metadata": {**cron_job["metadata"], **served}}
        self.cron_job["metadata"]["generation"] += is_changed

    def _watched_cron_job(self) -> Object | None:
        """Return what the operator's index has of the CronJob: not its job template."""
        if self.cron_job is None:
            return None
        spec = {name: value for name, value in self.cron_job["spec"].items() if name != "jobTemplate"}
        return {**self.cron_job, "spec": spec, "status": self._shown}

    def settle(self, **more: Any) -> None:
        for _ in range(300):
            if self.step(**more):
                return
        raise AssertionError("the plan does not come to an end")

    def edit(self, **spec: Any) -> None:
        """The user changes the spec: fields set, None removes."""
        self.run["spec"] = {k: v for k, v in {**self.run["spec"], **spec}.items() if v is not None}
        self.run["metadata"]["generation"] += 1

    def fire(self, slot: datetime, *, unseen: bool = False, by_hand: str = "") -> Object:
        """The CronJob controller makes the Job of a slot; or, of that name, somebody by `kubectl create job --from`."""
        assert self.cron_job is not None
        template, meta = self.cron_job["spec"]["jobTemplate"], self.cron_job["metadata"]
        owner = {"kind": "CronJob", "name": meta["name"], "uid": meta["uid"], "controller": True}
        job = {**copy.deepcopy(template), "status": {}}
        job["metadata"] |= {"name": slot_name(meta["name"], slot), "namespace": "team", "uid": self._next_uid()}
        job["metadata"]["ownerReferences"] = [owner]
        job["metadata"] |= {"name": by_hand, "creationTimestamp": stamp(slot)} if by_hand else {}
        self.jobs.append(job)
        self.cron_job["status"] = {"lastScheduleTime": stamp(slot)}
        if unseen:
            self._unseen.add(job["metadata"]["uid"])
        else:
            self.show()
        return job

    def show(self) -> None:
        """The watches catch up."""
        self._unseen.clear()
        self._shown = dict((self.cron_job or {}).get("status") or {})

    def tick(self, skew: timedelta, *, unseen: bool = False) -> Object | None:
        """The CronJob controller looks, by a clock of its own: the newest slot that has come, and no older one."""
        if self.cron_job is None or self.cron_job["spec"]["suspend"]:
            return None
        spec, meta, now = self.cron_job["spec"], self.cron_job["metadata"], self.now + skew
        last = (self.cron_job.get("status") or {}).get("lastScheduleTime") or meta["creationTimestamp"]
        slot = parse_cron(spec["schedule"], spec["timeZone"]).previous(now + timedelta(seconds=1))
        deadline = spec.get("startingDeadlineSeconds")
        if slot is None or slot <= datetime.fromisoformat(last):
            return None
        if deadline is not None and slot + timedelta(seconds=deadline) < now:
            return None
        names = [job["metadata"]["name"] for job in self.jobs]
        active = any("status" not in self.children.get(name, {}) for name in names)
        if (spec["concurrencyPolicy"] == "Forbid" and active) or slot_name(meta["name"], slot) in names:
            return None
        return self.fire(slot, unseen=unseen)

    def end_run(self, name: str, phase: str = "Succeeded") -> None:
        """A run is recorded as ended."""
        self.children[name]["status"] = {"phase": phase}

    def at(self, moment: datetime) -> None:
        """Another moment is another look of the operator."""
        self.now, self.read_directly = moment, False

    def later(self, **length: float) -> None:
        self.at(self.now + timedelta(**length))

    def _create(self, obj: Object) -> None:
        name = obj["metadata"]["name"]
        obj["metadata"] |= {"uid": self._next_uid(), "resourceVersion": "1", "creationTimestamp": stamp(self.now)}
        if obj["kind"] == "CronJob":
            obj["metadata"]["generation"] = 1
            if self.admission is not None:
                self.admission(obj)
            self.cron_job = obj
            return
        assert obj["kind"] == "MlrunRun"
        assert name not in self.children
        self.children[name] = obj
        self.created.append(name)

    def _delete(self, obj: Object) -> None:
        """A run takes its fired Job with it."""
        uid = obj["metadata"]["uid"]
        self.deleted.append(obj["metadata"]["name"])
        if uid not in (child["metadata"]["uid"] for child in self.children.values()):
            self.surplus_jobs.append(obj["metadata"]["name"])
        deleted = [
            j for j in self.jobs if uid in (j["metadata"]["uid"], j["metadata"]["labels"][constants.LABEL_RUN_UID])
        ]
        self.jobs = [job for job in self.jobs if job not in deleted]
        self.children = {n: c for n, c in self.children.items() if c["metadata"]["uid"] != uid}

    def _next_uid(self) -> str:
        self._uid += 1
        return f"u-{self._uid}"
