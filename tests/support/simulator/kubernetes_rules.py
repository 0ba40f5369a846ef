"""Rules of Kubernetes that the simulator must have: each is played on a port and returns what was seen.

The same rules are played on the real API server and its controllers (tests/integration/test_simulator_rules.py), where
the rule itself plays the kubelet, as it does here.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from support.simulator.objects import Object, is_terminal, stamp

Facts = list[Any]
REPORTED: Final = "mlrun-operator.dev/Reported"
_POLICY: Final = {
    "rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"containerName": "mlrun", "operator": "In", "values": [64]}},
    ]
}
_INDEX_POLICY: Final = {
    "rules": [
        {"action": "FailIndex", "onPodConditions": [{"type": REPORTED, "status": "True"}]},
        {"action": "FailIndex", "onExitCodes": {"containerName": "mlrun", "operator": "In", "values": [64]}},
    ]
}


class Port(Protocol):
    """A cluster with an API server and controllers, and no kubelet for its pods."""

    def create(self, plural: str, obj: Object) -> Object:
        """Create an object in the port's namespace."""

    def get(self, plural: str, name: str) -> Object | None:
        """Return the object."""

    def all(self, plural: str) -> list[Object]:
        """Return the objects, oldest first."""

    def merge(self, plural: str, name: str, patch: Object, sub: str = "") -> int:
        """Send a merge patch; return the HTTP code."""

    def put(self, plural: str, obj: Object) -> int:
        """Replace the object; return the HTTP code."""

    def delete(self, plural: str, name: str, propagation: str = "Background", grace: int | None = None) -> int:
        """Delete; return the HTTP code."""

    def wait(self, seconds: float) -> None:
        """Let time go by."""

    def now(self) -> datetime:
        """Return the time."""

    @property
    def node(self) -> str:
        """A node that no kubelet serves."""


Rule = Callable[[Port], Facts]


# What rules speak in.


def job(port: Port, name: str = "job", **spec: Any) -> Object:
    pod = {
        "restartPolicy": "Never",
        "nodeName": port.node,
        "terminationGracePeriodSeconds": 30,
        "containers": [{"name": "mlrun", "image": "example.org/none:1"}],
    }
    spec = {"podFailurePolicy": _POLICY, "backoffLimit": 0, **spec}
    return port.create("jobs", {"metadata": {"name": name}, "spec": {**spec, "template": {"spec": pod}}})


def indexed(port: Port, **spec: Any) -> Object:
    shape = {"completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimitPerIndex": 0}
    return job(port, **{"podFailurePolicy": _INDEX_POLICY, "backoffLimit": 2147483647, **shape, **spec})


