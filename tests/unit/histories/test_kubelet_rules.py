"""The rules of kubelets and lost nodes in the simulator, fast; that the real ones do the same needs a cluster.

Beside each stands the reason that the operator gives for the pod at last.
"""

from collections.abc import Callable
from typing import Any

import pytest
from support.simulator import kubelet_rules as kubelet
from support.simulator import node_rules as nodes
from support.simulator.kubelet_rules import Facts, reading
from support.simulator.ports import SimulatedLoss, SimulatedNodes

_KUBELET: dict[Callable[..., Facts], tuple[Facts, str | None]] = {
    kubelet.a_pod_succeeds_when_its_container_exits_0: (["Succeeded", "mlrun: Completed 0"], "Succeeded"),
    kubelet.a_pod_fails_by_another_exit_code: (["Failed", "mlrun: Error 1"], "HandlerFailed"),
    kubelet.a_sidecar_keeps_its_pod_and_decides: (
        [["Running", "mlrun: Completed 0", "proxy: running"], ["Failed", "mlrun: Completed 0", "proxy: Error 3"]],
        "PodFailing",
    ),
    kubelet.a_native_sidecar_ends_last_and_decides_nothing: (
        [["Running", "proxy: running", "mlrun: Completed 0"], ["Succeeded", "proxy: Error 5", "mlrun: Completed 0"]],
        "Succeeded",
    ),
    kubelet.a_native_sidecar_that_ends_is_restarted: ([True, "Succeeded"], "Succeeded"),
    kubelet.a_failed_init_container_ends_its_pod: (
        ["Failed", "init: Error 3", "mlrun: waiting PodInitializing"],
        "PodFailing",
    ),
    kubelet.an_init_container_runs_before_the_others: (
        [
            ["Pending", "init: running", "mlrun: waiting PodInitializing"],
            ["Succeeded", "init: Completed 0", "mlrun: Completed 0"],
        ],
        "Succeeded",
    ),
    kubelet.a_deleted_pod_whose_containers_exit_0_has_succeeded: (
        ["Succeeded", "deleted", "mlrun: Completed 0"],
        "Succeeded",
    ),
    kubelet.a_deleted_pod_whose_container_exits_143_has_failed: (
        ["Failed", "deleted", "mlrun: Error 143"],
        "Terminated",
    ),
    kubelet.a_pod_over_its_grace_period_is_killed: (["Failed", "deleted", "mlrun: Error 137"], "Terminated"),
    kubelet.a_slow_answer_to_sigterm_is_cut_short: (["Failed", "deleted", "mlrun: Error 137"], "Terminated"),
    kubelet.a_deleted_pods_ends_are_told_together: (
        [
            ["Running", "deleted", "mlrun: running", "proxy: running"],
            ["Succeeded", "deleted", "mlrun: Completed 0", "proxy: Completed 0"],
        ],
        "Succeeded",
    ),
    kubelet.a_deleted_pods_native_sidecar_ends_last: (
        ["Succeeded", "deleted", "proxy: Error 143", "mlrun: Completed 0"],
        "Succeeded",
    ),
    kubelet.an_end_before_the_deletion_stays: (
        [["Failed", "deleted", "mlrun: Completed 0", "proxy: Error 143"], True],
        "PodFailing",
    ),
    kubelet.a_deleted_pod_in_its_init_container: (
        [
            "Failed",
            "deleted",
            "proxy: Completed 0",
            "first: Completed 0",
            "init: Error 143",
            "mlrun: waiting PodInitializing",
        ],
        "PodFailing",
    ),
    kubelet.a_pod_that_has_ended_is_deleted_at_once: ([True], "Succeeded"),
    kubelet.a_force_deleted_pod_is_gone_while_it_runs: ([True, True, False], None),
    kubelet.a_force_deleted_pod_has_two_seconds_to_end: (
        ["Failed", "deleted", "mlrun: Error 143", "proxy: Error 137"],
        "Terminated",
    ),
    kubelet.a_hook_before_sigterm_counts_to_the_grace_period: (
        [
            ["Running", "deleted", "mlrun: running", "proxy: running"],
            ["Failed", "deleted", "mlrun: Error 143", "proxy: Error 137"],
        ],
        "Terminated",
    ),
    kubelet.an_evicted_pod_is_a_disruption: (
        [200, ["Failed", "deleted", "DisruptionTarget/EvictionByEvictionAPI", "mlrun: Error 143"]],
        "Evicted",
    ),
    kubelet.an_evicted_pod_that_exits_0_has_succeeded: (
        [200, ["Succeeded", "deleted", "DisruptionTarget/EvictionByEvictionAPI", "mlrun: Completed 0"]],
        "Succeeded",
    ),
    kubelet.a_suspended_jobs_pods_are_deleted: (
        [["Failed", "deleted", "mlrun: Error 143"], ["Succeeded", "deleted", "mlrun: Completed 0"]],
        "Succeeded",
    ),
    kubelet.a_container_that_cannot_be_started: (["Failed", "mlrun: StartError 128"], "PodFailing"),
    kubelet.a_sidecar_that_cannot_be_started: (
        ["Failed", "mlrun: Completed 0", "proxy: StartError 128"],
        "PodFailing",
    ),
    kubelet.an_image_that_cannot_be_pulled: (
        [
            ["Pending", "init: Completed 0", "mlrun: waiting ImagePullBackOff"],
            ["Failed", "deleted", "init: Completed 0", "mlrun: ContainerStatusUnknown 137"],
        ],
        "PodFailing",
    ),
    kubelet.a_missing_secret: (
        [
            ["Pending", "mlrun: waiting CreateContainerConfigError", "proxy: running"],
            ["Failed", "deleted", "mlrun: ContainerStatusUnknown 137", "proxy: Error 143"],
        ],
        "PodFailing",
    ),
    kubelet.a_node_selector_that_no_node_meets: (
        [["Pending", "PodScheduled/Unschedulable"], ["Failed", "deleted", "PodScheduled/Unschedulable"]],
        "PodFailing",
    ),
    kubelet.a_container_over_its_memory: (["Failed", "mlrun: OOMKilled 137"], "OOMKilled"),
    kubelet.a_pod_over_its_own_deadline: (["Failed/DeadlineExceeded", "mlrun: Error 143"], "DeadlineExceeded"),
    kubelet.a_pod_over_its_own_deadline_that_exits_0: (
        ["Failed/DeadlineExceeded", "mlrun: Completed 0"],
        "DeadlineExceeded",
    ),
    kubelet.a_pod_over_the_limit_of_its_volume: (
        ["Failed/Evicted", True, 'Usage of EmptyDir volume "work" exceeds the limit "1Mi". '],
        "PodFailing",
    ),
    kubelet.a_message_has_4_kib: ([4096, "x", "Z"], "Succeeded"),
    kubelet.all_messages_have_12_kib: ([2457, "A", "x"], "Succeeded"),
    kubelet.a_message_is_cut_between_bytes: ([1229, "ä", "\ufffd"], "Succeeded"),
}
_NODES: dict[Callable[..., Facts], tuple[Facts, str | None]] = {
    nodes.a_silent_nodes_pod_is_deleted_and_keeps_its_phase: (
        [
            ["Running", "mlrun: running"],
            ["Running", "deleted", "DisruptionTarget/DeletionByTaintManager", "mlrun: running"],
        ],
        None,
    ),
    nodes.a_silent_nodes_pod_that_has_not_started: (
        [["Pending"], ["Pending", "deleted", "DisruptionTarget/DeletionByTaintManager"]],
        None,
    ),
    nodes.a_silent_nodes_pod_that_tolerates_it: (["Running", "mlrun: running"], None),
    nodes.a_removed_nodes_pod_fails_and_goes: (
        [["Running", "mlrun: running"], ["Failed", "deleted", "DisruptionTarget/DeletionByPodGC", "mlrun: running"]],
        "Evicted",
    ),
    nodes.a_removed_nodes_pod_that_has_not_started: (
        [["Pending"], ["Failed", "deleted", "DisruptionTarget/DeletionByPodGC"]],
        "Evicted",
    ),
    nodes.a_removed_nodes_pod_that_was_deleted: (
        [
            ["Running", "deleted", "mlrun: running"],
            ["Failed", "deleted", "DisruptionTarget/DeletionByPodGC", "mlrun: running"],
        ],
        "Evicted",
    ),
    nodes.a_removed_nodes_pod_that_succeeded: (["Succeeded", "deleted", "mlrun: 0"], "Succeeded"),
    nodes.a_removed_nodes_pod_is_gone: ([True], None),
}


@pytest.mark.parametrize(
    ("rule", "port"),
    [*((rule, SimulatedNodes) for rule in _KUBELET), *((rule, SimulatedLoss) for rule in _NODES)],
    ids=lambda value: value.__name__,
)
def test_the_simulator_knows(rule: Callable[..., Facts], port: Callable[[], Any]) -> None:
    used = port()
    facts, reason = (_KUBELET | _NODES)[rule]
    assert rule(used) == facts
    assert [reading(pod)[0] for pod in used.observed[-1:]] == [reason] * len(used.observed[-1:])


def test_no_rule_is_left_out() -> None:
    assert (set(kubelet.RULES), set(nodes.RULES)) == (set(_KUBELET), set(_NODES))
