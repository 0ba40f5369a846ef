"""The init container, where the function's image is the user's: what only the wrapper's own image can do.

The interpreter is carried over into a volume. With the argument `fetch` the source is fetched, too, since other images
need not have git; what became of that the wrapper reports, as if it had happened to it.
"""

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Final

from mlrun_wrapper.carry import carry
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError, unforeseen
from mlrun_wrapper.executor_process import ExecutorProcess
from mlrun_wrapper.log import Log
from mlrun_wrapper.settings import Settings
from mlrun_wrapper.signals import EXIT_CODE, Sigterm
from mlrun_wrapper.sources import fetch_source, handed
from mlrun_wrapper.steps import read_envelope

# Where the volume is mounted here, and where the wrapper will find it.
TARGET: Final = Path("/opt/mlrun-carried")
HOME: Final = Path("/opt/mlrun-wrapper")


def main(arguments: list[str]) -> int:
    """The exit code is 0 whatever became of the source."""
    sigterm = Sigterm()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT_CODE))  # an exception could be swallowed on its way
    carry(TARGET, HOME)
    if "fetch" in arguments:
        settings, log = Settings.from_environment(os.environ), Log()
        fetch(Context(settings=settings, log=log, executor=ExecutorProcess(settings, log), sigterm=sigterm))
    return 0


def fetch(context: Context) -> None:
    """Fetch the source into the work folder and leave word of it there."""
    context.settings.prepare_folders()
    failure = None
    try:
        read_envelope(context)
        fetch_source(context)
    except StepError as error:
        failure = error
    except Exception as error:
        context.log.line(traceback.format_exc())
        failure = unforeseen(error)
    handed.leave(context, failure)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
