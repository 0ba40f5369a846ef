"""A table as Parquet, written by the function's interpreter: the wrapper's own has no pyarrow."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from mlrun_operator.api import bounds

_SCRIPT: Final = Path(__file__).parents[1] / "executor" / "parquet.py"
_SAID: Final = bounds.WRITER_WORDS.limit


class NotWrittenError(Exception):
    """The process could not make the file; its own words."""


@contextlib.contextmanager
def parquet(python: str, columns: Iterable[tuple[str, str]], file: Path) -> Iterator[IO[bytes]]:
    """Takes PostgreSQL's CSV; `file` is complete after the block. Raises NotWrittenError.

    `columns` are names and types in the words of `executor/parquet.py`.
    """
    with tempfile.TemporaryFile() as said:
        command = [python, "-I", str(_SCRIPT), str(file)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=said, stderr=said, start_new_session=True, env=dict(os.environ)
        )
        assert process.stdin is not None  # noqa: S101 - it was asked for
        try:
            with contextlib.suppress(BrokenPipeError):  # its words say why
                process.stdin.write(f"{json.dumps(list(columns))}\n".encode())
                yield process.stdin
                process.stdin.close()
            code = process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        if code:
            said.seek(0)
            text = said.read()[-_SAID:].decode(errors="replace")
            raise NotWrittenError(" ".join(text.split()) or f"{python} ended with {code}")
