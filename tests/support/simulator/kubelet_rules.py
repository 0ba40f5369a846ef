"""Rules of the kubelet that the simulator must have: each is played on a port and returns what was seen.

The same rules are played on the real node (tests/e2e/test_kubelet_rules.py). There a container does what its
environment says, by a shell script; in the simulator the port reads the same environment.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from support.simulator.kubernetes_rules import Facts, Port, is_going, until
from support.simulator.objects import Object, is_terminal

from mlrun_operator.api.contract.result import Result, encode
from mlrun_operator.api.reasons import Reason
from mlrun_operator.assess.pods import read_pod

IMAGE: Final = "localhost/mlrun-operator/test-bare:dev"
# So that the end of a pod can be read that was deleted.
KEPT: Final = "example.org/keep"
FOREVER: Final = "infinity"
# Long enough, in seconds, to be seen on a busy machine.
_LONG: Final = 12
# What a container does: it lasts, leaves a message and exits; at SIGTERM it takes its time, or does not listen.
_SCRIPT: Final = """
if [ "$HUNGRY" ]; then exec python3 -c 'b"x" * (256 << 20)'; fi
if [ "$FILLS" ]; then head -c 8388608 /dev/zero > /disk/big; fi
end() { printf %s "$MESSAGE" > /dev/termination-log; exit "$1"; }
if [ "$TERM_CODE" ]; then trap 'sleep "$TERM_SECONDS"; end "$TERM_CODE"' TERM; else trap "" TERM; fi
sleep "$LASTS" &
wait $!
end "$CODE"
"""
_SUCCESS: Final = encode(Result(reason=Reason.SUCCEEDED, results={"x": 1}), 4096)
_STOPPED: Final = encode(Result(reason=Reason.TERMINATED, message="told to end", results={"half": 1}), 4096)
_BOOM: Final = encode(Result(reason=Reason.HANDLER_FAILED, message="ValueError: boom"), 4096)


class ObservingPort(Port, Protocol):
    """A cluster whose pods are kept as they are seen."""

    def observe(self, pod: Object) -> None:
        """Keep the pod as it is now: the operator's reading of it is compared, too."""


class NodePort(ObservingPort, Protocol):
    """A cluster with a scheduler, and kubelets that run what is scheduled."""

    def evict(self, name: str) -> int:
        """Evict a pod by the API; return the HTTP code."""

    def has_processes(self, pod: Object) -> bool:
        """Return whether containers of the pod run on its node."""


Rule = Callable[[NodePort], Facts]


# What rules speak in.


def container(
    name: str = "mlrun",
    lasts: float | str = FOREVER,
    code: int = 0,
    at_sigterm: tuple[float, int] | None = (0, 143),
    message: str = "",
    **more: Any,
) -> Object:
    """Return a container that ends by itself, or at SIGTERM after some seconds with a code; None does not listen."""
    seconds, term_code = at_sigterm or (0, "")
    told = {"LASTS": lasts, "CODE": code, "MESSAGE": message, "TERM_SECONDS": seconds, "TERM_CODE": term_code}
    told |= dict.fromkeys(more.pop("flags", ()), "1")
    env = [{"name": key, "value": str(value)} for key, value in told.items()] + more.pop("env", [])
    command = ["sh", "-c", _SCRIPT]
    policy = {"imagePullPolicy": "IfNotPresent", "terminationMessagePolicy": "FallbackToLogsOnError"}
    return {"name": name, "image": IMAGE, "command": command, "env": env, **policy, **more}


native = partial(container, "proxy", restartPolicy="Always")


def spec_of(*containers: Object, inits: tuple[Object, ...] = (), **more: Any) -> Object:
    """Return the spec of a pod as a run's pod has it."""
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 30, "containers": [*containers], **more}
    return {**spec, **({"initContainers": [*inits]} if inits else {})}


def pod(port: NodePort, name: str, *containers: Object, **more: Any) -> Object:
    """Create a pod, of the wrapper's container alone where no others are given."""
    about = {"name": name, "finalizers": more.pop("finalizers", [KEPT])}
    return port.create("pods", {"metadata": about, "spec": spec_of(*(containers or [container()]), **more)})


def now(port: ObservingPort, of: Object) -> Object:
    """Return the pod as it is now."""
    return port.get("pods", of["metadata"]["name"]) or {"metadata": {}, "status": {"phase": "gone"}}


