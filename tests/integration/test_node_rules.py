"""Every rule of lost nodes that histories rely on, seen alike in the simulator and by the real controllers.

All rules are played at once, since each mostly waits: for a minute, which the real controllers take.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.kube import Object
from support.real_port import real_loss, rules_namespace
from support.simulator.kubelet_rules import reading
from support.simulator.node_rules import RULES, Facts, Rule
from support.simulator.ports import SimulatedLoss


def play(rule: Rule, namespace: str) -> tuple[Facts, list[Object]]:
    """Return what is seen on the real control plane, and the pods that were looked at."""
    with real_loss(namespace) as port:
        return rule(port), port.observed


def test_the_simulator_loses_nodes_as_kubernetes_does(subtests: pytest.Subtests) -> None:
    with rules_namespace() as namespace, ThreadPoolExecutor(len(RULES)) as pool:
        plays = {rule: pool.submit(play, rule, namespace) for rule in RULES}
        for rule, played in plays.items():
            with subtests.test(rule.__name__):
                facts, pods = played.result()
                simulated = SimulatedLoss()
                assert facts == rule(simulated)
                assert [reading(pod) for pod in pods] == [reading(pod) for pod in simulated.observed]
