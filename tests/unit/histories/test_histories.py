"""The machine that plays histories: a seed is a history, faults are seen, a found history is short and can be run."""

from support.simulator.history import STEPS, Call, grow, kind_of, play, program_of, shorten
from support.simulator.objects import Object
from support.simulator.rest import come_to_rest
from support.simulator.world import TEAM, World


def test_a_seed_is_one_history() -> None:
    first, _ = grow(7)
    second, _ = grow(7)
    other, _ = grow(8)
    assert first == second
    assert first != other


def test_histories_do_something() -> None:
    verbs = {call.verb for seed in range(40) for call in grow(seed)[0]}
    assert {"create", "edit", "pod_runs", "pod_ends", "die", "hold", "delete_job", "lose_node", "wait"} <= verbs
    assert all(len(grow(seed)[0]) <= STEPS for seed in range(5))


def test_a_happy_run_breaks_nothing() -> None:
    world = play([Call("create", ("a",)), Call("pod_runs"), Call("pod_ends")])
    assert world.broken == []
    assert world.server.require("mlrunruns", TEAM, "a")["status"]["phase"] == "Succeeded"


def test_a_program_can_be_run() -> None:
    text = program_of([Call("create", ("a",), {"replicas": 2}), Call("wait", (5,))], ["why"])
    assert "    world.create('a', replicas=2)\n    world.wait(5)\n    come_to_rest(world)" in text
    compile(text.replace("…", "it"), "program", "exec")


# What is broken is seen: each by a world in which somebody breaks it.


def status_of(world: World, **changes: object) -> None:
    run = world.server.require("mlrunruns", TEAM, "a")
    world.server.update_status("mlrunruns", run, {**run["status"], **changes})
    world.ledger.check()


def copied_job(world: World, name: str, **annotations: str) -> Object:
    job = world.server.all("jobs")[0]
    about = {"name": name, "namespace": TEAM, "ownerReferences": job["metadata"]["ownerReferences"]}
    notes = {**job["metadata"]["annotations"], **annotations}
    return world.server.create("jobs", {"metadata": {**about, "annotations": notes}, "spec": job["spec"]})


def started(**spec: object) -> World:
    world = World()
    world.create("a", **spec)
    world.pod_runs()
    assert world.broken == []
    return world


def test_two_executions_at_once_are_seen() -> None:
    world = started()
    world.server.patch("mlrunruns", TEAM, "a", {"spec": {"rerun": "x"}})
    copied_job(world, "other", **{"mlrun-operator.dev/execution": "2", "mlrun-operator.dev/run-generation": "2"})
    world.jobs.sync_all()
    world.ledger.check()
    assert kind_of(world.broken[0]) == "pods of two executions may run at"


def test_a_start_without_a_cause_is_seen() -> None:
    world = started()
    copied_job(world, "other", **{"mlrun-operator.dev/execution": "2"})
    assert kind_of(world.broken[0]) == "execution started without an edit, a rerun"


def test_a_second_job_of_a_recorded_execution_is_seen() -> None:
    world = started()
    job = world.server.all("jobs")[0]
    status_of(world, execution={"number": 1, "hash": "v1-0", "jobUID": job["metadata"]["uid"]})
    copied_job(world, "other")
    assert kind_of(world.broken[0]) == "execution has a second Job, though it"


def test_an_end_that_is_taken_back_is_seen() -> None:
    world = started()
    world.pod_ends()
    status_of(world, phase="Running", reason="Running")
    assert kind_of(world.broken[0]) == "execution was over as Succeeded and is"


def test_a_reason_that_contradicts_its_phase_is_seen() -> None:
    world = started()
    status_of(world, phase="Failed", reason="Succeeded")
    assert "phase Failed has reason Succeeded" in world.broken[0]


def test_a_lost_report_is_seen() -> None:
    world = started()
    world.pod_ends()
    status_of(world, results={})
    assert kind_of(world.broken[0]) == "the report of is neither in the"


def test_a_report_that_was_shown_and_is_missed_is_seen() -> None:
    world = started()
    assert world.operator is not None
    world.operator.work = lambda: False  # type: ignore[method-assign]
    world.pod_ends()
    missing = [{"type": "ResultMissing", "status": "True", "reason": "ResultMissing", "message": ""}]
    status_of(world, phase="Succeeded", reason="Succeeded", conditions=missing)
    assert kind_of(world.broken[0]) == "the report of was shown, and the"


def test_a_run_that_never_ends_is_seen_at_rest() -> None:
    world = started()
    assert world.operator is not None
    world.operator.work = lambda: False  # type: ignore[method-assign]
    come_to_rest(world)
    assert "a: at rest it is Running/Running: None" in world.broken


def test_a_write_at_rest_is_seen() -> None:
    world = started()
    world.pod_ends()
    assert world.operator is not None
    work = world.operator.work

    def also_write() -> bool:
        world.requests.append(("PUT status", "mlrunruns", "a"))
        return work()

    world.operator.work = also_write  # type: ignore[method-assign]
    come_to_rest(world)
    assert kind_of(world.broken[0]) == "the operator writes at rest:"


def test_a_history_is_shortened_to_what_breaks() -> None:
    calls = [Call("create", ("a",)), Call("wait", (1,)), Call("break_it"), Call("wait", (1,))]

    def break_it(world: World) -> None:
        if world.server.get("mlrunruns", TEAM, "a"):
            world.ledger.broken.append("a: it is broken")

    World.break_it = break_it  # type: ignore[attr-defined]
    try:
        assert shorten(calls, "it is broken") == [Call("create", ("a",)), Call("break_it")]
    finally:
        del World.break_it  # type: ignore[attr-defined]
