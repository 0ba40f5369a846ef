"""The one exception of the wrapper's steps, and how servers' failures become one."""

import errno
from dataclasses import dataclass
from typing import Final

from mlrun_operator.api.reasons import EXPLANATIONS, HANDLER_FAILED_FOR_GOOD, Reason
from mlrun_operator.store import CredentialsMissingError, DamagedError, DeniedError, NotFoundError, StoreError
from mlrun_wrapper.texts import whole


class StepError(Exception):
    """Why the run ends. `message` says what happened and, where it is not plain, what to do.

    `final` is a failure of the handler that the run does not want to be tried again.
    """

    def __init__(self, reason: Reason, message: str, traceback: str | None = None, *, final: bool = False) -> None:
        self.reason = reason
        self.message = whole(message)
        self.traceback = None if traceback is None else whole(traceback)
        super().__init__(self.message)
        self.final = final

    @property
    def exit_code(self) -> int:
        """The process's exit code by BEHAVIOUR B."""
        return HANDLER_FAILED_FOR_GOOD if self.final else exit_code(self.reason)


def exit_code(reason: Reason) -> int:
    """The wrapper's exit code for a reason."""
    code = EXPLANATIONS[reason].exit_code
    return EXPLANATIONS[Reason.WRAPPER_ERROR].exit_code or 1 if code is None else code


def unforeseen(error: Exception) -> StepError:
    """What no step has foreseen; a full disk is named as one."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        text = f"the pod's disk is full; ask for more by `resources.requests.ephemeral-storage` ({error})"
        return StepError(Reason.WRAPPER_ERROR, text)
    return StepError(Reason.WRAPPER_ERROR, f"{type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class Purpose:
    """What is being fetched or stored: decides which reason a server's failure becomes."""

    what: str
    not_found: Reason
    unavailable: Reason

    def missing(self, text: str) -> StepError:
        """It is not there."""
        return StepError(self.not_found, f"{self.what}: {text}")

    def down(self, text: str) -> StepError:
        """The server does not answer as it should."""
        return StepError(self.unavailable, f"{self.what}: {text}")

    def denied(self, text: str) -> StepError:
        """The server refuses."""
        return StepError(Reason.PERMISSION_DENIED, f"{self.what}: {text}")


SOURCE: Final = Purpose("source", Reason.SOURCE_NOT_FOUND, Reason.SOURCE_UNAVAILABLE)
STORE: Final = Purpose("artifact store", Reason.STORE_UNAVAILABLE, Reason.STORE_UNAVAILABLE)


def input_purpose(name: str) -> Purpose:
    """One input's."""
    return Purpose(f"input {name!r}", Reason.INPUT_NOT_FOUND, Reason.INPUT_UNAVAILABLE)


def from_store(error: StoreError, purpose: Purpose, secret: str, namespace: str) -> StepError:
    """A store's failure for a purpose; without credentials the message says how to give them."""
    if isinstance(error, CredentialsMissingError):
        return StepError(
            Reason.STORE_CREDENTIALS_MISSING,
            f"{error}: the Secret {secret!r} is missing in namespace {namespace!r} or holds no AWS_ACCESS_KEY_ID and "
            f"AWS_SECRET_ACCESS_KEY; `mlrunctl store enable -n {namespace}` makes it of the keys in your environment, "
            f"or with `--from` of another namespace's Secret",
        )
    if isinstance(error, DeniedError):
        return purpose.denied(str(error))
    if isinstance(error, DamagedError):
        return StepError(Reason.INVALID_RUN, f"{purpose.what}: {error}")
    if isinstance(error, NotFoundError):
        return purpose.missing(str(error))
    return purpose.down(str(error))
