"""What pip installs: wheel and sdist, each extra by itself and all together, on every Python that is promised."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from devcluster.paths import REPOSITORY

UV = Path(sys.executable).with_name("uv")
PYTHONS = ("3.11", "3.12", "3.13")
# Each extra, with a command that works with it alone, and what that prints.
EXTRAS = {
    "": (["-c", "from mlrun_operator.api.v1alpha1.run import RunSpec; print(RunSpec.__name__)"], "RunSpec"),
    "sdk": (["-c", "import mlrun_operator as dh; print(dh.new_function.__module__)"], "mlrun_operator.sdk"),
    "data": (["-c", "import boto3, pandas, pyarrow; print(pandas.DataFrame([1]).to_parquet()[:4])"], "b'PAR1'"),
    "cli": (["-m", "mlrun_operator.cli", "validate", str(REPOSITORY / "examples" / "01-hello-downloader")], "valid"),
    "operator,otel": (["-m", "mlrun_operator.controller"], ""),
    "wrapper,sql": (["-c", "import mlrun_wrapper.main, psycopg, git; print(mlrun_wrapper.__name__)"], "mlrun_wrapper"),
}


def interpreter(version: str) -> str:
    """A Python of that version, from the PATH or where pyenv has it. Skips with words where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [f"python{version}", *map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))]
    for candidate in filter(shutil.which, found):
        asked = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == version:
            return candidate
    pytest.skip(f"this machine has no Python {version}; put python{version} on the PATH to check it")


def run(command: Sequence[str | Path], **env: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH", "KUBECONFIG")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**kept, **env})


def succeeded(command: Sequence[str | Path], **env: str) -> str:
    done = run(command, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    succeeded([UV, "build", "-q", "--no-build-isolation", "--python", sys.executable, "-o", folder, REPOSITORY])
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


def environment(folder: Path, version: str, wheel: Path, extras: str) -> Path:
    """The interpreter of a new environment that has nothing but the wheel with these extras."""
    succeeded([UV, "venv", "-q", "--python", interpreter(version), folder])
    python = folder / "bin" / "python"
    what = f"mlrun-operator[{extras}] @ {wheel.as_uri()}" if extras else str(wheel)
    succeeded([UV, "pip", "install", "-q", "--python", python, what])
    return python


def test_the_wheel_holds_the_two_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {
        "mlrun_operator",
        "mlrun_wrapper",
        next(name for name in names if ".dist-info/" in name).partition("/")[0],
    }
    sources = {
        str(file.relative_to(root))
        for root in (REPOSITORY / "operator" / "src", REPOSITORY / "wrapper-image" / "src")
        for file in root.rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py")} == sources
    assert {"mlrun_operator/py.typed", "mlrun_wrapper/py.typed"} <= set(names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_sdist_holds_what_the_wheel_is_built_from(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tops = {name.partition("/")[0] for name in names}
    assert tops == {
        *("operator", "wrapper-image", "crds", "pyproject.toml", "PKG-INFO", ".gitignore"),
        *("README.md", "CHANGELOG.md", "LICENSE"),
    }


@pytest.mark.parametrize("version", [PYTHONS[0], PYTHONS[-1]])
@pytest.mark.parametrize("extras", EXTRAS)
def test_an_extra_works_by_itself(version: str, extras: str, wheel: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "env", version, wheel, extras)
    arguments, said = EXTRAS[extras]
    done = run([python, *arguments], HOME=str(tmp_path), KUBECONFIG=str(tmp_path / "none"))
    if extras.startswith("operator"):
        assert done.returncode == 1
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert "cannot connect to a cluster" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert said in done.stdout + done.stderr


@pytest.fixture(scope="session")
def runs_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of local runs: the environment with mlrun is made in it once."""
    return tmp_path_factory.mktemp("runs")


@pytest.mark.parametrize("version", PYTHONS)
def test_the_extra_local_runs_a_file_on_each_python(version: str, wheel: Path, tmp_path: Path, runs_home: Path) -> None:
    """The first hour: one command installs, the next runs. `make first-hour` does it with each pip, timed."""
    python = environment(tmp_path / "env", version, wheel, "local")
    (tmp_path / "half.py").write_text("import sys\n\ndef handler(x: float):\n    return f'{x / 2} on {sys.version}'\n")
    command = [python.with_name("mlrunctl"), "run", str(tmp_path / "half.py:handler"), "--local", "-p", "x=7"]
    said = succeeded(command, MLRUN_OPERATOR_HOME=str(runs_home), KUBECONFIG=str(tmp_path / "none"))
    assert "3.5 on 3.11." in said, said


@pytest.mark.parametrize("version", PYTHONS)
def test_all_extras_together_fit(version: str, wheel: Path, tmp_path: Path) -> None:
    ml = ",mlrun,ml" if version == "3.11" else ""  # mlrun 1.12 itself is for 3.11 only
    python = environment(tmp_path / "env", version, wheel, f"operator,otel,sdk,data,cli,local,wrapper,sql{ml}")
    succeeded([UV, "pip", "check", "--python", python])
    version_said = succeeded([python.with_name("mlrunctl"), "version"])
    assert re.search(r"\d+\.\d+\.\d+", version_said)
    assert python.with_name("kubectl-mlrun").exists()
    if ml:
        assert succeeded([python, "-c", "import mlrun; print(mlrun.__version__)"]).startswith("1.12")


def test_where_mlrun_cannot_be_the_extra_installs_nothing_wrong(wheel: Path, tmp_path: Path) -> None:
    """On Python 3.13 the extra `mlrun` is empty but for what works there."""
    python = environment(tmp_path / "env", "3.13", wheel, "mlrun")
    assert run([python, "-c", "import mlrun"]).returncode == 1
    succeeded([UV, "pip", "check", "--python", python])
