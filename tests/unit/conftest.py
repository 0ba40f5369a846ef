"""Whole manifests as literals, and the few verbs that tests of the core speak in."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from support.decided import Decided

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.contract.result import Result, encode
from mlrun_operator.api.reasons import Reason
from mlrun_operator.assess.status import to_wire
from mlrun_operator.assess.times import format_time
from mlrun_operator.plan import RunObservation, ScheduleObservation, plan
from mlrun_operator.plan.decision import (
    Action,
    Ask,
    Create,
    Delete,
    DeletePod,
    Do,
    MarkReported,
    PatchLimits,
    ReadDirectly,
    ReadEvents,
    ReadWholeJob,
    ReadWorkload,
    SetActive,
    SetSuspended,
    Tell,
)
from mlrun_operator.plan.observation import WorkloadRead

Object = dict[str, Any]
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
NODE = "node-1"

# No example is timed: machines are shared. With CI set, Hypothesis plays the same examples each time.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def platform() -> Platform:
    return Platform(
        wrapper_image="example.org/wrapper:1", store=StoreInfo(root="s3://mlrun/{namespace}", endpoint="http://s3:8333")
    )


@pytest.fixture
def function() -> Object:
    return {
        "apiVersion": "mlrun-operator.dev/v1alpha1",
        "kind": "MlrunFunction",
        "metadata": {"name": "my-function", "namespace": "team", "uid": "f-1", "generation": 3},
        "spec": {
            "name": "my_function",
            "source": {"code": "def handler(context):\n    return 1\n"},
            "handler": "handler",
        },
    }


@pytest.fixture
def run() -> Object:
    return {
        "apiVersion": "mlrun-operator.dev/v1alpha1",
        "kind": "MlrunRun",
        "metadata": {
            "name": "first-run",
            "namespace": "team",
            "uid": "0b6f6b0e-0000-4000-8000-000000000001",
            "generation": 1,
            "resourceVersion": "10",
        },
        "spec": {"functionRef": {"name": "my-function"}, "parameters": {"x": 1}},
    }


class World:
    """A cluster of one run: what the plan asks for is done, and Kubernetes' answers are played by hand."""

    def __init__(self, run: Object, function: Object | None, platform: Platform) -> None:
        self.run, self.function, self.platform = run, function, platform
        self.jobs: list[Object] = []
        self.pods: list[Object] = []
        self.events: list[Object] = []
        self.deleted: list[str] = []
        self.now = NOW
        self.created = 0
        self.writes = 0
        # The Workload of the Job in a Kueue queue, where there is one.
        self.workload: Object | None = None
        self.is_kueue_forbidden = False
        self.workload_reads = 0

    def look(self, **more: Any) -> Decided:
        """The decision of this moment; nothing is done."""
        if "schedule" in self.run["spec"]:
            return Decided(plan(ScheduleObservation(self.run, self.now, self.function), self.platform))
        seen = RunObservation(
            self.run, self.now, self.function, copy.deepcopy(self.jobs), copy.deepcopy(self.pods), **more
        )
        return Decided(plan(seen, self.platform))

    def settle(self, **more: Any) -> Decided:
        """Do as the operator does until nothing is left to do; the last decision."""
        for _ in range(16):
            decided = self.look(**more)
            match decided.decision:
                case Tell(status):
                    if status is None:
                        return decided
                    self.run["status"] = to_wire(status, self.run)
                    self.writes += 1
                case Do(action):
                    self.act(action)
                    if isinstance(action, SetActive):
                        more["workload"] = WorkloadRead(action.job, copy.deepcopy(self.workload))
                    more["taken"] = more.get("taken", frozenset()) | {action.key}
                case Ask(ReadDirectly()):
                    more["fresh"] = True
                case Ask(ReadEvents()):
                    more["events"] = self.events
                case Ask(ReadWholeJob(job)):
                    more["whole_job"] = copy.deepcopy(self.job(job["metadata"]["uid"]))
                case Ask(ReadWorkload(job)):
                    more["workload"] = WorkloadRead(job, copy.deepcopy(self.workload), self.is_kueue_forbidden)
                    self.workload_reads += 1
        raise AssertionError("the plan does not come to an end")

    def act(self, action: Action) -> None:
        """Do what is asked for, as the API server would."""
        match action:
            case Create(obj):
                self.add_job(obj)
            case Delete(obj):
                self.delete(obj)
            case DeletePod(pod):
                self.deleted.append(pod["metadata"]["name"])
                self.pod(pod["metadata"]["uid"])["metadata"]["deletionTimestamp"] = format_time(
                    self.now + timedelta(seconds=30)
                )
            case MarkReported(pod):
                marked = self.pod(pod["metadata"]["uid"])["status"].setdefault("conditions", [])
                marked.append({"type": "mlrun-operator.dev/Reported", "status": "True"})
            case SetSuspended(job, suspended):
                job = self.job(job["metadata"]["uid"])
                job["spec"]["suspend"] = suspended
                self.mark(job, is_held=suspended)
                if suspended:
                    self.pods_end(job)
            case SetActive(job, _, active):
                self.mark(self.job(job["metadata"]["uid"]), is_held=not active)
                if self.workload is not None:
                    self.workload["spec"]["active"] = active
            case PatchLimits(job, limits, generation):
                job = self.job(job["metadata"]["uid"])
                job["spec"] |= limits
                job["metadata"]["annotations"]["mlrun-operator.dev/limits-generation"] = str(generation)
            case _:
                raise AssertionError(f"a run does not {action.key}")

    def mark(self, job: Object, *, is_held: bool) -> None:
        job["metadata"]["annotations"].pop("mlrun-operator.dev/suspended-by", None)
        job["metadata"]["annotations"] |= {"mlrun-operator.dev/suspended-by": "run"} if is_held else {}

    def pod(self, uid: str) -> Object:
        return next(pod for pod in self.pods if pod["metadata"]["uid"] == uid)

    def job(self, uid: str) -> Object:
        return next(job for job in self.jobs if job["metadata"]["uid"] == uid)

    def delete(self, obj: Object) -> None:
        self.deleted.append(obj["metadata"]["name"])
        if obj["metadata"]["uid"] == self.run["metadata"]["uid"]:
            self.run["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
        self.jobs = [job for job in self.jobs if job["metadata"]["uid"] != obj["metadata"]["uid"]]
        self.pods_end(obj)

    def pods_end(self, job: Object) -> None:
        """The Job's pods are told to end: those that do not run yet are gone at once."""
        own = [pod for pod in self.pods if controller(pod) == job["metadata"]["uid"]]
        for pod in own:
            if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]:
                pod["metadata"]["deletionTimestamp"] = format_time(self.now + timedelta(seconds=30))
        self.pods = [pod for pod in self.pods if pod not in own or pod["status"]["phase"] != "Pending"]

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def add_job(self, job: Object) -> None:
        self.created += 1
        job = copy.deepcopy(job)
        job["metadata"] |= {"uid": f"job-{self.created}", "creationTimestamp": "2026-11-23T12:00:00Z"}
        job["status"] = {"startTime": "2026-11-23T12:00:01Z"}
        self.jobs.append(job)

    def edit(self, **spec: Any) -> None:
        """The user changes the spec: fields set, None removes."""
        self.run["spec"] = {k: v for k, v in {**self.run["spec"], **spec}.items() if v is not None}
        self.run["metadata"]["generation"] += 1

    def add_pod(self, job: Object | None = None, **status: Any) -> Object:
        job = job or self.jobs[-1]
        number = len(self.pods) + 1
        pod = {
            "metadata": {
                "name": f"{job['metadata']['name']}-pod{number}",
                "namespace": "team",
                "uid": f"pod-{number}",
                "creationTimestamp": f"2026-11-23T12:00:{number:02}Z",
                "labels": {"batch.kubernetes.io/job-name": job["metadata"]["name"]},
                "ownerReferences": [{"kind": "Job", "uid": job["metadata"]["uid"], "controller": True}],
            },
            "spec": {"nodeName": NODE},
            "status": {"phase": "Pending", **status},
        }
        self.pods.append(pod)
        return pod

    def pod_runs(self) -> None:
        pod = self.pods[-1] if self.pods and not ended(self.pods[-1]) else self.add_pod()
        pod["status"] = {
            "phase": "Running",
            "containerStatuses": [state(running={"startedAt": "2026-11-23T12:00:05Z"})],
        }

    def pod_ends(self, result: Result | None, exit_code: int = 0, **terminated: Any) -> None:
        pod = self.pods[-1] if self.pods and not ended(self.pods[-1]) else self.add_pod()
        said = {
            "exitCode": exit_code,
            "startedAt": "2026-11-23T12:00:05Z",
            "finishedAt": "2026-11-23T12:00:20Z",
            "message": encode(result, 4096) if result else "",
            **terminated,
        }
        self.now = NOW + timedelta(seconds=21)
        phase = "Failed" if exit_code else "Succeeded"
        pod["status"] = {"phase": phase, "containerStatuses": [state(terminated=said)]}

    def job_ends(self, *, succeeded: bool, message: str = "") -> None:
        self.jobs[-1]["status"]["conditions"] = [
            {
                "type": "Complete" if succeeded else "Failed",
                "status": "True",
                "reason": "CompletionsReached" if succeeded else "BackoffLimitExceeded",
                "message": message,
                "lastTransitionTime": "2026-11-23T12:00:21Z",
            }
        ]
        self.now = NOW + timedelta(seconds=22)

    def succeed(self, result: Result | None = None) -> None:
        """The whole life of the current Job."""
        self.pod_runs()
        self.settle()
        self.pod_ends(result or Result(reason=Reason.SUCCEEDED))
        self.job_ends(succeeded=True)
        self.settle()

    @property
    def status(self) -> Object:
        return self.run.get("status", {})

    def condition(self, kind: str) -> Object | None:
        return next((c for c in self.status.get("conditions", ()) if c["type"] == kind), None)


def controller(obj: Object) -> str | None:
    return next((owner["uid"] for owner in obj["metadata"].get("ownerReferences", ()) if owner.get("controller")), None)


def ended(pod: Object) -> bool:
    return pod["status"]["phase"] in ("Succeeded", "Failed")


def state(**state_: Any) -> Object:
    return {"name": "mlrun", "image": "example.org/wrapper:1", "state": state_}


@pytest.fixture
def world(run: Object, function: Object, platform: Platform) -> World:
    return World(run, function, platform)
