"""What goes into an image, what is left out, and what stays the same whatever the time is."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from devcluster.images.measure import part
from imagebuild import bytecode, rootfs

REPOSITORY = Path(__file__).resolve().parents[3]


def test_bytecode_stays_valid_whatever_time_its_source_gets(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("X = 1\n")
    bytecode.compiled(source)
    compiled = Path(importlib.util.cache_from_source(str(source)))
    # A hash instead of a time, and nothing compares it: https://docs.python.org/3/reference/import.html#pyc-invalidation
    assert compiled.read_bytes()[4:8] == (0b01).to_bytes(4, "little")


def test_what_does_not_compile_is_told_and_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "template.py"
    source.write_text("print '{{ name }}'\n")
    bytecode.compiled(source)
    assert str(source) in capsys.readouterr().out
    assert not list(tmp_path.glob("__pycache__/*"))


def test_links_are_copied_with_all_that_they_lead_through(tmp_path: Path) -> None:
    base, root = tmp_path / "base", tmp_path / "root"
    base.mkdir()
    (base / "libz.so.1.2").write_text("library")
    (base / "libz.so.1").symlink_to("libz.so.1.2")
    (base / "libz.so").symlink_to(base / "libz.so.1")
    assert list(rootfs.copy_chain(base / "libz.so", root)) == [base / "libz.so.1.2"]
    copied = root / base.relative_to("/")
    assert (copied / "libz.so").is_symlink()
    assert (copied / "libz.so.1").readlink() == Path("libz.so.1.2")
    assert (copied / "libz.so.1.2").read_text() == "library"


def test_libraries_are_those_that_the_linker_finds() -> None:
    names = {library.name for library in rootfs.shared_libraries([Path(sys.executable).resolve()])}
    assert any(name.startswith("libc.so") for name in names)
    assert any(name.startswith("ld-") for name in names)


def test_permissions_do_not_depend_on_the_builder(tmp_path: Path) -> None:
    script, text = tmp_path / "folder/script", tmp_path / "folder/text"
    script.parent.mkdir(mode=0o700)
    (tmp_path / "tmp").mkdir()
    script.write_text("")
    text.write_text("")
    script.chmod(0o700)
    text.chmod(0o600)
    rootfs.normalise(tmp_path)
    modes = [oct(path.stat().st_mode & 0o7777) for path in (script.parent, script, text, tmp_path / "tmp")]
    assert modes == ["0o755", "0o755", "0o644", "0o1777"]


def test_the_operator_loads_nothing_of_the_client_that_its_image_lacks() -> None:
    """The image keeps what `import kubernetes.aio, kopf` needs of the generated modules."""
    keep = generated_modules("import kubernetes.aio, kopf")
    assert generated_modules("import mlrun_operator.controller.__main__") <= keep
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert "imagebuild.prune kubernetes.aio kopf" in dockerfile


def generated_modules(statement: str) -> set[str]:
    """The client's generated modules that a statement loads."""
    code = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    return {name for name in done.stdout.split() if re.match(r"kubernetes\..*(api|models)\.", name)}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("opt/mlrun/lib/python3.11/site-packages/pyarrow/libarrow.so", "/opt/mlrun: pyarrow"),
        ("./usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu"),
        ("etc/passwd", "/etc"),
    ],
)
def test_parts_of_an_image_are_packages_and_folders(path: str, expected: str) -> None:
    assert part(path) == expected
