"""Every rule of Kubernetes that histories rely on, seen alike in the simulator and on the real control plane."""

import pytest
from support.real_port import real_port
from support.simulator.kubernetes_rules import Rule, rules
from support.simulator.ports import SimulatedPort


@pytest.mark.parametrize("rule", list(rules()), ids=lambda rule: rule.__name__)
def test_the_simulator_does_as_kubernetes_does(rule: Rule) -> None:
    with real_port() as port:
        assert rule(port) == rule(SimulatedPort())
