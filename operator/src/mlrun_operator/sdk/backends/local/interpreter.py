"""An interpreter that has mlrun: this one, one that is named, or that of an environment which is made once."""

import asyncio
import contextlib
import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, cast

from mlrun_operator.api.visible import visible
from mlrun_operator.api.words import sentences
from mlrun_operator.sdk.backends.local.environment import (
    PINS,
    PYTHON,
    VARIABLE,
    Tools,
    Way,
    folder_name,
    lacking,
    unsupported,
    variables,
    ways,
)
from mlrun_operator.sdk.errors import BackendError

_MAKING: Final = "making an environment with mlrun in {folder}, once: about 700 MB and a minute or two"
_READY: Final = ".ready"
_TOLD_EVERY_SECONDS: Final = 10.0
_LOCK_POLL_SECONDS: Final = 0.5
# How many of a command's last lines a failure repeats.
_TOLD_LINES: Final = 6
_WHAT_IT_IS: Final = (
    "import importlib.util as u, sys; print('%d.%d' % sys.version_info[:2], *(int(u.find_spec(m) is not None) "
    "for m in ('ensurepip', 'mlrun')))"
)


async def interpreter(home: Path) -> str:
    """Return the interpreter for handlers; `home` is the folder for the environment that is made where there is none.

    Raises BackendError that says what to do.
    """
    if named := os.environ.get(VARIABLE):
        return await _named(named)
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == PYTHON and importlib.util.find_spec("mlrun") is not None:
        return sys.executable
    folder = home / folder_name(PINS.read_bytes())
    if not _is_ready(folder):
        await _make(folder)
    return str(folder / "bin" / "python")


def _is_ready(folder: Path) -> bool:
    """Return whether the environment is whole: not where its Python was taken away."""
    return (folder / _READY).exists() and (folder / "bin" / "python").exists()


async def _named(path: str) -> str:
    python = shutil.which(Path(path).expanduser())
    about = await _asked(python) if python else None
    if python is None or about is None:
        raise BackendError(f"{VARIABLE} names {path}, which is no Python", hint="Correct it, or unset it.")
    if not about.has_mlrun:
        raise BackendError(f"{path}, which {VARIABLE} names, has no mlrun", hint="Install mlrun there, or unset it.")
    return python


class _Python(NamedTuple):
    """What a program says of itself."""

    version: str
    has_ensurepip: bool
    has_mlrun: bool


async def _asked(python: str) -> _Python | None:
    """Return what the program says of itself; None where it is no Python."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(python, "-c", _WHAT_IT_IS),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=variables(os.environ),
        )
    except OSError:
        return None
    said = (await process.communicate())[0].decode(errors="replace").split()
    return _Python(said[0], said[1] == "1", said[2] == "1") if process.returncode == 0 and len(said) == 3 else None


async def find_tools() -> Tools:
    """Return what this machine has to make an environment with.

    Each Python is asked what it is: a version manager leaves programs on the PATH that only say that it is not chosen.
    """
    candidates = dict.fromkeys(filter(None, (sys.executable, *map(shutil.which, (f"python{PYTHON}", "python3")))))
    found: dict[str, bool] = {}
    for candidate in candidates:
        about = await _asked(candidate)
        if about is not None and about.version == PYTHON:
            found[candidate] = about.has_ensurepip
    python = next((each for each, has_ensurepip in found.items() if has_ensurepip), next(iter(found), None))
    return Tools(python, found.get(python or "", False), _find_uv())


def _find_uv() -> str | None:
    """Return uv: beside this Python, where the extra `local` puts it, on the PATH, or where its installer puts it."""
    scripts = (sysconfig.get_path("scripts"), sysconfig.get_path("scripts", f"{os.name}_user"))
    beside = [Path(sys.executable).parent, *map(Path, scripts)]
    homes = [Path.home() / ".local" / "bin", Path.home() / ".cargo" / "bin"]
    search = os.pathsep.join([*map(str, beside), os.environ.get("PATH", os.defpath), *map(str, homes)])
    return shutil.which("uv", path=search)


async def _make(folder: Path) -> None:
    """Make the environment by the first way that works. Of programs that ask at once one makes it."""
    if (why := unsupported(sys.platform, platform.machine())) is not None:
        raise BackendError(why, hint=f"Or name an interpreter that has mlrun in {VARIABLE}.")
    async with _alone(folder.with_name(f"{folder.name}.lock")):
        if _is_ready(folder):
            return
        tools = await find_tools()
        found = ways(tools, folder)
        if not found:
            raise BackendError(f"local runs need mlrun, which needs Python {PYTHON}, or uv", hint=lacking(tools))
        failures = []
        with _told(_MAKING.format(folder=folder)) as tell:
            for way in found:
                failure = await _tried(way, folder, tell)
                if failure is None:
                    return
                failures.append(failure)
            raise BackendError(
                sentences("an environment with mlrun could not be made", *failures),
                hint=f"Mend the cause, or name an interpreter that has mlrun in {VARIABLE}.",
            )


async def _tried(way: Way, folder: Path, tell: Callable[[str], None]) -> str | None:
    """Make the environment this way. Return why it could not be made, None where it is there."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    for command in way.commands:
        code, lines = await _run(command, tell)
        if code:
            return f"{way.tool} ended with {code}: {' '.join(lines) or 'it said nothing'}"
    (folder / _READY).touch()
    return None


async def _run(command: Sequence[str], tell: Callable[[str], None]) -> tuple[int, list[str]]:
    """Return the command's exit code and its last lines."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=variables(os.environ),
        limit=1 << 20,
    )
    last: deque[str] = deque(maxlen=_TOLD_LINES)
    try:
        async for line in cast(asyncio.StreamReader, process.stdout):
            if words := line.decode(errors="replace").strip():
                last.append(words)
                tell(words)
        return await process.wait(), list(last)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@contextlib.contextmanager
def _told(what: str) -> Iterator[Callable[[str], None]]:
    """Say on stderr what is being done, and now and then how far it is; what is called gets a tool's lines."""
    started = time.monotonic()
    print(visible(what), file=sys.stderr, flush=True)
    newest = [""]

    async def tick() -> None:
        while True:
            await asyncio.sleep(_TOLD_EVERY_SECONDS)
            print(visible(f"… {_since(started)} {newest[0][:90]}"), file=sys.stderr, flush=True)

    ticking = asyncio.get_running_loop().create_task(tick())
    try:
        yield lambda line: newest.__setitem__(0, line)
    finally:
        ticking.cancel()
    print(visible(f"the environment is ready after {_since(started)}"), file=sys.stderr, flush=True)


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.0f} s"


@contextlib.asynccontextmanager
async def _alone(file: Path) -> AsyncIterator[None]:
    """Hold the lock of this file, which ends with the process."""
    import fcntl  # where there is no environment there is none: Windows

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        opened = file.open("w")
    except OSError as error:
        raise BackendError(
            f"an environment with mlrun cannot be made: {error}", hint="Name another folder in MLRUN_OPERATOR_HOME."
        ) from error
    with opened as held:
        waits = False
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waits:
                    print(
                        visible("waiting for another program that makes the environment"), file=sys.stderr, flush=True
                    )
                waits = True
                await asyncio.sleep(_LOCK_POLL_SECONDS)
        yield
