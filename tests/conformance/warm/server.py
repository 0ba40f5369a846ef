"""An executor that has imported mlrun already: forked for each run, in the place of a new interpreter.

`python server.py BOOT SOCKET` imports what the wrapper's executor imports, then forks for every connection. The rest is
the wrapper's own: its steps, its documents, its executor's code.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

_PACKAGE = "_mlrun_executor"
_FDS = 5  # stdin, stdout, stderr, commands, reports
_REQUEST_BYTES = 1 << 20


def main(boot: Path, address: str) -> None:
    executor = _executor(boot.parent)
    executor.prepare()
    executor._import_mlrun()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a keeper
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _keep(connection, executor, str(boot))
        connection.close()


def _executor(package: Path) -> Any:
    """The executor's main module, loaded as `boot.py` loads it."""
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None
    sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{_PACKAGE}.main")


def _keep(connection: socket.socket, executor: Any, boot: str) -> None:
    """Start the run and tell its exit code; end it when nobody asks any more."""
    data, fds, _, _ = socket.recv_fds(connection, _REQUEST_BYTES, _FDS)
    while not data.endswith(b"\n"):
        data += connection.recv(_REQUEST_BYTES)
    request = json.loads(data)
    worker = os.fork()
    if worker == 0:
        connection.close()
        os.setsid()
        _become(request, fds)
        importlib.import_module(f"{_PACKAGE}.forked")._PROCESS = os.getpid()  # this fork is not the user's
        _leave(executor.main([boot, request["exchange"], str(fds[3]), str(fds[4])]))
    for fd in fds:
        os.close(fd)
    ready, _, _ = select.select([connection, os.pidfd_open(worker)], [], [])
    if connection in ready:
        os.killpg(worker, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    if connection not in ready:
        connection.sendall(str(code).encode())
    os._exit(0)


def _leave(code: int) -> None:
    """End with the user's threads and exit handlers; to take down all modules would take longer than the run."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _become(request: dict[str, Any], fds: list[int]) -> None:
    for number in range(3):
        os.dup2(fds[number], number)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])


if __name__ == "__main__":
    del sys.path[0]
    main(Path(sys.argv[1]), sys.argv[2])
