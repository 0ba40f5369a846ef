"""A pod's outcome from all its containers: pods as kubelets write them, and what is said of each."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.contract.result import Result, encode
from mlrun_operator.api.reasons import EXPLANATIONS, HEALTHY, Reason
from mlrun_operator.assess.diagnose import diagnose
from mlrun_operator.assess.pods import may_report, read_pod, unstarted

Object = dict[str, Any]
EPOCH = "1970-01-01T00:00:00Z"
DISRUPTION = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
    "lastTransitionTime": "2026-11-23T12:00:30Z",
}


def report(reason: Reason, message: str = "", **more: Any) -> str:
    return encode(Result(reason=reason, message=message, **more), 4096)


LIVE = '{"mlrun-operator.dev/live":1,"pod":"r-1-abcde","time":"2026-11-30T12:00:00Z","results":{"loss":0.5}}'
DONE = report(Reason.SUCCEEDED, results={"rows": 5})
BOOM = report(Reason.HANDLER_FAILED, "ValueError: boom")
TOLD = report(Reason.TERMINATED, "told to end", results={"half": 1})


def terminated(exit_code: int, message: str = "", reason: str = "", **more: Any) -> Object:
    return {
        "terminated": {
            "exitCode": exit_code,
            "reason": reason or ("Completed" if exit_code == 0 else "Error"),
            "message": message,
            "startedAt": "2026-11-23T12:00:05Z",
            "finishedAt": "2026-11-23T12:00:20Z",
            "containerID": "containerd://0f",
            **more,
        }
    }


def waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


RUNNING: Object = {"running": {"startedAt": "2026-11-23T12:00:04Z"}}
INITIALIZING = waiting("PodInitializing")


def container(name: str, state: Object, **more: Any) -> Object:
    return {
        "name": name,
        "image": f"example.org/{name}:1",
        "imageID": "",
        "state": state,
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        **more,
    }


def pod(
    phase: str,
    wrapper: Object | None = None,
    *,
    init: dict[str, Object] | None = None,
    native: tuple[str, ...] = (),
    sidecars: dict[str, Object] | None = None,
    **status: Any,
) -> Object:
    """A pod with these states of its containers; those of `init` that are `native` have restartPolicy Always."""
    states = {**({"mlrun": wrapper} if wrapper is not None else {}), **(sidecars or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "run-1-abcde",
            "namespace": "team",
            "uid": "p-1",
            "creationTimestamp": "2026-11-23T12:00:00Z",
            "labels": {"batch.kubernetes.io/job-name": "run-1"},
        },
        "spec": {
            "nodeName": "node-1",
            "initContainers": [
                {"name": name, **({"restartPolicy": "Always"} if name in native else {})} for name in init or {}
            ],
        },
        "status": {
            "phase": phase,
            "conditions": [],
            "startTime": "2026-11-23T12:00:01Z",
            "containerStatuses": [container(name, state) for name, state in states.items()],
            "initContainerStatuses": [container(name, state) for name, state in (init or {}).items()],
            **status,
        },
    }


Case = tuple[Object, Reason, str]
DISRUPTED: Object = {"conditions": [DISRUPTION]}
OUTCOMES: dict[str, Case] = {
    # The wrapper's container alone.
    "succeeded": (pod("Succeeded", terminated(0, DONE)), Reason.SUCCEEDED, ""),
    "skipped": (pod("Succeeded", terminated(0, report(Reason.SKIPPED, "over"))), Reason.SKIPPED, "over"),
    "succeeded without a report": (pod("Succeeded", terminated(0)), Reason.SUCCEEDED, ""),
    "handler failed": (pod("Failed", terminated(1, BOOM)), Reason.HANDLER_FAILED, "ValueError: boom"),
    "told to end": (pod("Failed", terminated(143, TOLD)), Reason.TERMINATED, "told to end"),
    "killed without a report": (
        pod("Failed", terminated(139, "line 1\nSegmentation fault\n")),
        Reason.WRAPPER_ERROR,
        "the wrapper ended without a report (exit code 139); the last line of its log: Segmentation fault",
    ),
    "killed after live results": (
        pod("Failed", terminated(139, f"Segmentation fault\n{LIVE}\n")),
        Reason.WRAPPER_ERROR,
        "the wrapper ended without a report (exit code 139); the last line of its log: Segmentation fault",
    ),
    "told to end without a report": (
        pod("Failed", terminated(143)),
        Reason.TERMINATED,
        "the pod was told to end, and left no report",
    ),
    "out of memory": (
        pod("Failed", terminated(137, reason="OOMKilled")),
        Reason.OOM_KILLED,
        EXPLANATIONS[Reason.OOM_KILLED].happened,
    ),
    "killed after its report": (
        pod("Failed", terminated(137, DONE)),
        Reason.WRAPPER_ERROR,
        "the wrapper reported Succeeded and then ended with exit code 137",
    ),
    # Our init container, which carries the wrapper and may fetch the source.
    "our init container reports": (
        pod("Failed", INITIALIZING, init={"mlrun-wrapper": terminated(66, report(Reason.SOURCE_NOT_FOUND, "no x"))}),
        Reason.SOURCE_NOT_FOUND,
        "no x",
    ),
    "our init container is out of memory": (
        pod("Failed", INITIALIZING, init={"mlrun-wrapper": terminated(137, reason="OOMKilled")}),
        Reason.OOM_KILLED,
        EXPLANATIONS[Reason.OOM_KILLED].happened,
    ),
    # Init containers of others.
    "an injected init container fails": (
        pod(
            "Failed",
            INITIALIZING,
            init={"vault-agent-init": terminated(7, "starting\nError: permission denied: secret/data/app\n")},
        ),
        Reason.POD_FAILING,
        "init container vault-agent-init ended with exit code 7: Error: permission denied: secret/data/app",
    ),
    "an init container fails beside a native sidecar that was killed": (
        pod(
            "Failed",
            INITIALIZING,
            init={"istio-proxy": terminated(137), "migrate": terminated(3, "no table")},
            native=("istio-proxy",),
        ),
        Reason.POD_FAILING,
        "init container migrate ended with exit code 3: no table",
    ),
    "an init container is out of memory": (
        pod("Failed", INITIALIZING, init={"unpack": terminated(137, reason="OOMKilled")}),
        Reason.OOM_KILLED,
        "init container unpack used more memory than its limit and was killed",
    ),
    # Regular containers of others.
    "a sidecar fails after the success": (
        pod("Failed", terminated(0, DONE), sidecars={"proxy": terminated(3, "cannot flush\n")}),
        Reason.POD_FAILING,
        "container proxy ended with exit code 3 after the handler had succeeded: cannot flush",
    ),
    "a sidecar is out of memory after the success": (
        pod("Failed", terminated(0, DONE), sidecars={"proxy": terminated(137, reason="OOMKilled")}),
        Reason.OOM_KILLED,
        "container proxy used more memory than its limit and was killed after the handler had succeeded",
    ),
    "handler and sidecar fail": (
        pod("Failed", terminated(1, BOOM), sidecars={"proxy": terminated(3)}),
        Reason.HANDLER_FAILED,
        "ValueError: boom",
    ),
    "a native sidecar that was killed does not count": (
        pod("Succeeded", terminated(0, DONE), init={"istio-proxy": terminated(137)}, native=("istio-proxy",)),
        Reason.SUCCEEDED,
        "",
    ),
    # The node's own.
    "start error": (
        pod(
            "Failed",
            terminated(
                128,
                'failed to create containerd task: exec: "tini": not found',
                "StartError",
                startedAt=EPOCH,
            ),
        ),
        Reason.POD_FAILING,
        'container mlrun could not be started (StartError): failed to create containerd task: exec: "tini": not found',
    ),
    "container cannot run": (
        pod("Failed", terminated(127, "no such file", "ContainerCannotRun")),
        Reason.POD_FAILING,
        "container mlrun could not be started (ContainerCannotRun): no such file",
    ),
    "container status unknown": (
        pod(
            "Failed",
            terminated(
                137,
                "The container could not be located when the pod was terminated",
                "ContainerStatusUnknown",
                startedAt=None,
                finishedAt=None,
            ),
        ),
        Reason.POD_FAILING,
        "container mlrun was lost by its node (ContainerStatusUnknown): "
        "The container could not be located when the pod was terminated",
    ),
    "out of cpu": (
        pod("Failed", reason="OutOfcpu", message="Pod was rejected: Node didn't have enough resource: cpu"),
        Reason.POD_FAILING,
        "the node had no room for the pod (OutOfcpu): Pod was rejected: Node didn't have enough resource: cpu",
    ),
    "evicted and its container removed before its end was told": (  # seen on a busy node
        pod(
            "Failed",
            containerStatuses=[
                container(
                    "mlrun",
                    waiting("ContainerCreating"),
                    lastState=terminated(137, reason="ContainerStatusUnknown", startedAt=None, finishedAt=None),
                    restartCount=1,
                )
            ],
            reason="Evicted",
            message='Usage of EmptyDir volume "work" exceeds the limit "1Mi". ',
        ),
        Reason.POD_FAILING,
        'the pod was evicted for exceeding its own limit: Usage of EmptyDir volume "work" exceeds the limit "1Mi"; '
        "raise limits.ephemeral-storage or the volume's sizeLimit, or write less",
    ),
    "unexpected admission error": (
        pod("Failed", reason="UnexpectedAdmissionError", message="no healthy devices present"),
        Reason.POD_FAILING,
        "the node could not give the pod its devices (UnexpectedAdmissionError): no healthy devices present",
    ),
    "node affinity": (
        pod("Failed", reason="NodeAffinity", message="Pod was rejected: Predicate NodeAffinity failed"),
        Reason.POD_FAILING,
        "the node does not match the pod's node selector or affinity any more (NodeAffinity): "
        "Pod was rejected: Predicate NodeAffinity failed",
    ),
    "another refusal": (
        pod("Failed", reason="PodOSNotSupported", message="os"),
        Reason.POD_FAILING,
        "the node refused the pod (PodOSNotSupported): os",
    ),
    "the pod's own deadline": (
        pod("Failed", terminated(143, TOLD), reason="DeadlineExceeded", message="Pod was active on the node longer"),
        Reason.DEADLINE_EXCEEDED,
        "the pod ran longer than activeDeadlineSeconds of its podTemplate: Pod was active on the node longer",
    ),
    "failed before it ran": (
        pod("Failed", waiting("ImagePullBackOff", "no such image")),
        Reason.POD_FAILING,
        "the pod failed before container mlrun had ended: ImagePullBackOff: no such image",
    ),
    "failed without a word": (
        pod("Failed"),
        Reason.POD_FAILING,
        "the pod failed before container mlrun had ended",
    ),
    # Evictions.
    "over its own limit": (
        pod(
            "Failed",
            terminated(137, TOLD),
            reason="Evicted",
            message='Usage of EmptyDir volume "scratch" exceeds the limit "10Mi". ',
        ),
        Reason.POD_FAILING,
        'the pod was evicted for exceeding its own limit: Usage of EmptyDir volume "scratch" exceeds the limit '
        '"10Mi"; raise limits.ephemeral-storage or the volume\'s sizeLimit, or write less',
    ),
    "evicted under memory pressure": (
        pod("Failed", reason="Evicted", message="The node was low on resource: memory.", **DISRUPTED),
        Reason.EVICTED,
        "The node was low on resource: memory.",
    ),
    "drained, told to end": (
        pod("Failed", terminated(143, TOLD), **DISRUPTED),
        Reason.EVICTED,
        "Eviction API: evicting",
    ),
    "drained, the handler made an exception of it": (
        pod("Failed", terminated(1, BOOM), **DISRUPTED),
        Reason.HANDLER_FAILED,
        "ValueError: boom",
    ),
    "drained after the success": (
        pod("Failed", terminated(0, DONE), sidecars={"proxy": terminated(143)}, **DISRUPTED),
        Reason.EVICTED,
        "Eviction API: evicting",
    ),
}


@pytest.mark.parametrize("case", OUTCOMES.values(), ids=OUTCOMES)
def test_the_outcome_of_a_pod(case: Case) -> None:
    ended, reason, message = case
    attempt = read_pod(ended).attempt
    assert (attempt.reason, attempt.message or "") == (reason, message)


@pytest.mark.parametrize("case", OUTCOMES.values(), ids=OUTCOMES)
def test_no_time_of_an_attempt_is_the_epoch(case: Case) -> None:
    attempt = read_pod(case[0]).attempt
    assert (attempt.start_time or "") > "2026"
    assert (attempt.completion_time or "2026-") > "2026"


@pytest.mark.parametrize("reason", ["Error", "ContainerStatusUnknown"])
def test_a_deleted_pod_that_was_killed_was_told_to_end(reason: str) -> None:
    """Kueue suspends a Job, its pods are deleted, and the kubelet kills what does not end."""
    killed = pod("Failed", terminated(137, reason=reason))
    before = read_pod(killed).attempt.reason
    killed["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:30Z"
    assert before in (Reason.WRAPPER_ERROR, Reason.POD_FAILING)
    assert read_pod(killed).attempt.reason == Reason.TERMINATED


@pytest.mark.parametrize("wrapper", [terminated(143, TOLD), terminated(1, BOOM), terminated(0, DONE), None])
def test_a_disruption_is_what_the_job_ignores(wrapper: Object | None) -> None:
    assert read_pod(pod("Failed", wrapper, **DISRUPTED)).disrupted
    assert not read_pod(pod("Failed", wrapper, reason="Evicted")).disrupted
    assert not read_pod(pod("Running", wrapper, **DISRUPTED)).disrupted
    assert not read_pod(pod("Failed", wrapper, conditions=[{**DISRUPTION, "status": "False"}])).disrupted


def test_a_failed_sidecar_takes_nothing_from_the_success() -> None:
    failed = read_pod(pod("Failed", terminated(0, DONE), sidecars={"proxy": terminated(3)}))
    assert (failed.succeeded, failed.phase_succeeded, failed.ended) == (True, False, True)
    assert failed.result is not None
    assert failed.result.results == {"rows": 5}


def test_the_report_is_read_before_the_pod_ends() -> None:
    """A sidecar that runs on keeps the pod; reason and message are told with the pod's end only."""
    seen = read_pod(pod("Running", terminated(0, DONE), sidecars={"proxy": RUNNING, "flush": terminated(0)}))
    assert (seen.ended, seen.succeeded, seen.lingering) == (False, True, ("proxy",))
    assert seen.wrapper_ended_at == datetime(2026, 11, 23, 12, 0, 20, tzinfo=UTC)
    assert seen.result is not None
    assert (seen.attempt.reason, seen.attempt.message, seen.attempt.exit_code) == (None, None, None)


