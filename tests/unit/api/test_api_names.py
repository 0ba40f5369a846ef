"""Names: legal for Kubernetes, and never the same for two different originals."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mlrun_operator.api.v1alpha1.function import EntityName, ProjectName
from mlrun_operator.api.values.names import job_name, kubernetes_name, label_value

DNS = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
SLUG = st.text("abcXYZ019._+-", min_size=1, max_size=128)


def test_legal_names_pass_unchanged() -> None:
    assert kubernetes_name("my-function") == "my-function"
    assert kubernetes_name("a" * 63) == "a" * 63


def test_names_that_look_alike_do_not_collide() -> None:
    names = ["my_function", "My.Function", "my-function", "MY_FUNCTION", "my.function"]
    assert len({kubernetes_name(name) for name in names}) == len(names)
    assert kubernetes_name("my_function") == "my-function-c64d28"


@given(SLUG)
def test_every_name_becomes_a_legal_one(name: str) -> None:
    assert DNS.fullmatch(kubernetes_name(name))
    assert LABEL.fullmatch(label_value(name))


@given(st.lists(SLUG, unique=True, min_size=2, max_size=20))
def test_different_names_stay_different(names: list[str]) -> None:
    assert len({kubernetes_name(name) for name in names}) == len(names)


RUN_NAME = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?", fullmatch=True)


@given(RUN_NAME, st.uuids(), st.integers(1, 100_000))
def test_job_names_are_legal_for_any_run(name: str, uid: object, execution: int) -> None:
    made = job_name(name, str(uid), execution)
    assert DNS.fullmatch(made)
    assert made.endswith(f"-{execution}")


def test_a_run_and_its_successor_of_the_same_name_have_different_jobs() -> None:
    assert job_name("a", "uid-1", 1) != job_name("a", "uid-2", 1)
    assert job_name("a" * 60, "uid-1", 1) != job_name("a" * 61, "uid-1", 1)


@pytest.mark.parametrize("kind", [EntityName, ProjectName], ids=["entity", "project"])
@pytest.mark.parametrize(("name", "legal"), [(".", False), ("..", False), ("...", False), (".a", True), ("..a.", True)])
def test_a_name_is_never_a_way_up(kind: type[str], name: str, legal: bool) -> None:
    names = TypeAdapter(kind)
    if legal:
        assert names.validate_python(name) == name
    else:
        with pytest.raises(ValidationError, match="pattern"):
            names.validate_python(name)
