"""The wrapper's interpreter, copied and run from where it was copied to; and the Python that an image has."""

import subprocess
import sys
import textwrap
import venv
from pathlib import Path

import pytest

from mlrun_wrapper.carry import LIBRARIES, LOADER
from mlrun_wrapper.interpreter import find_python

SOURCES = Path(__file__).resolve().parents[3] / "wrapper-image" / "src"
LOOK = """
    import bz2, ctypes, hashlib, lzma, sqlite3, ssl, sys, zlib
    foreign = {l.split(maxsplit=5)[5].strip() for l in open('/proc/self/maps') if '.so' in l} - {''}
    print([path for path in foreign if not path.startswith(sys.prefix)])
    print(sys.prefix, sys.flags.isolated, [path for path in sys.path if not path.startswith(sys.prefix)])
"""


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the init container leaves behind, from an environment without packages."""
    own, target = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("carried")
    venv.create(own, symlinks=True)
    tini = own / "tini"
    tini.touch()
    code = "import sys; from pathlib import Path; import mlrun_wrapper.carry as c; c.carry(*map(Path, sys.argv[1:]))"
    subprocess.run(
        [own / "bin" / "python", "-c", code, target, target, tini], env={"PYTHONPATH": str(SOURCES)}, check=True
    )
    return target


def test_the_copy_runs_by_its_own_loader_with_nothing_of_the_image(carried: Path) -> None:
    command = [carried / LOADER, "--inhibit-cache", "--library-path", carried / LIBRARIES, carried / "bin" / "python"]
    env = {"PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere", "LD_LIBRARY_PATH": "/nowhere"}
    done = subprocess.run(
        [*command, "-I", "-X", "utf8", "-c", textwrap.dedent(LOOK)], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", f"{carried} 1 []"]


def python(folder: Path, *, mlrun: bool) -> Path:
    """A Python, as far as anybody looks: a script that says whether it has mlrun."""
    folder.mkdir(parents=True)
    file = folder / "python3"
    file.write_text(f"#!/bin/sh\nexit {0 if mlrun else 1}\n")
    file.chmod(0o755)
    return file


def test_the_first_python_with_mlrun_is_taken(tmp_path: Path) -> None:
    python(tmp_path / "usr/local/bin", mlrun=False)
    conda = python(tmp_path / "opt/conda/envs/work/bin", mlrun=True)
    assert find_python({"PATH": str(tmp_path / "usr/local/bin")}, tmp_path) == str(conda)
    own = python(tmp_path / "venv-of-mine/bin", mlrun=True)
    assert find_python({"VIRTUAL_ENV": str(tmp_path / "venv-of-mine")}, tmp_path) == str(own)


def test_without_mlrun_it_is_the_first_on_the_path(tmp_path: Path) -> None:
    first = python(tmp_path / "a", mlrun=False)
    python(tmp_path / "usr/bin", mlrun=False)
    assert find_python({"PATH": f"{tmp_path}/none:{tmp_path}/a"}, tmp_path) == str(first)


def test_an_image_may_have_no_python_or_none_that_may_be_run(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/python3").write_text("not executable")
    assert find_python({"PATH": str(tmp_path / "usr/bin")}, tmp_path) is None


def test_by_hand_the_wrapper_s_own_interpreter_runs_the_function() -> None:
    code = "from mlrun_wrapper.settings import Settings; print(Settings.from_environment({}).executor_python)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sys.executable
