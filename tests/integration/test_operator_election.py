"""Two operators: one leads, the other stands by with warm caches and takes over; nobody writes without the lease."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kube import Kube, eventually, function, run
from support.operators import Operator, operator_of


@pytest.fixture
def pair(kube: Kube, tmp_path: Path) -> Iterator[tuple[Operator, Operator]]:
    (tmp_path / "standby").mkdir()
    lease = {"MLRUN_OPERATOR_LEASE_NAMESPACE": kube.namespace}
    with operator_of(kube, tmp_path, **lease) as leader, operator_of(kube, tmp_path / "standby", **lease) as standby:
        leader.start()
        eventually(lambda: "is the leader" in leader.log.read_text(), "the first one leads", 30)
        standby.start()
        standby.ready()
        yield leader, standby


def holder(kube: Kube) -> str:
    return str(kube.get("lease", "mlrun-operator")["spec"].get("holderIdentity", ""))


def test_a_standby_does_nothing_while_the_leader_leads(kube: Kube, pair: tuple[Operator, Operator]) -> None:
    leader, standby = pair
    kube.apply(function("fn"), run("one"))
    assert kube.finished("one")["phase"] == "Succeeded"
    assert "created Job" in leader.log.read_text()
    assert "created Job" not in standby.log.read_text()


def test_the_standby_takes_over_from_a_killed_leader_within_20_seconds(
    kube: Kube, pair: tuple[Operator, Operator]
) -> None:
    leader, _ = pair
    kube.apply(function("fn"), run("before", parameters={"sleep": 5}))
    kube.reaches("before", phase="Running")
    leader.kill()
    killed = time.monotonic()
    kube.apply(run("after"))
    assert kube.finished("after")["phase"] == "Succeeded"
    assert time.monotonic() - killed < 30, "20 s for the lease, the rest for the run itself"
    assert kube.finished("before")["phase"] == "Succeeded"
    assert len(kube.jobs("before")) == len(kube.jobs("after")) == 1


def test_a_leader_that_stops_in_good_order_gives_the_lease_back(kube: Kube, pair: tuple[Operator, Operator]) -> None:
    leader, standby = pair
    first = holder(kube)
    assert leader.stop() == 0
    eventually(lambda: holder(kube) not in ("", first), "the standby holds the lease", 8)
    assert "is the leader" in standby.log.read_text()


def test_a_leader_that_loses_the_lease_ends(kube: Kube, pair: tuple[Operator, Operator]) -> None:
    leader, _ = pair
    stranger = {"spec": {"holderIdentity": "a stranger", "leaseDurationSeconds": 60}}
    kube.kubectl("patch", "lease", "mlrun-operator", "--type=merge", "-p", json.dumps(stranger))
    assert leader.ended(30) == 3
    assert "the lease is lost" in leader.log.read_text()
