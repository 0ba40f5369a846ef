"""Rules of lost nodes that the simulator must have: what the taint manager and the pod collector do to their pods.

The same rules are played on the real controllers (tests/integration/test_node_rules.py), on nodes that nobody serves.
"""

from collections.abc import Callable
from typing import Final, Protocol

from support.simulator.kubelet_rules import KEPT, ObservingPort, container, now, once, seen, spec_of
from support.simulator.kubernetes_rules import Facts, ends, is_going, runs, until
from support.simulator.objects import Object, is_terminal

UNREACHABLE: Final = "node.kubernetes.io/unreachable"


class LossPort(ObservingPort, Protocol):
    """A cluster with a node of the rule's own, which answers until it falls silent and has no kubelet."""

    def fall_silent(self, pod: Object) -> None:
        """From now on nothing is heard of the pod's node."""

    def remove_node(self, pod: Object) -> None:
        """Take the pod's node away."""


Rule = Callable[[LossPort], Facts]


def pod(port: LossPort, name: str, tolerates: int = 5) -> Object:
    """Create a pod on the port's node."""
    toleration = {"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": tolerates}
    spec = spec_of(container(), nodeName=port.node, tolerations=[toleration], terminationGracePeriodSeconds=2)
    return port.create("pods", {"metadata": {"name": name, "finalizers": [KEPT]}, "spec": spec})


def a_silent_nodes_pod_is_deleted_and_keeps_its_phase(port: LossPort) -> Facts:
    made = pod(port, "silent")
    runs(port, made)
    return _lost(port, made)


def a_silent_nodes_pod_that_has_not_started(port: LossPort) -> Facts:
    return _lost(port, pod(port, "silent-pending"))


def _lost(port: LossPort, made: Object) -> Facts:
    port.fall_silent(made)
    port.wait(35)
    meanwhile = seen(now(port, made))
    once(port, made, is_going)
    port.wait(6)  # more than its grace period
    return [meanwhile, seen(now(port, made))]


def a_silent_nodes_pod_that_tolerates_it(port: LossPort) -> Facts:
    made = pod(port, "tolerant", tolerates=300)
    runs(port, made)
    port.fall_silent(made)
    port.wait(66)
    return seen(now(port, made))


def a_removed_nodes_pod_fails_and_goes(port: LossPort) -> Facts:
    made = pod(port, "orphaned")
    runs(port, made)
    return _removed(port, made)


def a_removed_nodes_pod_that_has_not_started(port: LossPort) -> Facts:
    return _removed(port, pod(port, "orphaned-pending"))


def a_removed_nodes_pod_that_was_deleted(port: LossPort) -> Facts:
    made = pod(port, "orphaned-deleted")
    runs(port, made)
    port.delete("pods", "orphaned-deleted")
    return _removed(port, made)


def _removed(port: LossPort, made: Object) -> Facts:
    port.remove_node(made)
    port.wait(30)
    meanwhile = seen(now(port, made))
    return [meanwhile, seen(once(port, made, is_terminal, 80))]


def a_removed_nodes_pod_that_succeeded(port: LossPort) -> Facts:
    made = pod(port, "orphaned-over")
    ends(port, made, 0)
    port.remove_node(made)
    return seen(once(port, made, is_going, 100))


def a_removed_nodes_pod_is_gone(port: LossPort) -> Facts:
    made = pod(port, "orphaned-gone")
    runs(port, made)
    port.merge("pods", "orphaned-gone", {"metadata": {"finalizers": None}})
    port.remove_node(made)
    until(port, lambda: port.get("pods", "orphaned-gone") is None, 100)
    return [port.get("pods", "orphaned-gone") is None]


RULES: Final[tuple[Rule, ...]] = (
    a_silent_nodes_pod_is_deleted_and_keeps_its_phase,
    a_silent_nodes_pod_that_has_not_started,
    a_silent_nodes_pod_that_tolerates_it,
    a_removed_nodes_pod_fails_and_goes,
    a_removed_nodes_pod_that_has_not_started,
    a_removed_nodes_pod_that_was_deleted,
    a_removed_nodes_pod_that_succeeded,
    a_removed_nodes_pod_is_gone,
)
