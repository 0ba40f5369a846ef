"""The user's module is loaded under its own name; an import that fails says what to do."""

import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_wrapper.executor.failure import InvalidRunError
from mlrun_wrapper.executor.load import load_module

PYYAML = f"PyYAML {importlib.metadata.version('PyYAML')}"


@pytest.fixture(autouse=True)
def own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", "") and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def refusal(folder: Path, code: str, name: str = "load_dataset.py") -> str:
    (folder / name).write_text(code)
    with pytest.raises(InvalidRunError) as caught:
        load_module(folder / name)
    return str(caught.value)


def test_a_module_has_its_files_name(tmp_path: Path) -> None:
    (tmp_path / "load_dataset.py").write_text("WHERE = __file__\n")
    module = load_module(tmp_path / "load_dataset.py")
    assert (module.__name__, module.WHERE) == ("load_dataset", str(tmp_path / "load_dataset.py"))


def test_a_removed_name_names_the_installed_version(tmp_path: Path) -> None:
    text = refusal(tmp_path, "from yaml import nothing_here")
    assert f"'nothing_here' from 'yaml', which is not in {PYYAML}" in text
    assert "change the import" in text


def test_the_package_of_a_module_is_named(tmp_path: Path) -> None:
    """The distribution is called otherwise than the module that it brings."""
    text = refusal(tmp_path, "import yaml.removed")
    assert f"'yaml.removed', which is not in {PYYAML}" in text
    assert "name a version in the function's requirements that has it" in text


def test_a_package_that_is_not_installed_is_for_pip(tmp_path: Path) -> None:
    text = refusal(tmp_path, "import nobody_has_this.part")
    assert "'nobody_has_this', which is not installed" in text
    assert "requirements" in text


@pytest.mark.parametrize("code", ["from hypothesis import given", "import hypothesis.strategies"])
def test_a_file_that_hides_the_package_it_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "hypothesis"]:
        monkeypatch.delitem(sys.modules, name)
    text = refusal(tmp_path, code, "hypothesis.py")
    assert (
        text == "the source's file name hypothesis.py hides the package 'hypothesis' that it imports; rename the file"
    )


def test_an_import_error_of_another_package_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/broken.py").write_text("from json import nothing\n")
    source = tmp_path / "source"
    source.mkdir()
    sys.path.insert(0, str(tmp_path / "other"))
    (source / "mine.py").write_text("import broken\n")
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        load_module(source / "mine.py")
    sys.path.remove(str(tmp_path / "other"))
