"""What happens while the operator is down is found when it is back, and two at once do no harm."""

from pathlib import Path

from support.kube import Kube, eventually, function, run
from support.operators import Operator


def test_a_run_that_ends_while_the_operator_is_down_is_recorded_when_it_is_back(
    kube: Kube, operator: Operator, tmp_path: Path
) -> None:
    kube.apply(function("fn"), run("alone", parameters={"sleep": 3, "results": {"kept": True}}))
    kube.reaches("alone", phase="Running")
    operator.kill()
    (job,) = kube.jobs("alone")
    kube.kubectl("wait", f"job/{job['metadata']['name']}", "--for=condition=Complete", "--timeout=60s")
    assert kube.status("alone")["phase"] == "Running"
    operator.start()
    assert kube.finished("alone")["results"]["kept"] is True


def test_an_edit_while_the_operator_is_down_becomes_the_next_execution(kube: Kube, operator: Operator) -> None:
    kube.apply(function("fn"), run("edited", parameters={"sleep": 3}))
    kube.reaches("edited", phase="Running")
    operator.kill()
    kube.patch("edited", parameters={"results": {"second": True}, "sleep": None})
    operator.start()
    eventually(lambda: kube.status("edited").get("results") == {"second": True, "execution": 2}, "execution 2")
    assert len(kube.jobs("edited")) == 2


def test_two_operators_at_once_run_nothing_twice(kube: Kube, operator: Operator, tmp_path: Path) -> None:
    from support.operators import operator_of

    (tmp_path / "second").mkdir()
    with operator_of(kube, tmp_path / "second") as second:
        second.start()
        operator.ready()
        second.ready()
        kube.apply(function("fn"), *(run(f"run-{n}") for n in range(5)))
        for n in range(5):
            assert kube.finished(f"run-{n}")["phase"] == "Succeeded"
            assert len(kube.jobs(f"run-{n}")) == 1
            assert len(kube.events(f"run-{n}")) <= 4
