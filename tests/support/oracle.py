"""A Go program of `tests/oracles` that answers line by line: a library that is right by definition."""

import shutil
import subprocess
from pathlib import Path
from typing import ClassVar, Self

_ORACLES = Path(__file__).parents[1] / "oracles"


class Oracle:
    """Built from `tests/oracles/<name>` into a folder; needs Go."""

    name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        go = shutil.which("go")
        assert go is not None, "this test needs Go, as the embedded cluster does"
        program = folder / f"{self.name}-oracle"
        subprocess.run([go, "build", "-o", program, "."], cwd=_ORACLES / self.name, check=True)
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, line: str) -> str:
        """The answer to one line."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()