def once(port: ObservingPort, of: Object, look: Callable[[Object], Any], seconds: float = 60) -> Object:
    """Return the pod once it is so, or as it is at last; it is kept for the operator."""
    last = _reached(port, of, look, seconds)
    port.observe(last)
    return last


def _reached(port: ObservingPort, of: Object, look: Callable[[Object], Any], seconds: float) -> Object:
    until(port, lambda: look(now(port, of)), seconds)
    return now(port, of)


def ended(port: NodePort, of: Object, seconds: float = 60) -> Object:
    """Return the pod once it has ended."""
    return once(port, of, is_terminal, seconds)


def running(port: NodePort, of: Object, *names: str) -> Object:
    """Return the pod once these containers run; the wrapper's where none is named."""
    return once(port, of, lambda pod: all("running" in state(pod, name) for name in names or ["mlrun"]))


def delete(port: NodePort, of: Object, grace: int | None = None) -> None:
    assert port.delete("pods", of["metadata"]["name"], grace=grace) == 200


def state(of: Object, name: str) -> Object:
    """Return the state of a container."""
    status = of["status"]
    statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    found: Object = next((c["state"] for c in statuses if c["name"] == name), {})
    return found


def seen(of: Object) -> Facts:
    """Return what is seen of a pod: its phase, conditions that matter, and each container's state."""
    status = of.get("status") or {}
    phase = "/".join(filter(None, (status.get("phase"), status.get("reason"))))
    told = [
        f"{c['type']}/{c['reason']}"
        for c in status.get("conditions") or ()
        if (c["type"], c["status"]) in (("DisruptionTarget", "True"), ("PodScheduled", "False"))
    ]
    statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return [phase, *(["deleted"] if is_going(of) else []), *told, *map(_told, statuses)]


def _told(status: Object) -> str:
    kind, about = next(iter((status.get("state") or {"unknown": {}}).items()))
    return " ".join(filter(None, (f"{status['name']}:", *_KINDS[kind](about or {}))))


_KINDS: Final[dict[str, Callable[[Object], tuple[str, ...]]]] = {
    "running": lambda _: ("running",),
    "waiting": lambda about: ("waiting", about.get("reason", "")),
    "terminated": lambda about: (about.get("reason", ""), str(about["exitCode"])),
    "unknown": lambda _: ("unknown",),
}


# Ends by themselves.


def a_pod_succeeds_when_its_container_exits_0(port: NodePort) -> Facts:
    return seen(ended(port, pod(port, "exits-0", container(lasts=1, message=_SUCCESS))))


def a_pod_fails_by_another_exit_code(port: NodePort) -> Facts:
    return seen(ended(port, pod(port, "exits-1", container(lasts=1, code=1, message=_BOOM))))


def a_sidecar_keeps_its_pod_and_decides(port: NodePort) -> Facts:
    main, proxy = container(lasts=1, message=_SUCCESS), container("proxy", lasts=_LONG, code=3)
    made = pod(port, "plain-sidecar", main, proxy)
    meanwhile = once(port, made, lambda pod: "terminated" in state(pod, "mlrun"))
    return [seen(meanwhile), seen(ended(port, made))]


def a_native_sidecar_ends_last_and_decides_nothing(port: NodePort) -> Facts:
    proxy = native(at_sigterm=(_LONG, 5))
    made = pod(port, "native-sidecar", container(lasts=1, message=_SUCCESS), inits=(proxy,))
    meanwhile = once(port, made, lambda pod: "terminated" in state(pod, "mlrun"))
    return [seen(meanwhile), seen(ended(port, made))]


def a_native_sidecar_that_ends_is_restarted(port: NodePort) -> Facts:
    made = pod(port, "restarted", container(lasts=_LONG, message=_SUCCESS), inits=(native(lasts=1, code=3),))
    # On a busy node the sidecar may end before the wrapper's container has started.
    once(port, made, lambda pod: "running" in state(pod, "mlrun") and _restarts(pod, "proxy"))
    last = ended(port, made)
    return [_restarts(last, "proxy") > 0, last["status"]["phase"]]


def a_failed_init_container_ends_its_pod(port: NodePort) -> Facts:
    return seen(ended(port, pod(port, "init-fails", container(), inits=(container("init", lasts=1, code=3),))))


def an_init_container_runs_before_the_others(port: NodePort) -> Facts:
    made = pod(port, "init-first", container(lasts=1, message=_SUCCESS), inits=(container("init", lasts=_LONG),))
    meanwhile = running(port, made, "init")
    return [seen(meanwhile), seen(ended(port, made))]


