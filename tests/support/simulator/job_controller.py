"""The Job controller of Kubernetes 1.31 and newer, in its order of decisions (pkg/controller/job/job_controller.go)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from support.simulator.api_server import ApiServer
from support.simulator.objects import (
    Object,
    condition,
    controller_of,
    copy_of,
    is_deleting,
    is_job_finished,
    is_terminal,
    moment_of,
    seconds_after,
    stamp,
    uid_of,
)

TRACKING: Final = "batch.kubernetes.io/job-tracking"
INDEX: Final = "batch.kubernetes.io/job-completion-index"
INDEX_FAILURES: Final = "batch.kubernetes.io/job-index-failure-count"
INDEX_IGNORED: Final = "batch.kubernetes.io/job-index-ignored-failure-count"
CONTROLLER_UID: Final = "batch.kubernetes.io/controller-uid"
_FIRST_BACKOFF: Final = 10.0
_LAST_BACKOFF: Final = 600.0


@dataclass(slots=True)
class _Backoff:
    """How many pods failed since the last success, and when the last did."""

    failures: int = 0
    last: datetime | None = None

    def until(self) -> datetime | None:
        """Return when the next pod may be made."""
        if not self.failures or self.last is None:
            return None
        return self.last + timedelta(seconds=backoff_seconds(self.failures))


@dataclass(slots=True)
class _Sync:
    """One sync of one Job."""

    job: Object
    pods: list[Object]
    status: Object
    active: list[Object] = field(default_factory=list)
    terminating: int = 0
    failed_indexes: set[int] = field(default_factory=set)
    succeeded_indexes: set[int] = field(default_factory=set)
    # By index: the failed pod that its replacement takes its counters from.
    delayed: dict[int, Object] = field(default_factory=dict)


def backoff_seconds(failures: int) -> float:
    """Return the pause after so many failures."""
    return min(_LAST_BACKOFF, _FIRST_BACKOFF * 2.0 ** (failures - 1))


class JobController:
    """Makes and deletes pods of Jobs, counts them, and ends Jobs."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._clock = server.clock
        self._backoffs: dict[str, _Backoff] = {}
        self._seen: dict[str, tuple[int, datetime | None]] = {}
        # Why the API server refuses pods, while it does.
        self.refusal = ""

    def sync_all(self) -> None:
        """Sync every Job once, and let go pods of Jobs that are gone."""
        by_job: dict[str, list[Object]] = {}
        for pod in self._server.all("pods"):
            by_job.setdefault(controller_of(pod).get("uid", ""), []).append(pod)
        for job in self._server.all("jobs"):
            self._sync(job, by_job.pop(uid_of(job), []))
        for orphans in by_job.values():
            for pod in orphans:
                self._release(pod)

    # One Job.

    def _sync(self, job: Object, pods: list[Object]) -> None:
        if is_job_finished(job):
            for pod in pods:
                self._release(pod)
            return
        sync = _Sync(job, pods, copy_of(job.get("status") or {}))
        sync.active = [pod for pod in pods if not is_terminal(pod) and not is_deleting(pod)]
        sync.terminating = sum(not is_terminal(pod) and is_deleting(pod) for pod in pods)
        if "startTime" not in sync.status and not job["spec"].get("suspend"):
            sync.status["startTime"] = stamp(self._clock.now)
        new_failed = self._count_backoff(job, pods)
        failed = sync.status.get("failed", 0) + sum(_counts(job, pod) for pod in new_failed)
        verdict = self._verdict(sync, failed)
        if self._indexed(sync) and verdict is None:
            verdict = self._index_verdict(sync)
        succeeded = self._succeeded(sync)
        if verdict is not None:
            for pod in sync.active:
                self._delete(pod)
            sync.terminating += sum(self._still_there(pod) for pod in sync.active)
            active = 0
        else:
            managed = not is_deleting(job)
            active = self._manage(sync, succeeded) if managed else len(sync.active)
            if succeeded >= job["spec"]["completions"]:
                if not active:
                    verdict = ("SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods")
            elif managed:
                self._tell_suspended(sync)
        sync.status["active"] = active
        sync.status["terminating"] = sync.terminating
        self._account(sync, verdict)

    def _verdict(self, sync: _Sync, failed: int) -> tuple[str, str, str] | None:
        """Return the condition to end with; where it is there already, that one."""
        for kind in ("FailureTarget", "SuccessCriteriaMet"):
            found = next((c for c in sync.status.get("conditions") or () if c["type"] == kind), None)
            if found is not None:
                return (kind, found["reason"], found.get("message", ""))
        job = sync.job
        for pod in sync.pods:
            rule = _rule(job, pod)
            if rule and rule["action"] == "FailJob":
                return ("FailureTarget", "PodFailurePolicy", _policy_message(job, pod, rule))
        limit = job["spec"]["backoffLimit"]
        if failed > limit:
            return ("FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        deadline = job["spec"].get("activeDeadlineSeconds")
        if deadline is not None and not job["spec"].get("suspend") and "startTime" in sync.status:
            end = seconds_after(sync.status["startTime"], deadline)
            if self._clock.now >= end:
                return ("FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline")
            self._later(job, end)
        return None

    def _indexed(self, sync: _Sync) -> bool:
        if sync.job["spec"]["completionMode"] != "Indexed":
            return False
        sync.succeeded_indexes = set(numbers_of(sync.status.get("completedIndexes", "")))
        sync.failed_indexes = set(numbers_of(sync.status.get("failedIndexes", "")))
        limit = sync.job["spec"].get("backoffLimitPerIndex")
        for pod in sync.pods:
            index = _index_of(pod)
            if not _is_tracked(pod):
                continue
            if pod["status"].get("phase") == "Succeeded" and index < sync.job["spec"]["completions"]:
                sync.succeeded_indexes.add(index)
            elif _is_failed(pod) and limit is not None:
                if self._index_fails(sync.job, pod, limit):
                    sync.failed_indexes.add(index)
                else:
                    last = sync.delayed.get(index)
                    if last is None or _failures_of(pod) > _failures_of(last):
                        sync.delayed[index] = pod
        there = {_index_of(pod) for pod in sync.active}
        done = sync.succeeded_indexes | sync.failed_indexes | there
        sync.delayed = {index: pod for index, pod in sync.delayed.items() if index not in done}
        return limit is not None

    def _index_fails(self, job: Object, pod: Object, limit: int) -> bool:
        rule = _rule(job, pod)
        if rule and rule["action"] == "FailIndex":
            return True
        ignored = rule is not None and rule["action"] == "Ignore"
        return not ignored and _failures_of(pod) >= limit

    def _index_verdict(self, sync: _Sync) -> tuple[str, str, str] | None:
        most, count = sync.job["spec"].get("maxFailedIndexes"), len(sync.failed_indexes)
        if most is not None and count > most:
            words = "Job has exceeded the specified maximal number of failed indexes"
            return ("FailureTarget", "MaxFailedIndexesExceeded", words)
        if count and count + len(sync.succeeded_indexes) >= sync.job["spec"]["completions"]:
            return ("FailureTarget", "FailedIndexes", "Job has failed indexes")
        return None

    def _succeeded(self, sync: _Sync) -> int:
        if sync.job["spec"]["completionMode"] == "Indexed":
            return len(sync.succeeded_indexes)
        new = [pod for pod in sync.pods if pod["status"].get("phase") == "Succeeded" and _is_tracked(pod)]
        return int(sync.status.get("succeeded", 0)) + len(new)

    def _manage(self, sync: _Sync, succeeded: int) -> int:
        """Make or delete pods; return how many are active then."""
        spec = sync.job["spec"]
        if spec.get("suspend"):
            for pod in sync.active:
                self._let_go(pod)
                sync.terminating += self._still_there(pod)
            return 0
        wanted = max(0, min(spec["completions"] - succeeded, spec["parallelism"]))
        surplus = len(sync.active) - wanted
        if surplus > 0:
            for pod in sync.active[-surplus:]:
                self._let_go(pod)
                sync.terminating += self._still_there(pod)
            return int(wanted)
        terminating = sync.terminating if _replaces_only_failed(sync.job) else 0
        missing = wanted - terminating - len(sync.active)
        if missing <= 0:
            return len(sync.active)
        return len(sync.active) + self._make_pods(sync, missing)

    def _make_pods(self, sync: _Sync, missing: int) -> int:
        job = sync.job
        if job["spec"]["completionMode"] != "Indexed":
            until = self._backoffs.get(uid_of(job), _Backoff()).until()
            if until is not None and until > self._clock.now:
                self._later(job, until)
                return 0
            return sum(self._make_pod(job, None, None) for _ in range(missing))
        taken = {_index_of(pod) for pod in sync.pods if not is_terminal(pod)}
        made, blocked = 0, taken | sync.succeeded_indexes | sync.failed_indexes
        for index in range(job["spec"]["completions"]):
            if index in blocked or made >= missing:
                continue
            failed = sync.delayed.get(index)
            if failed is not None:
                tries = _failures_of(failed) + _ignored_of(failed) + 1
                until = _finished_at(failed) + timedelta(seconds=backoff_seconds(tries))
                if until > self._clock.now:
                    self._later(job, until)
                    continue
            if self._make_pod(job, index, failed):
                made += 1
                if failed is not None:
                    del sync.delayed[index]
        return made

    def _make_pod(self, job: Object, index: int | None, failed: Object | None) -> bool:
        if self.refusal:
            self._tell_refusal(job)
            self._later(job, self._clock.now + timedelta(seconds=10))
            return False
        template, meta = copy_of(job["spec"]["template"]), job["metadata"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"]}
        about: Object = {
            "namespace": meta["namespace"],
            "generateName": f"{meta['name']}-" + ("" if index is None else f"{index}-"),
            "labels": template["metadata"].get("labels") or {},
            "annotations": template["metadata"].get("annotations") or {},
            "finalizers": [*(template["metadata"].get("finalizers") or ()), TRACKING],
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        }
        if index is not None:
            about["labels"][INDEX] = about["annotations"][INDEX] = str(index)
            if "backoffLimitPerIndex" in job["spec"]:
                about["annotations"] |= _counters(job, failed)
        self._server.create("pods", {"metadata": about, "spec": template["spec"], "status": {"phase": "Pending"}})
        return True

    def _account(self, sync: _Sync, verdict: tuple[str, str, str] | None) -> None:
        """Count pods that ended, let them go, and write the status; at last the Job's end."""
        job, status, now = sync.job, sync.status, self._clock.now
        released = []
        for pod in sync.pods:
            if not _is_tracked(pod):
                continue
            ended = _is_failed(pod) or pod["status"].get("phase") == "Succeeded"
            delayed = any(pod is kept for kept in sync.delayed.values())
            if not (ended or verdict is not None) or (delayed and verdict is None):
                continue
            released.append(pod)
            if pod["status"].get("phase") == "Succeeded":
                status["succeeded"] = status.get("succeeded", 0) + 1
            elif (ended or (verdict is not None and verdict[0] == "FailureTarget")) and _counts(job, pod):
                status["failed"] = status.get("failed", 0) + 1
        if sync.job["spec"]["completionMode"] == "Indexed":
            status["completedIndexes"] = _ranges(sync.succeeded_indexes)
            status["succeeded"] = len(sync.succeeded_indexes)
            if "backoffLimitPerIndex" in job["spec"]:
                status["failedIndexes"] = _ranges(sync.failed_indexes)
        if verdict is not None and not any(c["type"] == verdict[0] for c in status.get("conditions") or ()):
            kind, reason, message = verdict
            status["conditions"] = [*(status.get("conditions") or ()), condition(kind, "True", now, reason, message)]
        if verdict is not None and not sync.terminating:
            self._end(status, *verdict)
        if status != (job.get("status") or {}):
            fresh = self._server.get("jobs", *_key(job))
            if fresh is not None:
                self._server.update_status("jobs", fresh, status)
        for pod in released:
            self._release(pod)

    def _end(self, status: Object, kind: str, reason: str, message: str) -> None:
        last = "Complete" if kind == "SuccessCriteriaMet" else "Failed"
        status["conditions"] = [*status["conditions"], condition(last, "True", self._clock.now, reason, message)]
        status["active"] = 0
        if last == "Complete":
            status["completionTime"] = stamp(self._clock.now)

    def _tell_suspended(self, sync: _Sync) -> None:
        suspended = bool(sync.job["spec"].get("suspend"))
        conditions = [c for c in sync.status.get("conditions") or () if c["type"] != "Suspended"]
        known = next((c for c in sync.status.get("conditions") or () if c["type"] == "Suspended"), None)
        wanted = "True" if suspended else "False"
        if (known is None and not suspended) or (known is not None and known["status"] == wanted):
            return
        reason, words = ("JobSuspended", "Job suspended") if suspended else ("JobResumed", "Job resumed")
        sync.status["conditions"] = [*conditions, condition("Suspended", wanted, self._clock.now, reason, words)]
        if not suspended:
            sync.status["startTime"] = stamp(self._clock.now)

    def _tell_refusal(self, job: Object) -> None:
        meta = job["metadata"]
        about = {"kind": "Job", "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}
        name = f"{meta['name']}.refused"
        if self._server.get("events", meta["namespace"], name) is None:
            event = {"metadata": {"name": name, "namespace": meta["namespace"]}, "involvedObject": about}
            words = f"Error creating: {self.refusal}"
            more = {
                "reason": "FailedCreate",
                "type": "Warning",
                "message": words,
                "lastTimestamp": stamp(self._clock.now),
            }
            self._server.create("events", {**event, **more})

    # Small parts.

    def _count_backoff(self, job: Object, pods: list[Object]) -> list[Object]:
        """Return the failed pods that were not counted, and remember them for the pause before the next one."""
        new_failed = [pod for pod in pods if _is_tracked(pod) and _is_failed(pod)]
        if job["spec"]["completionMode"] == "Indexed":
            return new_failed
        backoff = self._backoffs.setdefault(uid_of(job), _Backoff())
        if any(_is_tracked(pod) and pod["status"].get("phase") == "Succeeded" for pod in pods):
            backoff.failures, backoff.last = 0, None
        backoff.failures += len(new_failed)
        times = [_finished_at(pod) for pod in new_failed]
        backoff.last = max([*times, *([backoff.last] if backoff.last else [])], default=None)
        return new_failed

    def _later(self, job: Object, moment: datetime) -> None:
        """Look at the Job again then."""
        self._clock.at(moment, lambda: None)

    def _delete(self, pod: Object) -> None:
        if self._server.get("pods", *_key(pod)) is not None:
            self._server.delete("pods", *_key(pod))

    def _let_go(self, pod: Object) -> None:
        """Delete a pod that is too many: it is not counted any more, however it ends."""
        self._release(pod)
        self._delete(pod)

    def _still_there(self, pod: Object) -> bool:
        found = self._server.get("pods", *_key(pod))
        return found is not None and not is_terminal(found)

    def _release(self, pod: Object) -> None:
        """Take the finalizer off."""
        fresh = self._server.get("pods", *_key(pod))
        if fresh is None or not _is_tracked(fresh):
            return
        rest = [name for name in fresh["metadata"]["finalizers"] if name != TRACKING]
        self._server.set_meta("pods", fresh, finalizers=rest or None)


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _is_tracked(pod: Object) -> bool:
    return TRACKING in (pod["metadata"].get("finalizers") or ())


def _is_failed(pod: Object) -> bool:
    return bool(pod["status"].get("phase") == "Failed")


def _replaces_only_failed(job: Object) -> bool:
    return "podFailurePolicy" in job["spec"] or job["spec"].get("podReplacementPolicy") == "Failed"


def _counts(job: Object, pod: Object) -> bool:
    """Return whether the failed pod counts against the limit."""
    rule = _rule(job, pod)
    return rule is None or rule["action"] != "Ignore"


def _rule(job: Object, pod: Object) -> Object | None:
    """Return the first rule of the pod failure policy that the failed pod meets."""
    if not _is_failed(pod):
        return None
    for rule in (job["spec"].get("podFailurePolicy") or {}).get("rules") or ():
        if _meets_conditions(rule, pod) or _meets_exit_codes(rule, pod):
            found: Object = rule
            return found
    return None


def _meets_conditions(rule: Object, pod: Object) -> bool:
    there = {(c["type"], c["status"]) for c in pod["status"].get("conditions") or ()}
    return any((c["type"], c.get("status", "True")) in there for c in rule.get("onPodConditions") or ())


def _meets_exit_codes(rule: Object, pod: Object) -> bool:
    wanted = rule.get("onExitCodes")
    if not wanted:
        return False
    statuses = [*(pod["status"].get("containerStatuses") or ()), *(pod["status"].get("initContainerStatuses") or ())]
    for status in statuses:
        code = ((status.get("state") or {}).get("terminated") or {}).get("exitCode")
        if not code or wanted.get("containerName", status["name"]) != status["name"]:
            continue
        if (code in wanted["values"]) == (wanted["operator"] == "In"):
            return True
    return False


def _policy_message(job: Object, pod: Object, rule: Object) -> str:
    index = job["spec"]["podFailurePolicy"]["rules"].index(rule)
    name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    return f"Container for pod {name} failed matching FailJob rule at index {index}"


def _finished_at(pod: Object) -> datetime:
    """Return when the last container ended; else when the pod was deleted or made."""
    ends = [
        moment_of(terminated["finishedAt"])
        for status in pod["status"].get("containerStatuses") or ()
        if (terminated := (status.get("state") or {}).get("terminated")) and terminated.get("finishedAt")
    ]
    meta = pod["metadata"]
    return max(ends) if ends else moment_of(meta.get("deletionTimestamp") or meta["creationTimestamp"])


def _index_of(pod: Object) -> int:
    return int((pod["metadata"].get("annotations") or {}).get(INDEX, -1))


def _failures_of(pod: Object) -> int:
    return int((pod["metadata"].get("annotations") or {}).get(INDEX_FAILURES, 0))


def _ignored_of(pod: Object) -> int:
    return int((pod["metadata"].get("annotations") or {}).get(INDEX_IGNORED, 0))


def _counters(job: Object, failed: Object | None) -> dict[str, str]:
    if failed is None:
        return {INDEX_FAILURES: "0"}
    counted = _counts(job, failed)
    counters = {INDEX_FAILURES: str(_failures_of(failed) + counted)}
    ignored = _ignored_of(failed) + (not counted)
    return {**counters, **({INDEX_IGNORED: str(ignored)} if ignored else {})}


def numbers_of(text: str) -> list[int]:
    """Return the indexes of Kubernetes' compact form: 1,3-5."""
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def _ranges(numbers: set[int]) -> str:
    """Return the numbers as Kubernetes writes them: 1,3-5."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    texts = [
        str(part[0]) if len(part) == 1 else f"{part[0]}{'-' if len(part) > 2 else ','}{part[-1]}" for part in parts
    ]
    return ",".join(texts)
