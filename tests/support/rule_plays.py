"""Rules played on a real cluster and on the simulator: all at once, since each mostly waits."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import pytest
from support.kube import Object
from support.real_port import rules_namespace
from support.simulator.kubelet_rules import reading
from support.simulator.kubernetes_rules import Facts


class PlayedPort(Protocol):
    """A port that keeps the pods that were looked at."""

    observed: list[Object]


P = TypeVar("P", bound=PlayedPort)


def compare(
    subtests: pytest.Subtests,
    rules: Sequence[Callable[[Any], Facts]],
    real: Callable[[str], AbstractContextManager[P]],
    simulated: Callable[[], PlayedPort],
) -> None:
    """Play each rule on a real and on a simulated port: both see the same, and the operator reads the same pods."""

    def play(rule: Callable[[Any], Facts], namespace: str) -> tuple[Facts, list[Object]]:
        with real(namespace) as port:
            return rule(port), port.observed

    with rules_namespace() as namespace, ThreadPoolExecutor(len(rules)) as pool:
        plays = {rule: pool.submit(play, rule, namespace) for rule in rules}
        for rule, played in plays.items():
            with subtests.test(rule.__name__):
                facts, pods = played.result()
                port = simulated()
                assert facts == rule(port)
                assert [reading(pod) for pod in pods] == [reading(pod) for pod in port.observed]