def test_a_sidecar_that_cannot_start_lingers() -> None:
    stuck = read_pod(pod("Pending", terminated(0, DONE), sidecars={"proxy": waiting("ImagePullBackOff")}))
    assert stuck.lingering == ("proxy",)


def test_a_native_sidecar_does_not_linger() -> None:
    """The kubelet ends it once the regular containers have ended."""
    ending = read_pod(pod("Running", terminated(0, DONE), init={"istio-proxy": RUNNING}, native=("istio-proxy",)))
    assert (ending.lingering, ending.sidecars_running) == ((), ("istio-proxy",))


def test_nothing_lingers_beside_a_wrapper_that_runs() -> None:
    running = read_pod(pod("Running", RUNNING, init={"a": RUNNING}, native=("a",), sidecars={"b": RUNNING}))
    assert (running.lingering, running.sidecars_running, running.wrapper_ended_at) == ((), (), None)


def test_an_end_without_a_time_is_as_old_as_the_pod() -> None:
    unknown = terminated(137, reason="ContainerStatusUnknown", finishedAt=None, startedAt=None)
    lost = read_pod(pod("Running", unknown, sidecars={"proxy": RUNNING}))
    assert lost.wrapper_ended_at == datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def test_a_pod_deleted_before_its_start_was_not_lost() -> None:
    """The kubelet gives such a container the state of one that was lost."""
    words = "The container could not be located when the pod was terminated"
    deleted = pod("Failed", terminated(137, words, "ContainerStatusUnknown", startedAt=None, finishedAt=None))
    deleted["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:30Z"
    view = read_pod(deleted)
    assert (view.attempt.reason, view.attempt.message) == (
        Reason.POD_FAILING,
        "the pod was deleted before container mlrun had started",
    )
    assert (view.attempt.exit_code, view.has_run) == (None, False), "nothing has ended with 137"


def test_a_pod_whose_sidecar_runs_first_has_not_started() -> None:
    """What counts is the wrapper's own container."""
    early = pod("Pending", waiting("ImagePullBackOff"), sidecars={"proxy": RUNNING})
    assert not read_pod(early).started
    assert unstarted([early]) == [early]


NOW = datetime(2026, 11, 23, 12, 5, 0, tzinfo=UTC)
CRASHED = container(
    "istio-proxy",
    waiting("CrashLoopBackOff", "back-off 40s restarting failed container"),
    lastState=terminated(1, "no control plane"),
    restartCount=3,
    started=False,
)
PROBED = container("istio-proxy", RUNNING, started=False)
CAUSES: dict[str, tuple[Object, Reason, str]] = {
    "the image of a sidecar": (
        pod("Pending", waiting("ContainerCreating"), sidecars={"proxy": waiting("ErrImagePull", "not found")}),
        Reason.IMAGE_PULL,
        "container proxy: image example.org/proxy:1: not found",
    ),
    "the image of an init container": (
        pod("Pending", INITIALIZING, init={"migrate": waiting("ImagePullBackOff")}),
        Reason.IMAGE_PULL,
        "init container migrate: image example.org/migrate:1: ImagePullBackOff",
    ),
    "an init container that hangs": (
        pod("Pending", INITIALIZING, init={"vault-agent-init": RUNNING}),
        Reason.CREATED,
        "init container vault-agent-init has been running since 2026-11-23T12:00:04Z",
    ),
    "a native sidecar that fails and restarts": (
        pod("Pending", INITIALIZING, native=("istio-proxy",), init={"istio-proxy": {}})
        | {"status": {"phase": "Pending", "initContainerStatuses": [CRASHED]}},
        Reason.POD_FAILING,
        "init container istio-proxy ended with exit code 1 and is started again: no control plane",
    ),
    "a native sidecar whose probe fails": (
        pod("Pending", INITIALIZING, native=("istio-proxy",), init={"istio-proxy": {}})
        | {"status": {"phase": "Pending", "initContainerStatuses": [PROBED]}},
        Reason.CREATED,
        "init container istio-proxy has not passed its startup probe since 2026-11-23T12:00:04Z",
    ),
    "a secret of a sidecar": (
        pod(
            "Pending",
            waiting("ContainerCreating"),
            sidecars={"proxy": waiting("CreateContainerConfigError", 'secret "keys" not found')},
        ),
        Reason.SECRET_MISSING,
        'container proxy: CreateContainerConfigError: secret "keys" not found',
    ),
}


@pytest.mark.parametrize("case", CAUSES.values(), ids=CAUSES)
def test_what_keeps_a_pod_from_starting_names_the_container(case: tuple[Object, Reason, str]) -> None:
    pending, reason, message = case
    assert diagnose(pending, now=NOW) == (reason, message)


def test_an_init_container_at_work_is_no_cause_at_once() -> None:
    pending = pod("Pending", INITIALIZING, init={"migrate": RUNNING})
    assert diagnose(pending, now=datetime(2026, 11, 23, 12, 0, 9, tzinfo=UTC)) is None
    assert diagnose(pending) is None


NAMES = ("mlrun", "mlrun-wrapper", "proxy", "istio-proxy", "vault")
MESSAGES = st.one_of(
    st.none(),
    st.text(max_size=40),
    st.builds(report, st.sampled_from(Reason), st.text(max_size=20)),
    st.builds(lambda reason, length: report(reason, "x" * 30)[:length], st.sampled_from(Reason), st.integers(0, 90)),
)
TIMES = st.sampled_from([None, EPOCH, "2026-11-23T12:00:05Z", "soon"])
TERMINATED = st.fixed_dictionaries(
    {"exitCode": st.sampled_from([0, 0, 1, 64, 127, 128, 137, 143, 255])},
    optional={
        "reason": st.sampled_from(["Completed", "Error", "OOMKilled", "StartError", "ContainerStatusUnknown", ""]),
        "message": MESSAGES,
        "startedAt": TIMES,
        "finishedAt": TIMES,
    },
)
STATES = st.one_of(
    st.none(),
    st.just({}),
    st.just(RUNNING),
    st.builds(waiting, st.sampled_from(["PodInitializing", "ImagePullBackOff", "CrashLoopBackOff"]), st.text()),
    st.builds(lambda end: {"terminated": end}, TERMINATED),
)
CONTAINERS = st.lists(
    st.builds(
        lambda name, state, last: {"name": name, "state": state, "lastState": last},
        st.sampled_from(NAMES),
        STATES,
        STATES,
    ),
    max_size=4,
    unique_by=lambda written: str(written["name"]),
)
STATUSES = st.fixed_dictionaries(
    {"phase": st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown"])},
    optional={
        "reason": st.sampled_from(["Evicted", "OutOfmemory", "DeadlineExceeded", "Preempting", "", "Other"]),
        "message": st.none() | st.text(max_size=20),
        "conditions": st.none() | st.just([]) | st.just([DISRUPTION]),
        "containerStatuses": st.none() | CONTAINERS,
        "initContainerStatuses": st.none() | CONTAINERS,
    },
)
PODS = st.builds(
    lambda status, native: {**pod("Running"), "spec": {"initContainers": native}, "status": status},
    st.none() | STATUSES,
    st.none() | st.just([{"name": "istio-proxy", "restartPolicy": "Always"}]),
)


@given(PODS)
def test_no_pod_is_too_odd_and_no_outcome_contradicts(odd: Object) -> None:
    seen = read_pod(odd)
    phase, reason = (odd["status"] or {}).get("phase"), seen.attempt.reason
    diagnose(odd, now=NOW)
    may_report([odd], NOW)

    assert bool(unstarted([odd])) is not seen.started
    assert (reason is not None) == seen.ended == (phase in ("Succeeded", "Failed"))
    if seen.ended:
        assert phase != "Failed" or reason not in HEALTHY
        assert seen.succeeded or reason not in HEALTHY
        assert not (seen.succeeded and seen.phase_succeeded) or reason in (Reason.SUCCEEDED, Reason.SKIPPED)
        assert seen.lingering == seen.sidecars_running == ()
    if seen.lingering:
        assert seen.wrapper_ended_at is not None
