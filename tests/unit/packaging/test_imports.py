"""Every import of the product, also those in functions and those of type checkers, leads down: there are no circles."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ImportGraph = Mapping[str, set[str]]


def import_graph(*packages: str) -> ImportGraph:
    """Return each module of the packages with the modules that it imports."""
    graph = grimp.build_graph(*packages, exclude_type_checking_imports=False, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def circle_in(graph: ImportGraph) -> list[str]:
    """Return the modules of one circle in their order, the first of them also last; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


def subpackages(graph: ImportGraph, package: str) -> ImportGraph:
    """Return the graph of what is directly in the package: its modules, and its folders each as one."""
    depth = package.count(".") + 2

    def part(module: str) -> str:
        return ".".join(module.split(".")[:depth])

    inside: dict[str, set[str]] = {}
    for module in (module for module in graph if module.startswith(f"{package}.")):
        imported = {part(name) for name in graph[module] if name.startswith(f"{package}.")}
        inside.setdefault(part(module), set()).update(imported - {part(module)})
    return inside


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle_in(import_graph("mlrun_operator", "mlrun_wrapper")) == []


def test_no_folders_import_each_other_in_a_circle() -> None:
    graph = import_graph("mlrun_operator", "mlrun_wrapper")
    packages = {module.rpartition(".")[0] for module in graph} - {""}
    assert {"mlrun_operator.sdk", "mlrun_wrapper.sources.git"} <= packages
    circles = {package: circle_in(subpackages(graph, package)) for package in packages}
    assert {package: circle for package, circle in circles.items() if circle} == {}


@pytest.mark.parametrize(
    "text",
    [
        "from seen_circle import second",
        "def load():\n    from seen_circle.second import VALUE",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from .second import VALUE",
    ],
    ids=["at the top", "in a function", "for type checkers"],
)
def test_a_circle_is_seen(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "seen_circle"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "first.py").write_text(text)
    (package / "second.py").write_text("import seen_circle.first\n\nVALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert set(circle_in(import_graph("seen_circle"))) == {"seen_circle.first", "seen_circle.second"}
