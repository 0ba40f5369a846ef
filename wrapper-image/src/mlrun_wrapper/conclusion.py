"""The end of every walk: the report and the exit code, also of a pod that was told to end meanwhile.

After SIGTERM the exit code is 0, where everything was done, or 143: any other would count as the function's failure.
"""

from mlrun_operator.api.reasons import Reason
from mlrun_wrapper import alarm
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.report import end_executor, log_end, log_length, store_report, write_termination_message
from mlrun_wrapper.signals import EXIT_CODE
from mlrun_wrapper.sweep import point


def conclude(context: Context) -> int:
    """Tell everyone how the run ended; return the exit code."""
    try:
        _report_in_time(context)
    except alarm.TimeIsUp:
        alarm.silence()
        context.executor.kill_now()
        context.log.line("warning: the grace period was too short to store run.json and log.txt")
        write_termination_message(context)
    if _failed_after_sigterm(context):
        _become_terminated(context)
        write_termination_message(context)
    return context.failure.exit_code if context.failure else 0


def _report_in_time(context: Context) -> None:
    """Report, within the grace period once SIGTERM has come."""
    try:
        alarm.interrupt_calls()
        with context.sigterm.doing(lambda: _limit(context)):
            _report(context)
            if _failed_after_sigterm(context):
                _become_terminated(context)
                store_report(context)
    finally:
        alarm.silence()


def _limit(context: Context) -> None:
    alarm.ring_in(context.sigterm.seconds_left(context.grace.reported))


def _report(context: Context) -> None:
    """Write the termination message before whatever may take long."""
    if _failed_after_sigterm(context):
        _become_terminated(context)
    write_termination_message(context)
    _leave_summary(context)
    end_executor(context)
    log_end(context)
    log_length(context)
    store_report(context)


def _leave_summary(context: Context) -> None:
    """Let a point tell the others how it ended; that it cannot may be a failure of its own."""
    failure = context.failure
    try:
        point.tell(context)
    except alarm.TimeIsUp:
        text = "the pod was told to end, and the grace period was too short to leave the point's summary"
        context.failure = context.failure or StepError(Reason.TERMINATED, text)
        raise
    if context.failure is not failure:
        write_termination_message(context)


def _failed_after_sigterm(context: Context) -> bool:
    """Return whether SIGTERM has come and the failure so far would end the process with a code of its own."""
    return context.sigterm.came and context.failure is not None and context.failure.exit_code not in (0, EXIT_CODE)


def _become_terminated(context: Context) -> None:
    """Make the failure one of being told to end, which still says what had gone wrong."""
    failure = context.failure
    assert failure is not None  # noqa: S101 - the caller has asked
    text = f"the pod was told to end, and the run did not complete ({failure.reason}: {failure.message})"
    context.failure = StepError(Reason.TERMINATED, text, failure.traceback)
