"""Started by the wrapper as the function's interpreter: hands its files, folder and environment to the server.

Whatever is not the executor, such as the conversion of a table, gets a real interpreter.
"""

import json
import os
import socket
import sys

if not any(argument.endswith("/executor/boot.py") for argument in sys.argv):
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])

exchange, commands, reports = sys.argv[3:6]
connection = socket.socket(socket.AF_UNIX)
connection.connect(ADDRESS)  # type: ignore[name-defined] # noqa: F821 - written in front of this file
# pathlib takes as long to import as all the rest.
text = json.dumps({"exchange": exchange, "cwd": os.getcwd(), "env": dict(os.environ)})  # noqa: PTH109
socket.send_fds(connection, [f"{text}\n".encode()], [0, 1, 2, int(commands), int(reports)])
for fd in (int(commands), int(reports)):
    os.close(fd)
code = int(connection.recv(16) or 1)
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
