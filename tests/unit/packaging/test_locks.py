"""The locks: wrapper-ml within mlrun's own bounds, hashes for all, and functions' packages as the tests have them."""

import re
import tomllib
from importlib.metadata import requires
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from devcluster.paths import REPOSITORY
from mlrun_wrapper.plain_image import PACKAGES

_EXTRAS: Final = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", re.MULTILINE)
_BLOCK: Final = re.compile(r"^\S+==.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
LOCKS: Final = ("operator", "wrapper", "mlrun", "ml", "dev")


def text_of(lock: str) -> str:
    return (REPOSITORY / "requirements" / f"{lock}.txt").read_text()


def locked(lock: str) -> dict[str, str]:
    """Return the version of each package of the lock."""
    return {canonicalize_name(name): version for name, version in _PIN.findall(text_of(lock))}


def declared(extra: str) -> list[Requirement]:
    return [Requirement(entry) for entry in _EXTRAS[extra]]


def test_the_ml_packages_are_within_mlruns_bounds() -> None:
    """Also those of mlrun's extras: mlrun.frameworks cannot be imported beside another plotly."""
    versions = locked("ml")
    bounds = [Requirement(entry) for entry in requires("mlrun") or ()]
    names = {canonicalize_name(requirement.name) for requirement in declared("ml")}
    compared = [bound for bound in bounds if canonicalize_name(bound.name) in names]
    outside = {str(b): versions[canonicalize_name(b.name)] for b in compared if versions[b.name] not in b.specifier}
    assert {"plotly", "requests"} <= {bound.name for bound in compared}
    assert outside == {}


def test_the_plain_wrapper_says_all_that_it_lacks() -> None:
    lacks = {canonicalize_name(requirement.name) for requirement in declared("ml")} - locked("mlrun").keys()
    assert lacks <= set(PACKAGES.values()) <= locked("ml").keys() - locked("mlrun").keys()


@pytest.mark.parametrize("extra", ["ml", "mlrun"])
def test_the_ml_lock_holds_what_the_extras_ask_for(extra: str) -> None:
    versions = locked("ml")
    for requirement in declared(extra):
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("lock", ["mlrun", "ml"])
def test_tests_run_with_the_versions_of_the_images(lock: str) -> None:
    tested = locked("dev")
    other = {name: version for name, version in locked(lock).items() if tested.get(name) != version}
    assert other == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_its_hashes(lock: str) -> None:
    blocks = _BLOCK.findall(text_of(lock))
    assert len(blocks) == len(locked(lock))
    assert [block.split(" ")[0] for block in blocks if "--hash=sha256:" not in block] == []
