"""Every rule of lost nodes that histories rely on, seen alike in the simulator and by the real controllers."""

import pytest
from support.real_port import real_loss
from support.rule_plays import compare
from support.simulator.node_rules import RULES
from support.simulator.ports import SimulatedLoss


def test_the_simulator_loses_nodes_as_kubernetes_does(subtests: pytest.Subtests) -> None:
    compare(subtests, RULES, real_loss, SimulatedLoss)
