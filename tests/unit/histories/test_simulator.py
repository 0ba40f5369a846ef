"""The simulated API server, its watches and its kubelet: what histories rely on, beside the controllers' rules."""

import pytest
from support.simulator.api_server import ApiServer
from support.simulator.clock import Clock
from support.simulator.objects import Object
from support.simulator.world import TEAM, World

from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.resources import RUNS


@pytest.fixture
def server() -> ApiServer:
    return ApiServer(Clock())


def run(name: str = "a", **meta: object) -> Object:
    return {"metadata": {"name": name, "namespace": TEAM, **meta}, "spec": {"parameters": {"x": 1}}}


def code_of(refusal: pytest.ExceptionInfo[ApiError]) -> tuple[int, str]:
    return refusal.value.code, refusal.value.reason


def test_a_name_is_taken_once(server: ApiServer) -> None:
    server.create("mlrunruns", run())
    with pytest.raises(ApiError) as refusal:
        server.create("mlrunruns", run())
    assert code_of(refusal) == (409, "AlreadyExists")


def test_a_write_on_an_older_state_is_a_conflict(server: ApiServer) -> None:
    old = server.create("mlrunruns", run())
    server.update_status("mlrunruns", old, {"phase": "Pending"})
    with pytest.raises(ApiError) as refusal:
        server.update_status("mlrunruns", old, {"phase": "Running"})
    assert code_of(refusal) == (409, "Conflict")


def test_a_deletion_of_another_uid_is_a_conflict(server: ApiServer) -> None:
    server.create("mlrunruns", run())
    with pytest.raises(ApiError) as refusal:
        server.delete("mlrunruns", TEAM, "a", preconditions={"uid": "another"})
    assert code_of(refusal) == (409, "Conflict")


def test_the_generation_counts_changes_of_the_spec_alone(server: ApiServer) -> None:
    made = server.create("mlrunruns", run())
    made = server.update_status("mlrunruns", made, {"phase": "Pending"})
    made = server.patch("mlrunruns", TEAM, "a", {"metadata": {"labels": {"l": "1"}}, "status": {"phase": "Failed"}})
    assert (made["metadata"]["generation"], made["status"]) == (1, {"phase": "Pending"})
    assert server.patch("mlrunruns", TEAM, "a", {"spec": {"stop": True}})["metadata"]["generation"] == 2


def test_a_write_that_changes_nothing_is_no_change(server: ApiServer) -> None:
    made = server.create("mlrunruns", run())
    again = server.patch("mlrunruns", TEAM, "a", {"spec": {"parameters": {"x": 1}}})
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_finalizer_holds_an_object_that_was_deleted(server: ApiServer) -> None:
    server.create("mlrunruns", run(finalizers=["example.org/keep"]))
    server.delete("mlrunruns", TEAM, "a")
    held = server.require("mlrunruns", TEAM, "a")
    assert "deletionTimestamp" in held["metadata"]
    server.set_meta("mlrunruns", held, finalizers=None)
    assert server.get("mlrunruns", TEAM, "a") is None


def test_a_jobs_uid_and_creation_time_stay_with_every_write(server: ApiServer) -> None:
    made = server.create("mlrunruns", run())
    changed = {**made, "metadata": {**made["metadata"], "creationTimestamp": "2001-01-01T00:00:00Z"}}
    assert server.update("mlrunruns", changed)["metadata"]["creationTimestamp"] == "2026-11-23T12:00:00Z"


# Watches.


def seen_phase(world: World, name: str = "a") -> str | None:
    assert world.operator is not None
    run = world.operator.index.get(RUNS, TEAM, name)
    return (run or {}).get("status", {}).get("phase") if run else None


def test_a_held_watch_shows_nothing_until_it_is_released() -> None:
    world = World()
    world.hold("mlrunruns")
    world.create("a")
    assert seen_phase(world) is None
    world.release()
    assert seen_phase(world) == "Pending"


def test_a_lost_watch_is_made_up_for_by_a_listing() -> None:
    world = World()
    world.create("a")
    world.hold("jobs")
    world.delete_job(0)
    world.lose("jobs")
    world.release()
    assert world.operator is not None
    job = world.server.all("jobs")
    assert [*world.operator.index.sizes().items()][3] == ("jobs", len(job))


