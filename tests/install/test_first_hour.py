"""From nothing to a local run, by each pip that people have: `make first-hour`, a job of its own since it takes long.

Each is a clean environment: a new virtual environment with that pip, HOME of its own, and a PATH without uv. What takes
how long is printed.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from devcluster.paths import REPOSITORY
from mlrun_operator.sdk.backends.local.environment import Tools, ways

PIPS = ("23.0.1", "23.2", "24.0", "25.0", "26.0")
UV = Path(sys.executable).with_name("uv")
HANDLER = (
    "def handler(context, rows: int = 3):\n    import mlrun\n    return f'{rows} rows, mlrun {mlrun.__version__}'\n"
)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [UV, "build", "-q", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", folder]
    subprocess.run([*command, REPOSITORY], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Iterator[dict[str, float]]:
    """Seconds by what took them; printed at the test's end."""
    took: dict[str, float] = {}
    yield took
    with capsys.disabled():
        print(f"\n{request.node.name}: " + ", ".join(f"{what} {seconds:.1f} s" for what, seconds in took.items()))


class Laptop:
    """A new virtual environment with one pip, and nothing of this machine's but Debian's programs."""

    def __init__(self, home: Path, pip: str, took: dict[str, float]) -> None:
        self.home, self.bin, self._took = home, home / "venv" / "bin", took
        subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
        self.run("", [self.bin / "python", "-m", "pip", "install", "-q", f"pip=={pip}"])
        assert pip in self.run("", [self.bin / "python", "-m", "pip", "--version"])

    def run(self, what: str, command: Sequence[str | Path], **more: str) -> str:
        kept = {
            k: v for k, v in os.environ.items() if k.startswith(("PIP_", "UV_", "SSL_")) or k.lower()[-6:] == "_proxy"
        }
        env = {**kept, "HOME": str(self.home), "PATH": f"{self.bin}:/usr/bin:/bin", **more}
        started = time.monotonic()
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=self.home)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        if what:
            self._took[what] = time.monotonic() - started
        return done.stdout + done.stderr


@pytest.mark.parametrize("pip", PIPS)
def test_two_commands_from_nothing(pip: str, wheel: Path, tmp_path: Path, say: dict[str, float]) -> None:
    laptop = Laptop(tmp_path, pip, say)
    laptop.run(
        "install", [laptop.bin / "python", "-m", "pip", "install", "-q", f"mlrun-operator[local] @ {wheel.as_uri()}"]
    )
    (tmp_path / "pipeline.py").write_text(HANDLER)
    command = [laptop.bin / "mlrunctl", "run", "pipeline.py:handler", "--local", "-p", "rows=7"]
    first = laptop.run("first run", command)
    assert "making an environment with mlrun" in first
    assert "7 rows, mlrun 1.12" in first
    second = laptop.run("second run", command)
    assert "making" not in second
    assert "7 rows, mlrun 1.12" in second


@pytest.mark.parametrize("pip", PIPS)
def test_the_environment_by_pip_alone(pip: str, tmp_path: Path, say: dict[str, float]) -> None:
    """Where there is no uv: the commands that the SDK runs, with this pip in the place of the Python's own."""
    laptop = Laptop(tmp_path, pip, say)
    (way,) = ways(Tools(sys.executable, has_ensurepip=True, uv=None), laptop.bin.parent)
    laptop.run("environment", way.commands[1])
    assert laptop.run("", [laptop.bin / "python", "-c", "import mlrun; print(mlrun.__version__)"]).startswith("1.12")
