"""Exit codes, and the one exception that ends a verb: a sentence, what to do, and a code."""

from enum import IntEnum


class Exit(IntEnum):
    """What the program's exit code says. Scripts may rely on it."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    UNREACHABLE = 5
    BUG = 70
    TIMEOUT = 124
    INTERRUPTED = 130


MEANINGS: dict[Exit, str] = {
    Exit.OK: "What was asked for is done, and is well.",
    Exit.FAILED: "The answer is no: the run failed or was stopped, a file is not valid, there is a difference.",
    Exit.USAGE: "The command line is wrong, or a file on it cannot be read.",
    Exit.NOT_FOUND: "The run, function or output does not exist.",
    Exit.REFUSED: "The cluster or the store refuses it: no permission, expired credentials, an invalid object.",
    Exit.UNREACHABLE: "The cluster or the store does not answer, or does not know our kinds.",
    Exit.BUG: "An error of this program. `-v` shows where.",
    Exit.TIMEOUT: "`--timeout` is over and the run has not ended.",
    Exit.INTERRUPTED: "Ctrl-C. Nothing in the cluster is changed by that.",
}


class CliError(Exception):
    """Ends the verb with one sentence and, where there is something to do, a second one."""

    def __init__(self, message: str, hint: str = "", code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code
