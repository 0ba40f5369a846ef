"""What a process keeps of the artifacts that it logs, and the interface by which mlrun speaks to it."""

import inspect
import warnings
from typing import Any

import pytest

from mlrun_wrapper.executor.filters import conditions_of, filtered, matches

with warnings.catch_warnings(action="ignore"):  # mlrun's own, of pydantic
    import mlrun
    from mlrun.db.base import RunDBInterface

    from mlrun_wrapper.executor import database
    from mlrun_wrapper.executor.artifacts import Logged, LoggedArtifacts, newest_versions


def logged(
    key: str, name: str, iteration: int = 0, kind: str = "artifact", tags: tuple[str, ...] = (), **spec: Any
) -> Logged:
    producer = {"kind": "run", "name": "job"}
    document = {"kind": kind, "metadata": {"key": name}, "spec": {"producer": producer, **spec}}
    return Logged(key, "run", iteration, 0, document, tags)


@pytest.mark.parametrize(
    ("key", "chosen"), [("job_model", "model"), ("model", "model"), ("mine", "mine"), ("", "model")]
)
def test_the_key_that_mlrun_makes_is_not_a_chosen_one(key: str, chosen: str) -> None:
    assert logged(key, "model").chosen_key == chosen


def test_the_same_key_of_the_same_iteration_is_replaced() -> None:
    kept = LoggedArtifacts()
    for each in (logged("job_a", "a"), logged("job_a", "a", iteration=1), logged("job_a", "a", size=7)):
        kept.keep(each)
    assert [(each.iteration, each.document["spec"].get("size")) for each in kept] == [(1, None), (0, 7)]


def tags_of(kept: LoggedArtifacts) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.document["spec"]["target_path"], each.tags) for each in kept]


def test_a_version_stays_under_a_tag_that_it_alone_has() -> None:
    kept = LoggedArtifacts()
    for file, tags in (("one", ("v1",)), ("two", ("v2",)), ("two", ("v3",)), ("three", ("v1",)), ("four", ())):
        kept.keep(logged("job_a", "a", tags=tags, target_path=file))
    assert tags_of(kept) == [("two", ("v2", "v3")), ("three", ("v1",)), ("four", ())]
    newest = newest_versions(kept)
    assert [each.tags for each in kept if newest[each.identity] is not each] == [("v2", "v3"), ("v1",)]
    found = [kept.find("a", None, None, None, tag) for tag in ("v1", "v2", "latest", "v9")]
    assert [each and each.document["spec"]["target_path"] for each in found] == ["three", "two", "four", None]


def test_only_linked_iterations_are_the_best() -> None:
    kept = LoggedArtifacts()
    for iteration in (0, 1, 2):
        kept.keep(logged("job_a", "a", iteration=iteration))
    assert [each.iteration for each in kept if kept.is_of_a_worse_iteration(each)] == [1, 2]
    kept.keep(logged("job_a", "a", kind="link", link_iteration=2))
    assert [each.iteration for each in kept if kept.is_of_a_worse_iteration(each)] == [1]


def test_what_a_list_cannot_be_asked_by_is_refused() -> None:
    for ask in (
        lambda db: db.list_runs(start_time_from="2026"),
        lambda db: db.list_runs(state="completed"),
        lambda db: db.list_functions(since="2026"),
        lambda db: db.list_artifacts(partition_by="name"),
    ):
        with pytest.raises(mlrun.errors.MLRunBadRequestError, match="needs an MLRun API server"):
            ask(database.MemoryDB())


def test_runs_are_listed_by_labels_and_states() -> None:
    kept = database.MemoryDB()
    for name, state in (("a", "completed"), ("b", "error")):
        kept.store_run({"metadata": {"name": name, "labels": {"team": name}}, "status": {"state": state}}, uid=name)
    assert [[run["metadata"]["name"] for run in kept.list_runs(**by)] for by in BY] == [["a", "b"], ["b"], ["a"]]


BY: list[dict[str, Any]] = [{}, {"labels": "team=b"}, {"states": ["completed"]}]


def test_a_link_leads_to_the_iteration_that_it_names() -> None:
    kept = LoggedArtifacts()
    for iteration in (1, 2):
        kept.keep(logged("job_a", "a", iteration=iteration, n=iteration))
    kept.keep(logged("job_a", "a", kind="link", link_iteration=1))
    found = kept.find("job_a", None, 0)
    assert found is not None
    assert found.document["spec"]["n"] == 1
    assert kept.find("b", None, None) is None


def test_every_method_takes_the_arguments_of_mlruns_interface() -> None:
    """mlrun calls some by position: each argument of the interface must be taken in its place and by its name."""
    for name in sorted(database._WORKING):
        theirs, ours = (getattr(each, name, None) for each in (RunDBInterface, database.MemoryDB))
        if not inspect.isfunction(theirs) or name not in vars(database.MemoryDB):
            continue
        wanted, own = inspect.signature(theirs), inspect.signature(ours)
        plain = [p for p in wanted.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        own.bind(*(object() for _ in plain))
        own.bind(object(), **{p.name: object() for p in plain if p.name != "self"})


ARTIFACTS = [
    {"kind": "model", "metadata": {"key": "net", "labels": {"team": "a"}, "updated": "2026-11-02T00:00:00Z"}},
    {"kind": "dataset", "metadata": {"key": "table", "labels": {"team": "b"}, "iter": 3, "tree": "t"}},
    {"kind": "plot", "metadata": {"key": "picture"}},
]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, ["net", "table", "picture"]),
        ({"labels": "team"}, ["net", "table"]),
        ({"labels": "team=b"}, ["table"]),
        ({"labels": {"team": "a"}}, ["net"]),
        ({"labels": {"team": None}}, ["net", "table"]),
        ({"labels": ["team=a", "team"]}, ["net", "table"]),
        ({"kind": "dataset"}, ["table"]),
        ({"category": "model"}, ["net"]),
        ({"category": "other"}, ["picture"]),
        ({"iteration": 3}, ["table"]),
        ({"iteration": 0}, ["net", "picture"]),
        ({"tree": "t"}, ["table"]),
        ({"since": "2026-11-01T00:00:00+00:00"}, ["net"]),
        ({"until": "2026-11-01T00:00:00"}, []),
    ],
)
def test_a_list_is_filtered_as_mlruns_server_does(conditions: dict[str, Any], found: list[str]) -> None:
    assert [each["metadata"]["key"] for each in filtered(ARTIFACTS, **conditions_of(**conditions))] == found


def test_a_name_with_a_tilde_is_a_part_in_any_case() -> None:
    assert [matches(name, "my_Model_1") for name in ("~model", "model", "my_Model_1", "", None)] == [
        True,
        False,
        True,
        True,
        True,
    ]
