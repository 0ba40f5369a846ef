"""Every rule of the kubelet that histories rely on, seen alike in the simulator and on the real node."""

import pytest
from support.real_port import real_nodes
from support.rule_plays import compare
from support.simulator.kubelet_rules import RULES
from support.simulator.ports import SimulatedNodes


def test_the_simulator_does_as_the_kubelet_does(subtests: pytest.Subtests) -> None:
    compare(subtests, RULES, real_nodes, SimulatedNodes)