# Deletions.


def a_deleted_pod_whose_containers_exit_0_has_succeeded(port: NodePort) -> Facts:
    made = pod(port, "deleted-0", container(at_sigterm=(1, 0), message=_SUCCESS))
    running(port, made)
    delete(port, made)
    return seen(ended(port, made))


def a_deleted_pod_whose_container_exits_143_has_failed(port: NodePort) -> Facts:
    made = pod(port, "deleted-143", container(at_sigterm=(1, 143), message=_STOPPED))
    running(port, made)
    delete(port, made)
    return seen(ended(port, made))


def a_pod_over_its_grace_period_is_killed(port: NodePort) -> Facts:
    made = pod(port, "deaf", container(at_sigterm=None), terminationGracePeriodSeconds=2)
    running(port, made)
    delete(port, made)
    return seen(ended(port, made))


def a_slow_answer_to_sigterm_is_cut_short(port: NodePort) -> Facts:
    made = pod(port, "slow", container(at_sigterm=(9, 0), message=_STOPPED), terminationGracePeriodSeconds=3)
    running(port, made)
    delete(port, made)
    return seen(ended(port, made))


def a_deleted_pods_ends_are_told_together(port: NodePort) -> Facts:
    main, proxy = container(at_sigterm=(0, 0), message=_SUCCESS), container("proxy", at_sigterm=(_LONG, 0))
    made = pod(port, "together", main, proxy)
    running(port, made, "mlrun", "proxy")
    delete(port, made)
    port.wait(3)
    meanwhile = now(port, made)
    return [seen(meanwhile), seen(ended(port, made))]


def a_deleted_pods_native_sidecar_ends_last(port: NodePort) -> Facts:
    proxy = native(at_sigterm=(1, 143))
    made = pod(port, "deleted-native", container(at_sigterm=(1, 0), message=_SUCCESS), inits=(proxy,))
    running(port, made, "mlrun", "proxy")
    delete(port, made)
    return seen(ended(port, made))


def an_end_before_the_deletion_stays(port: NodePort) -> Facts:
    made = pod(port, "ended-first", container(lasts=1, message=_SUCCESS), container("proxy"))
    once(port, made, lambda pod: "terminated" in state(pod, "mlrun"))
    delete(port, made)
    last = ended(port, made)
    return [seen(last), state(last, "mlrun")["terminated"]["message"] == _SUCCESS]


def a_deleted_pod_in_its_init_container(port: NodePort) -> Facts:
    proxy = native(at_sigterm=(1, 0))
    made = pod(port, "deleted-init", container(), inits=(proxy, container("first", lasts=0), container("init")))
    running(port, made, "init")
    delete(port, made)
    return seen(ended(port, made))


def a_pod_that_has_ended_is_deleted_at_once(port: NodePort) -> Facts:
    made = pod(port, "ended", container(lasts=1, message=_SUCCESS), finalizers=[])
    ended(port, made)
    delete(port, made)
    return [port.get("pods", "ended") is None]


def a_force_deleted_pod_is_gone_while_it_runs(port: NodePort) -> Facts:
    made = pod(port, "forced", container(at_sigterm=(_LONG, 143)), finalizers=[])
    made = running(port, made)
    until(port, lambda: port.has_processes(made))
    delete(port, made, grace=0)
    gone, meanwhile = port.get("pods", "forced") is None, port.has_processes(made)
    until(port, lambda: not port.has_processes(made), 30)
    return [gone, meanwhile, port.has_processes(made)]


def a_force_deleted_pod_has_two_seconds_to_end(port: NodePort) -> Facts:
    quick, slow = container(at_sigterm=(0, 143), message=_STOPPED), container("proxy", at_sigterm=(8, 143))
    made = running(port, pod(port, "forced-kept", quick, slow), "mlrun", "proxy")
    delete(port, made, grace=0)
    return seen(ended(port, made))


def a_hook_before_sigterm_counts_to_the_grace_period(port: NodePort) -> Facts:
    hook = {"preStop": {"sleep": {"seconds": 9}}}
    quick = container(at_sigterm=(0, 143), message=_STOPPED, lifecycle=hook)
    slow = container("proxy", at_sigterm=(20, 0), lifecycle=hook)
    made = pod(port, "hook", quick, slow, terminationGracePeriodSeconds=11)
    running(port, made, "mlrun", "proxy")
    delete(port, made)
    port.wait(2)
    meanwhile = now(port, made)
    return [seen(meanwhile), seen(ended(port, made))]


