"""What the SDK raises: one tree, each error with a `hint` that says what to do."""

from typing import Self

from mlrun_operator.api.visible import visible
from mlrun_operator.api.words import sentences


class SdkError(Exception):
    """Any failure that the SDK explains. `hint` says what to do; it is part of the text.

    The text may be shown on a terminal; `message` is as whoever wrote it, a handler perhaps.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return visible(sentences(self.message, self.hint))


class InvalidArgument(SdkError, ValueError):
    """An argument cannot be what was given. `field` names it: `resources.mem.limits`."""

    def __init__(self, field: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message, hint=hint)
        self.field = field

    def within(self, parent: str) -> Self:
        """The same error, its field seen from an argument that holds it."""
        field = f"{parent}.{self.field}" if self.field else parent
        words = self.message.removeprefix(f"{self.field}: ") if self.field else self.message
        return type(self)(field, words, hint=self.hint)


class NotSupported(SdkError):
    """Something that DigitalHub knew, and this operator does not do."""


class NotFound(SdkError, LookupError):
    """No such function, run, entity or project."""


class Conflict(SdkError):
    """Something of that name exists already, or has changed since it was read."""


class RunNotFinished(SdkError):
    """The run has no outputs yet."""


class RunFailed(SdkError):
    """The run ended otherwise than by success.

    `reason` is one of docs/reasons.md; `details` is the whole message with the handler's own traceback.
    """

    def __init__(self, message: str, *, hint: str = "", reason: str = "", details: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.details = details


class RunStopped(RunFailed):
    """The run was stopped."""


class RunStuck(RunFailed):
    """The run cannot start: its image, a Secret, a volume or a node is missing. It goes on trying."""


class WaitTimeout(SdkError, TimeoutError):
    """The run did not end in the time that `wait` was given. It goes on."""


class MissingExtra(SdkError, ImportError):
    """A library is missing; the hint is the pip command."""

    @classmethod
    def of(cls, what: str, extra: str) -> Self:
        """For something that needs an extra of this package."""
        return cls(f"{what} needs libraries that are not installed", hint=f"pip install 'mlrun-operator[{extra}]'")


class BackendError(SdkError):
    """The cluster or the local backend does not work as it should."""


class NotConnected(BackendError):
    """There is no cluster to talk to, or it does not answer."""


class NotAuthenticated(BackendError):
    """The cluster does not take the credentials."""


class NotAllowed(BackendError):
    """The user may not do this; the hint names the role that may."""


class CrdsMissing(BackendError):
    """The cluster does not serve this operator's resources."""


class NamespaceMissing(BackendError):
    """The namespace does not exist."""


class DataUnreachable(SdkError):
    """No way leads from here to the data in the store; the message lists the ways."""


__all__ = [
    "BackendError",
    "Conflict",
    "CrdsMissing",
    "DataUnreachable",
    "InvalidArgument",
    "MissingExtra",
    "NamespaceMissing",
    "NotAllowed",
    "NotAuthenticated",
    "NotConnected",
    "NotFound",
    "NotSupported",
    "RunFailed",
    "RunNotFinished",
    "RunStopped",
    "RunStuck",
    "SdkError",
    "WaitTimeout",
]