def until(port: Port, look: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait until something is so; return it, or what it is at last."""
    for _ in range(int(seconds * 2)):
        if found := look():
            return found
        port.wait(0.5)
    return look()


def pods(port: Port, count: int = 1, seconds: float = 20) -> list[Object]:
    """Return the pods once there are so many."""
    until(port, lambda: len(port.all("pods")) >= count, seconds)
    return port.all("pods")


def runs(port: Port, pod: Object) -> None:
    state = {"running": {"startedAt": stamp(port.now())}}
    _tell(port, pod, phase="Running", containerStatuses=[_container(state)])


def ends(port: Port, pod: Object, code: int, *conditions: str) -> None:
    now = stamp(port.now())
    state = {"terminated": {"exitCode": code, "startedAt": now, "finishedAt": now, "reason": "Error" if code else ""}}
    told = [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in conditions]
    more: Object = {"conditions": told} if told else {}
    _tell(port, pod, phase="Failed" if code else "Succeeded", containerStatuses=[_container(state)], **more)


def _container(state: Object) -> Object:
    return {"name": "mlrun", "state": state, "ready": False, "restartCount": 0, "image": "", "imageID": ""}


def _tell(port: Port, pod: Object, **status: Any) -> None:
    assert port.merge("pods", pod["metadata"]["name"], {"status": status}, "/status") == 200


def is_removed(port: Port, pod: Object) -> None:
    """The kubelet's last word on a deleted pod."""
    port.delete("pods", pod["metadata"]["name"], grace=0)


def conditions(port: Port, name: str = "job") -> list[str]:
    found = port.get("jobs", name)
    told = ((found or {}).get("status") or {}).get("conditions") or []
    return [f"{c['type']}/{c['reason']}" for c in told if c["status"] == "True"]


def status(port: Port, name: str = "job") -> Object:
    return dict((port.get("jobs", name) or {}).get("status") or {})


def is_going(pod: Object | None) -> bool:
    return pod is not None and "deletionTimestamp" in pod["metadata"]


def fresh(port: Port, pod: Object) -> Object | None:
    return port.get("pods", pod["metadata"]["name"])


# The rules.


def a_retry_waits_ten_seconds_after_the_first_failure(port: Port) -> Facts:
    job(port, backoffLimit=2)
    ends(port, pods(port)[0], 1)
    port.wait(6)
    early = len(port.all("pods"))
    return [early, len(pods(port, 2, 12)), status(port).get("failed")]


def a_second_retry_waits_twenty_seconds(port: Port) -> Facts:
    job(port, backoffLimit=2)
    ends(port, pods(port)[0], 1)
    ends(port, pods(port, 2)[1], 1)
    port.wait(14)
    early = len(port.all("pods"))
    return [early, len(pods(port, 3, 14))]


def no_pod_is_replaced_while_it_terminates(port: Port) -> Facts:
    job(port, backoffLimit=2)
    first = pods(port)[0]
    runs(port, first)
    port.delete("pods", first["metadata"]["name"])
    port.wait(13)
    meanwhile = [len(port.all("pods")), is_going(fresh(port, first)), status(port).get("terminating")]
    ends(port, first, 143)
    is_removed(port, first)
    return [*meanwhile, len(until(port, lambda: [p for p in port.all("pods") if not is_going(p)], 25))]


def a_disruption_is_not_counted_and_is_replaced(port: Port) -> Facts:
    job(port, backoffLimit=0)
    ends(port, pods(port)[0], 143, "DisruptionTarget")
    made = len(pods(port, 2, 20))
    return [made, status(port).get("failed", 0), conditions(port)]


def an_exit_code_of_the_policy_fails_the_job(port: Port) -> Facts:
    job(port, backoffLimit=3)
    ends(port, pods(port)[0], 64)
    until(port, lambda: len(conditions(port)) == 2)
    port.wait(12)
    return [conditions(port), len(port.all("pods"))]


def the_last_failure_fails_the_job(port: Port) -> Facts:
    job(port, backoffLimit=0)
    ends(port, pods(port)[0], 1)
    until(port, lambda: len(conditions(port)) == 2)
    return [conditions(port), status(port).get("failed")]


def a_success_completes_the_job(port: Port) -> Facts:
    job(port)
    ends(port, pods(port)[0], 0)
    until(port, lambda: len(conditions(port)) == 2)
    return [conditions(port), status(port).get("succeeded")]


def a_job_over_its_deadline_fails_when_its_pods_have_ended(port: Port) -> Facts:
    job(port, activeDeadlineSeconds=2)
    pod = pods(port)[0]
    runs(port, pod)
    until(port, lambda: conditions(port))
    port.wait(2)
    meanwhile = [conditions(port), is_going(fresh(port, pod)), status(port).get("terminating")]
    ends(port, pod, 143)
    is_removed(port, pod)
    until(port, lambda: len(conditions(port)) == 2)
    return [*meanwhile, conditions(port)]


def after_failure_target_a_patch_does_nothing(port: Port) -> Facts:
    job(port, activeDeadlineSeconds=2)
    pod = pods(port)[0]
    runs(port, pod)
    until(port, lambda: conditions(port))
    codes = [port.merge("jobs", "job", {"spec": {"activeDeadlineSeconds": 600, "backoffLimit": 5}})]
    codes.append(port.merge("jobs", "job", {"spec": {"suspend": True}}))
    port.wait(2)
    ends(port, pod, 143)
    is_removed(port, pod)
    until(port, lambda: "Failed/DeadlineExceeded" in conditions(port))
    return [codes, [c for c in conditions(port) if not c.startswith("Suspended")]]


def suspension_deletes_pods_and_resumption_makes_new_ones(port: Port) -> Facts:
    job(port)
    pod = pods(port)[0]
    runs(port, pod)
    port.merge("jobs", "job", {"spec": {"suspend": True}})
    until(port, lambda: is_going(fresh(port, pod)))
    meanwhile = conditions(port)
    ends(port, pod, 143)
    is_removed(port, pod)
    port.merge("jobs", "job", {"spec": {"suspend": False}})
    new = until(port, lambda: [p for p in port.all("pods") if p["metadata"]["uid"] != pod["metadata"]["uid"]])
    until(port, lambda: not conditions(port))  # the pod is made before the Job's status is written
    return [meanwhile, len(new), status(port).get("failed", 0), conditions(port)]


def a_success_while_a_suspended_jobs_pod_ends_is_forgotten(port: Port) -> Facts:
    job(port)
    pod = pods(port)[0]
    runs(port, pod)
    port.merge("jobs", "job", {"spec": {"suspend": True}})
    until(port, lambda: is_going(fresh(port, pod)))
    ends(port, pod, 0)
    is_removed(port, pod)
    port.wait(2)
    meanwhile = [conditions(port), status(port).get("succeeded", 0)]
    port.merge("jobs", "job", {"spec": {"suspend": False}})
    return [*meanwhile, len(pods(port))]


def background_deletion_takes_the_job_first(port: Port) -> Facts:
    job(port)
    pod = pods(port)[0]
    runs(port, pod)
    port.delete("jobs", "job")
    gone = port.get("jobs", "job") is None
    until(port, lambda: is_going(fresh(port, pod)))
    facts = [gone, is_going(fresh(port, pod)), ((fresh(port, pod) or {}).get("status") or {}).get("phase")]
    ends(port, pod, 143)
    is_removed(port, pod)
    until(port, lambda: fresh(port, pod) is None)
    return [*facts, fresh(port, pod) is None]


def foreground_deletion_retries_nothing(port: Port) -> Facts:
    job(port, backoffLimit=2)
    pod = pods(port)[0]
    runs(port, pod)
    port.delete("jobs", "job", "Foreground")
    until(port, lambda: is_going(fresh(port, pod)))
    port.wait(1)
    facts = [is_going(port.get("jobs", "job")), is_going(fresh(port, pod)), conditions(port)]
    ends(port, pod, 143)
    port.wait(1)
    facts += [conditions(port)]
    is_removed(port, pod)
    until(port, lambda: port.get("jobs", "job") is None)
    return [*facts, port.get("jobs", "job") is None, len(port.all("pods"))]


def orphan_deletion_leaves_the_pod_with_its_label(port: Port) -> Facts:
    uid = job(port)["metadata"]["uid"]
    pod = pods(port)[0]
    runs(port, pod)
    port.delete("jobs", "job", "Orphan")
    until(port, lambda: port.get("jobs", "job") is None)
    until(port, lambda: not ((fresh(port, pod) or {}).get("metadata") or {}).get("finalizers"))
    meta = (fresh(port, pod) or {})["metadata"]
    label = meta["labels"]["batch.kubernetes.io/controller-uid"]
    return [is_going(fresh(port, pod)), meta.get("ownerReferences") or [], label == uid, meta.get("finalizers") or []]


def retries_of_each_index_cannot_be_changed(port: Port) -> Facts:
    indexed(port)
    pods(port, 2)
    codes = [port.merge("jobs", "job", {"spec": {"backoffLimitPerIndex": 3}})]
    codes.append(port.merge("jobs", "job", {"spec": {"podFailurePolicy": {"rules": []}}}))
    codes.append(port.merge("jobs", "job", {"spec": {"completions": 3}}))
    return [*codes, port.merge("jobs", "job", {"spec": {"activeDeadlineSeconds": 900}})]


def a_limit_below_the_failures_kills_the_running_retry(port: Port) -> Facts:
    job(port, backoffLimit=3)
    ends(port, pods(port)[0], 1)
    retry = pods(port, 2)[1]
    runs(port, retry)
    until(port, lambda: status(port).get("failed") == 1)
    port.merge("jobs", "job", {"spec": {"backoffLimit": 0}})
    until(port, lambda: is_going(fresh(port, retry)) and conditions(port))
    return [is_going(fresh(port, retry)), conditions(port)]


def a_failed_index_leaves_the_others_running(port: Port) -> Facts:
    indexed(port)
    first, second = sorted(pods(port, 2), key=lambda p: p["metadata"]["labels"][_INDEX])
    runs(port, second)
    ends(port, first, 1)
    until(port, lambda: status(port).get("failedIndexes"))
    port.wait(2)
    meanwhile = [status(port).get("failedIndexes"), conditions(port), is_going(fresh(port, second))]
    ends(port, second, 0)
    until(port, lambda: len(conditions(port)) == 2)
    return [*meanwhile, conditions(port), status(port).get("completedIndexes")]


def an_index_is_retried_by_itself(port: Port) -> Facts:
    indexed(port, backoffLimitPerIndex=1)
    first, second = sorted(pods(port, 2), key=lambda p: p["metadata"]["labels"][_INDEX])
    runs(port, second)
    ends(port, first, 1)
    port.wait(6)
    early = len(port.all("pods"))
    made = [p for p in pods(port, 3, 12) if p["metadata"]["uid"] not in _uids(first, second)]
    return [
        early,
        [p["metadata"]["annotations"][_FAILURES] for p in made],
        [p["metadata"]["labels"][_INDEX] for p in made],
    ]


def a_condition_of_the_policy_ends_an_index(port: Port) -> Facts:
    indexed(port, backoffLimitPerIndex=2)
    first, second = sorted(pods(port, 2), key=lambda p: p["metadata"]["labels"][_INDEX])
    runs(port, second)
    ends(port, first, 3, REPORTED)
    until(port, lambda: status(port).get("failedIndexes"))
    port.wait(12)
    return [status(port).get("failedIndexes"), len([p for p in port.all("pods") if not is_terminal(p)])]


def a_force_deleted_pod_is_gone_at_once(port: Port) -> Facts:
    job(port, backoffLimit=1)
    pod = pods(port)[0]
    runs(port, pod)
    port.delete("pods", pod["metadata"]["name"], grace=0)
    until(port, lambda: fresh(port, pod) is None)
    gone = fresh(port, pod) is None
    return [gone, len(until(port, lambda: port.all("pods"), 20)), status(port).get("failed", 0)]


def a_deleted_pod_keeps_its_phase_until_a_kubelet_says_more(port: Port) -> Facts:
    job(port)
    pod = pods(port)[0]
    runs(port, pod)
    port.delete("pods", pod["metadata"]["name"], grace=2)
    port.wait(6)
    last = fresh(port, pod) or {}
    return [is_going(last), last.get("status", {}).get("phase")]


def a_cron_jobs_creation_time_never_changes(port: Port) -> Facts:
    made = cron_job(port, "keeps", "0 0 1 1 *")
    changed = {**(port.get("cronjobs", "keeps") or {})}
    changed["metadata"] = {**changed["metadata"], "creationTimestamp": "2001-01-01T00:00:00Z"}
    changed["spec"] = {**changed["spec"], "suspend": True}
    code = port.put("cronjobs", changed)
    now = port.get("cronjobs", "keeps") or {}
    return [code, now["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"], now["spec"]["suspend"]]


def a_cron_job_fires_by_its_policy(port: Port) -> Facts:
    for policy in ("Allow", "Forbid", "Replace"):
        cron_job(port, policy.lower(), "* * * * *", concurrencyPolicy=policy)
    until(port, lambda: len(port.all("jobs")) == 3, 70)
    first = {name_of(found): found["metadata"]["uid"] for found in port.all("jobs")}
    names = [int(found["metadata"]["name"].rsplit("-", 1)[1]) % 60 == _minute(port) for found in port.all("jobs")]
    until(port, lambda: len({*_uids(*port.all("jobs"))} | {*first.values()}) >= 5, 70)
    port.wait(3)
    later = port.all("jobs")
    counts = {policy: sum(name_of(found) == policy for found in later) for policy in ("allow", "forbid", "replace")}
    replaced = first["replace"] not in _uids(*later)
    return [all(names), counts, replaced]


def a_suspended_job_keeps_its_start_time(port: Port) -> Facts:
    job(port)
    pod = pods(port)[0]
    started = until(port, lambda: status(port).get("startTime"))
    port.merge("jobs", "job", {"spec": {"suspend": True}})
    until(port, lambda: conditions(port) and is_going(fresh(port, pod)))
    return [conditions(port), status(port).get("startTime") == started]


def a_jobs_scheduling_may_change_only_before_it_starts(port: Port) -> Facts:
    """Kueue changes the template with an admission, and back with an eviction, once it has reset the start time."""

    def selector(value: str | None) -> int:
        return port.merge("jobs", "job", {"spec": {"template": {"spec": {"nodeSelector": {"flavor": value}}}}})

    job(port, suspend=True)
    codes = [selector("spot"), port.merge("jobs", "job", {"spec": {"template": {"spec": {"hostNetwork": True}}}})]
    port.merge("jobs", "job", {"spec": {"suspend": False}})
    pods(port)
    codes.append(selector(None))
    port.merge("jobs", "job", {"spec": {"suspend": True}})
    until(port, lambda: "Suspended/JobSuspended" in conditions(port))
    codes.append(selector(None))
    codes.append(port.merge("jobs", "job", {"status": {"startTime": None}}, "/status"))
    return [*codes, selector(None)]


def too_many_failed_indexes_end_the_job(port: Port) -> Facts:
    indexed(port, maxFailedIndexes=0)
    first, second = sorted(pods(port, 2), key=lambda p: p["metadata"]["labels"][_INDEX])
    runs(port, second)
    ends(port, first, 1)
    until(port, lambda: is_going(fresh(port, second)))
    meanwhile = [conditions(port), status(port).get("failedIndexes")]
    ends(port, second, 0)
    is_removed(port, second)
    until(port, lambda: len(conditions(port)) == 2)
    return [*meanwhile, conditions(port), status(port).get("completedIndexes") or ""]


def a_job_whose_owner_never_was_is_collected(port: Port) -> Facts:
    """A backup brings a Job back with its owner's old uid."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "none", "uid": "0e9a4b5c-0000-4000-8000-000000000000"}
    pod = {"restartPolicy": "Never", "nodeName": port.node, "containers": [{"name": "mlrun", "image": "e.org/none:1"}]}
    port.create(
        "jobs",
        {
            "metadata": {"name": "job", "ownerReferences": [{**owner, "controller": True}]},
            "spec": {"backoffLimit": 0, "template": {"spec": pod}},
        },
    )
    until(port, lambda: port.get("jobs", "job") is None)
    return [port.get("jobs", "job") is None]


def a_cron_job_deletes_ended_jobs_beyond_its_limit(port: Port) -> Facts:
    cron_job(port, "short", "* * * * *", successfulJobsHistoryLimit=0)
    fired = until(port, lambda: port.all("jobs"), 70)
    ends(port, pods(port)[0], 0)
    until(port, lambda: are_gone(port, fired), 20)
    return [len(fired), are_gone(port, fired)]


def a_resumed_cron_job_fires_only_the_newest_slot(port: Port) -> Facts:
    cron_job(port, "late", "* * * * *", suspend=True)
    port.wait(125)
    minute = int(port.now().timestamp()) // 60
    port.merge("cronjobs", "late", {"spec": {"suspend": False}})
    until(port, lambda: port.all("jobs"), 20)
    port.wait(1)
    slots = [int(found["metadata"]["name"].rsplit("-", 1)[1]) for found in port.all("jobs")]
    return [len([slot for slot in slots if slot <= minute]), max(slots) >= minute]


def are_gone(port: Port, jobs: list[Object]) -> bool:
    """Return whether all these Jobs are gone."""
    return not set(_uids(*jobs)) & set(_uids(*port.all("jobs")))


def cron_job(port: Port, name: str, schedule: str, **spec: Any) -> Object:
    pod = {"restartPolicy": "Never", "nodeName": port.node, "containers": [{"name": "mlrun", "image": "e.org/none:1"}]}
    template = {"spec": {"template": {"spec": pod}, "backoffLimit": 0, "podFailurePolicy": _POLICY}}
    return port.create(
        "cronjobs", {"metadata": {"name": name}, "spec": {"schedule": schedule, "jobTemplate": template, **spec}}
    )


def name_of(found: Object) -> str:
    """Return the name of the CronJob that fired the Job."""
    return str(found["metadata"]["name"]).rsplit("-", 1)[0]


def _uids(*objects: Object) -> list[str]:
    return [obj["metadata"]["uid"] for obj in objects]


def _minute(port: Port) -> int:
    return port.now().astimezone(UTC).minute


_INDEX: Final = "batch.kubernetes.io/job-completion-index"
_FAILURES: Final = "batch.kubernetes.io/job-index-failure-count"


def rules() -> Iterator[Rule]:
    """Yield every rule of this module."""
    for name, found in globals().items():
        if name.split("_")[0] in _BEGINNINGS and callable(found) and len(name.split("_")) > 3:
            yield found


_BEGINNINGS: Final = (
    "a",
    "an",
    "no",
    "the",
    "after",
    "suspension",
    "background",
    "foreground",
    "orphan",
    "retries",
    "too",
)
