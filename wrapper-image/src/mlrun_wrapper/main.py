"""The process: starts the executor before anything else, then walks the steps.

Importing mlrun takes seconds, so the executor is started before even our own imports; both happen side by side.
"""

import os
import traceback

from mlrun_wrapper.executor_process import ExecutorProcess
from mlrun_wrapper.log import Log
from mlrun_wrapper.settings import Settings, forget_store_keys
from mlrun_wrapper.signals import EXIT_CODE, Sigterm


def main(sigterm: Sigterm) -> int:
    """Run what the envelope says; return the exit code of BEHAVIOUR B."""
    try:
        return _main(sigterm)
    except BaseException:
        if not sigterm.came:
            raise
        traceback.print_exc()
        return EXIT_CODE


def _main(sigterm: Sigterm) -> int:
    settings = Settings.from_environment(os.environ)
    forget_store_keys(os.environ)
    log = Log()
    executor = ExecutorProcess(settings, log)
    executor.start()

    from mlrun_wrapper.context import Context  # noqa: PLC0415 - while the executor imports mlrun
    from mlrun_wrapper.steps import walk  # noqa: PLC0415 - as above

    try:
        return walk(Context(settings=settings, log=log, executor=executor, sigterm=sigterm))
    finally:
        executor.kill_now()
