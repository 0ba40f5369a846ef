"""The API server's refusals, each as one sentence that says what happened and what to do."""

from typing import Final

import aiohttp

from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.sdk.errors import (
    BackendError,
    Conflict,
    CrdsMissing,
    InvalidArgument,
    NamespaceMissing,
    NotAllowed,
    NotAuthenticated,
    NotConnected,
    NotFound,
    SdkError,
)

_ROLE: Final = "An administrator can bind the role mlrun-operator-user to you in this namespace."


def is_transient(error: ApiError) -> bool:
    """Whether the same request may succeed in a moment."""
    return error.code in (0, 429) or error.code >= 500


def may_be_done(error: ApiError) -> bool:
    """Whether the server may have done what was asked, and only its answer was lost."""
    sent = not isinstance(error.__cause__, aiohttp.ClientConnectorError)
    return error.code >= 500 or (error.code == 0 and sent)


def explained(error: ApiError, where: str, what: str = "") -> SdkError:
    """The error for people. `where` is the backend's line, `what` the object that was asked for."""
    place = where.removeprefix("backend kubernetes · ")
    if error.code == 0:
        return NotConnected(
            f"the cluster does not answer ({place}): {error.message}",
            hint="Is it up, and can it be reached from here? `kubectl version` asks the same.",
        )
    if error.code == 401:
        return NotAuthenticated(
            f"the cluster does not take the credentials ({place}); they may have expired",
            hint="Log in again, as you do for kubectl.",
        )
    if error.code == 404:
        return _missing(error, place, what)
    if error.namespace_gone:
        return NamespaceMissing(f"the namespace is being deleted: {error.message}", hint="Choose another one.")
    if error.code == 403:
        refused = "admission" in error.message or "quota" in error.message
        return NotAllowed(error.message, hint="" if refused else _ROLE)
    if error.code == 409:
        words = f"{what} exists already" if error.already_exists else f"{what} has changed since it was read"
        hint = "Give another name." if error.already_exists else "Refresh it and try again."
        return Conflict(words, hint=hint)
    if error.code in (400, 422):
        return InvalidArgument("", f"the cluster refuses {what}: {error.message}")
    return BackendError(f"the cluster answered {error.code} {error.message} ({place})")


def _missing(error: ApiError, place: str, what: str) -> SdkError:
    if not error.reason or "could not find the requested resource" in error.message:
        return CrdsMissing(
            f"{place}: this cluster does not serve mlrun-operator's resources",
            hint="Install the operator with its CRDs, or choose another context: connect(context=…).",
        )
    if error.message.startswith("namespaces "):
        return NamespaceMissing(
            f"{error.message} ({place})", hint="Choose another one: connect(namespace=…), or have it made."
        )
    return NotFound(f"{what or error.message} does not exist ({place})")