def an_evicted_pod_is_a_disruption(port: NodePort) -> Facts:
    made = pod(port, "evicted", container(at_sigterm=(1, 143), message=_STOPPED))
    running(port, made)
    code = port.evict("evicted")
    return [code, seen(ended(port, made))]


def an_evicted_pod_that_exits_0_has_succeeded(port: NodePort) -> Facts:
    made = pod(port, "evicted-0", container(at_sigterm=(1, 0), message=_SUCCESS))
    running(port, made)
    code = port.evict("evicted-0")
    return [code, seen(ended(port, made))]


def a_suspended_jobs_pods_are_deleted(port: NodePort) -> Facts:
    return [_suspended(port, f"suspended-{code}", code) for code in (143, 0)]


def _suspended(port: NodePort, name: str, code: int) -> Facts:
    template = spec_of(container(at_sigterm=(1, code), message=_STOPPED if code else _SUCCESS))
    about = {"labels": {"example.org/job": name}, "finalizers": [KEPT]}
    job = {"backoffLimit": 0, "template": {"metadata": about, "spec": template}}
    port.create("jobs", {"metadata": {"name": name}, "spec": job})
    made = until(port, lambda: _pods_of(port, name))[0]
    running(port, made)
    port.merge("jobs", name, {"spec": {"suspend": True}})
    return seen(ended(port, made))


# What cannot start.


def a_container_that_cannot_be_started(port: NodePort) -> Facts:
    return seen(ended(port, pod(port, "start-error", container(command=["/nowhere"]))))


def a_sidecar_that_cannot_be_started(port: NodePort) -> Facts:
    main, proxy = container(lasts=3, message=_SUCCESS), container("proxy", command=["/nowhere"])
    return seen(ended(port, pod(port, "sidecar-start-error", main, proxy)))


def an_image_that_cannot_be_pulled(port: NodePort) -> Facts:
    made = pod(port, "no-image", container(image="localhost:1/typo:1"), inits=(container("init", lasts=0),))
    waiting = once(port, made, lambda pod: _waits(pod, "ImagePullBackOff"), 90)
    delete(port, made)
    return [seen(waiting), seen(ended(port, made))]


def a_missing_secret(port: NodePort) -> Facts:
    token = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "missing", "key": "token"}}}
    made = pod(port, "no-secret", container(env=[token]), container("proxy"))
    waiting = once(port, made, lambda pod: _waits(pod, "CreateContainerConfigError") and _has_run(pod, "proxy"))
    delete(port, made)
    return [seen(waiting), seen(ended(port, made))]


def a_node_selector_that_no_node_meets(port: NodePort) -> Facts:
    made = pod(port, "nowhere", nodeSelector={"disk": "nowhere"})
    waiting = once(port, made, lambda pod: pod["status"].get("conditions"))
    delete(port, made)
    return [seen(waiting), seen(ended(port, made))]


# Limits.


def a_container_over_its_memory(port: NodePort) -> Facts:
    hungry = container(flags=["HUNGRY"], resources={"limits": {"memory": "48Mi"}})
    return seen(ended(port, pod(port, "hungry", hungry)))


def a_pod_over_its_own_deadline(port: NodePort) -> Facts:
    made = pod(port, "deadline", container(at_sigterm=(3, 143), message=_STOPPED), activeDeadlineSeconds=15)
    return seen(_stopped(port, made))


def a_pod_over_its_own_deadline_that_exits_0(port: NodePort) -> Facts:
    made = pod(port, "deadline-0", container(at_sigterm=(0, 0), message=_SUCCESS), activeDeadlineSeconds=15)
    return seen(_stopped(port, made))


def _stopped(port: NodePort, made: Object) -> Object:
    """Return the pod once it has ended and no container runs: one that starts at its deadline does for a moment."""
    return once(port, made, lambda pod: is_terminal(pod) and "running" not in state(pod, "mlrun"))