def test_an_object_that_leaves_the_selector_is_told_as_deleted() -> None:
    world = World()
    world.create("a")
    assert world.operator is not None
    intake, deleted = world.operator.watches["jobs"]._intake, list[Object]()
    intake.on_delete = lambda _, obj: deleted.append(obj)  # type: ignore[method-assign,assignment]
    world.patch_job(0, "manager")
    assert [job["metadata"]["name"] for job in deleted] == [job["metadata"]["name"] for job in world.server.all("jobs")]


# The operator's death.


def test_a_death_before_a_request_leaves_it_undone() -> None:
    world = World()
    world.die(1, after=False, seconds=10)
    world.create("a")
    assert (world.operator, world.server.all("jobs")) == (None, [])
    world.wait(11)
    assert (world.operator is not None, len(world.server.all("jobs"))) == (True, 1)


def test_a_death_after_a_request_leaves_it_done() -> None:
    world = World()
    world.die(1, after=True, seconds=10)
    world.create("a")
    assert (world.operator, len(world.server.all("jobs"))) == (None, 1)


def test_somebody_may_act_in_the_middle_of_the_operators_work() -> None:
    world = World()
    world.interrupt(1, "edit", name="a", parameters={"x": 2})
    world.create("a")
    assert world.server.require("mlrunruns", TEAM, "a")["metadata"]["generation"] == 2


# The kubelet.


def only_pod(world: World) -> Object:
    return world.server.all("pods")[0]


SIDECAR = {"spec": {"containers": [{"name": "mlrun"}, {"name": "proxy", "image": "example.org/proxy:1"}]}}


def test_a_pod_has_ended_when_all_its_containers_have() -> None:
    world = World()
    world.create("a", podTemplate=SIDECAR)
    world.pod_runs()
    world.kubelet.end(only_pod(world), "Succeeded", 0)
    assert only_pod(world)["status"]["phase"] == "Running"
    world.kubelet.end_sidecar(only_pod(world), 3)
    assert only_pod(world)["status"]["phase"] == "Failed"


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (143, "Failed")])
def test_a_deleted_pods_phase_goes_by_its_exit_codes(code: int, phase: str) -> None:
    world = World()
    phases: list[str] = []
    world.server.observers.append(lambda change: phases.append(str(change.last.get("status", {}).get("phase"))))
    world.sigterm(3, code)
    world.create("a")
    world.pod_runs()
    world.server.delete("pods", TEAM, only_pod(world)["metadata"]["name"])
    world.wait(4)
    assert phase in phases


def test_a_pod_that_does_not_end_in_time_is_killed_without_a_report() -> None:
    world = World()
    codes: list[int] = []

    def look(change: object) -> None:
        for state in getattr(change, "last", {}).get("status", {}).get("containerStatuses") or ():
            if "terminated" in state["state"]:
                codes.append(state["state"]["terminated"]["exitCode"])

    world.server.observers.append(look)
    world.sigterm(40, 143)
    world.create("a")
    world.pod_runs()
    world.delete_pod()
    world.wait(31)
    assert set(codes) == {137}


def test_a_lost_nodes_pod_stays_with_its_phase() -> None:
    world = World()
    world.create("a")
    world.pod_runs()
    world.lose_node()
    world.wait(351)
    pod = only_pod(world)
    assert (pod["status"]["phase"], "deletionTimestamp" in pod["metadata"]) == ("Running", True)
    assert [c["reason"] for c in pod["status"]["conditions"] if c["type"] == "DisruptionTarget"] == [
        "DeletionByTaintManager"
    ]


def test_a_removed_nodes_pod_fails_and_goes() -> None:
    world = World()
    phases: list[str] = []
    world.server.observers.append(lambda change: phases.append(str(change.last.get("status", {}).get("phase"))))
    world.create("a")
    name = only_pod(world)["metadata"]["name"]
    world.pod_runs()
    world.remove_node()
    world.wait(51)
    assert (world.server.get("pods", TEAM, name), "Failed" in phases) == (None, True)
