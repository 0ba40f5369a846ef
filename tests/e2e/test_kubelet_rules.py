"""Every rule of the kubelet that histories rely on, seen alike in the simulator and on the real node.

All rules are played at once, since each mostly waits.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.kube import Object
from support.real_port import real_nodes, rules_namespace
from support.simulator.kubelet_rules import RULES, Facts, Rule, reading
from support.simulator.ports import SimulatedNodes


def play(rule: Rule, namespace: str) -> tuple[Facts, list[Object]]:
    """Return what is seen on the real node, and the pods that were looked at."""
    with real_nodes(namespace) as port:
        return rule(port), port.observed


def test_the_simulator_does_as_the_kubelet_does(subtests: pytest.Subtests) -> None:
    with rules_namespace() as namespace, ThreadPoolExecutor(len(RULES)) as pool:
        plays = {rule: pool.submit(play, rule, namespace) for rule in RULES}
        for rule, played in plays.items():
            with subtests.test(rule.__name__):
                facts, pods = played.result()
                simulated = SimulatedNodes()
                assert facts == rule(simulated)
                assert [reading(pod) for pod in pods] == [reading(pod) for pod in simulated.observed]