def a_pod_over_the_limit_of_its_volume(port: NodePort) -> Facts:
    """The kubelet removes the containers of an evicted pod, at times before it has told how they ended.

    So either of two ends is right; the operator must read the pod alike without them.
    """
    disk = {"name": "work", "emptyDir": {"sizeLimit": "1Mi"}}
    mounts = [{"name": "work", "mountPath": "/disk"}]
    filling = container(flags=["FILLS"], volumeMounts=mounts, at_sigterm=None)
    last = _reached(port, pod(port, "full", filling, volumes=[disk]), is_terminal, 120)
    port.observe({**last, "status": {**last["status"], "containerStatuses": []}})
    outcome, *containers = seen(last)
    is_told = containers in (["mlrun: Error 137"], ["mlrun: waiting ContainerCreating"])
    return [outcome, is_told, last["status"].get("message")]


# Messages.


def a_message_has_4_kib(port: NodePort) -> Facts:
    made = pod(port, "message", container(lasts=1, message="A" + "x" * 6000 + "Z"))
    return _message(ended(port, made), "mlrun")


def all_messages_have_12_kib(port: NodePort) -> Facts:
    main, others = container(lasts=1, message="A" + "x" * 4000 + "Z"), [container(n, lasts=1) for n in ("b", "c")]
    made = pod(port, "messages", main, *others, inits=(container("init", lasts=0), native()))
    return _message(ended(port, made), "mlrun")


def a_message_is_cut_between_bytes(port: NodePort) -> Facts:
    main, others = container(lasts=1, message="ä" * 2000), [container(n, lasts=1) for n in "bcde"]
    return _message(ended(port, pod(port, "message-bytes", main, *others)), "mlrun")


def _message(of: Object, name: str) -> Facts:
    message = state(of, name)["terminated"].get("message", "")
    return [len(message), message[:1], message[-1:]]


def _restarts(of: Object, name: str) -> int:
    statuses = of["status"].get("initContainerStatuses") or ()
    return next((int(c["restartCount"]) for c in statuses if c["name"] == name), 0)


def _waits(of: Object, reason: str) -> bool:
    return bool(state(of, "mlrun").get("waiting", {}).get("reason") == reason)


def _has_run(of: Object, name: str) -> bool:
    return "running" in state(of, name) or "terminated" in state(of, name)


def _pods_of(port: NodePort, job: str) -> list[Object]:
    return [p for p in port.all("pods") if (p["metadata"].get("labels") or {}).get("example.org/job") == job]


def reading(of: Object) -> Facts:
    """Return how the operator reads a pod, without its words."""
    view = read_pod(of)
    attempt, report = view.attempt, view.result
    told = [attempt.reason, attempt.exit_code, report.reason if report else None]
    flags = ("started", "ended", "succeeded", "phase_succeeded", "disrupted")
    return [*told, *(flag for flag in flags if getattr(view, flag)), *view.lingering, *view.sidecars_running]


RULES: Final[tuple[Rule, ...]] = (
    a_pod_succeeds_when_its_container_exits_0,
    a_pod_fails_by_another_exit_code,
    a_sidecar_keeps_its_pod_and_decides,
    a_native_sidecar_ends_last_and_decides_nothing,
    a_native_sidecar_that_ends_is_restarted,
    a_failed_init_container_ends_its_pod,
    an_init_container_runs_before_the_others,
    a_deleted_pod_whose_containers_exit_0_has_succeeded,
    a_deleted_pod_whose_container_exits_143_has_failed,
    a_pod_over_its_grace_period_is_killed,
    a_slow_answer_to_sigterm_is_cut_short,
    a_deleted_pods_ends_are_told_together,
    a_deleted_pods_native_sidecar_ends_last,
    an_end_before_the_deletion_stays,
    a_deleted_pod_in_its_init_container,
    a_pod_that_has_ended_is_deleted_at_once,
    a_force_deleted_pod_is_gone_while_it_runs,
    a_force_deleted_pod_has_two_seconds_to_end,
    a_hook_before_sigterm_counts_to_the_grace_period,
    an_evicted_pod_is_a_disruption,
    an_evicted_pod_that_exits_0_has_succeeded,
    a_suspended_jobs_pods_are_deleted,
    a_container_that_cannot_be_started,
    a_sidecar_that_cannot_be_started,
    an_image_that_cannot_be_pulled,
    a_missing_secret,
    a_node_selector_that_no_node_meets,
    a_container_over_its_memory,
    a_pod_over_its_own_deadline,
    a_pod_over_its_own_deadline_that_exits_0,
    a_pod_over_the_limit_of_its_volume,
    a_message_has_4_kib,
    all_messages_have_12_kib,
    a_message_is_cut_between_bytes,
)
