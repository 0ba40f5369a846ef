"""An interpreter for the wrapper that has mlrun imported already."""

import subprocess
import sys
from pathlib import Path

from mlrun_wrapper.executor_process import BOOT

_HERE = Path(__file__).parent


class WarmInterpreter:
    """The server, and the executable that the wrapper takes for the function's interpreter."""

    def __init__(self, folder: Path) -> None:
        address = folder / "socket"
        self.path = folder / "python"
        shim = (_HERE / "shim.py").read_text()
        self.path.write_text(f"#!{sys.executable} -ISu\nADDRESS = {str(address)!r}\n{shim}")
        self.path.chmod(0o755)
        command = [sys.executable, "-u", str(_HERE / "server.py"), str(BOOT), str(address)]
        self._server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def wait(self) -> None:
        """Until it takes runs."""
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == "ready\n", "the server of warm interpreters did not start"

    def stop(self) -> None:
        self._server.kill()
        self._server.wait()
        assert self._server.stdout is not None
        self._server.stdout.close()
