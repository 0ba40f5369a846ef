"""The errors that the API server answers."""

import re
from typing import Any, Final, Self

# The messages for a size limit: of etcd, of the API server's etcd client, and of the API server.
_TOO_LARGE: Final = (
    "etcdserver: request is too large",
    "trying to send message larger than max",
    "Request entity too large",
)
# The message for any object in a namespace that does not exist.
_NO_NAMESPACE: Final = re.compile(r'namespaces "[^"]*" not found')
_BEING_TERMINATED: Final = "unable to create new content in namespace"


class ApiError(Exception):
    """A request that failed. `code` is the HTTP code, or 0 if there was no response."""

    def __init__(
        self, code: int, reason: str, message: str, retry_after: float | None = None, kind: str | None = None
    ) -> None:
        """Build the error. `kind` is the plural of the resource that it is about, such as `namespaces`."""
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        self.kind = kind

    @classmethod
    def of(cls, code: int, body: Any, retry_after: str | None) -> Self:
        """Return the error in a metav1.Status, or in the response of a proxy."""
        status = body if isinstance(body, dict) else {}
        seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
        message = str(status.get("message") or body or "")
        return cls(code, str(status.get("reason", "")), message, seconds, _kind_of(status))

    @property
    def not_found(self) -> bool:
        """Return whether the object does not exist."""
        return self.code == 404

    @property
    def already_exists(self) -> bool:
        """Return whether an object of that name exists."""
        return self.code == 409 and self.reason == "AlreadyExists"

    @property
    def gone(self) -> bool:
        """Return whether the requested resource version is too old or from another history. List again then."""
        return self.code == 410 or "Too large resource version" in self.message

    @property
    def conflict(self) -> bool:
        """Return whether the object has changed since it was read."""
        return self.code == 409 and self.reason == "Conflict"

    @property
    def namespace_gone(self) -> bool:
        """Return whether the namespace is being deleted or does not exist, so that nothing can be created in it."""
        if self.code == 404:
            return self.kind == "namespaces" if self.kind else bool(_NO_NAMESPACE.fullmatch(self.message))
        return self.code == 403 and _BEING_TERMINATED in self.message and "being terminated" in self.message

    @property
    def too_large(self) -> bool:
        """Return whether the object is larger than the API server or etcd accepts.

        etcd's refusal has code 500 (kubernetes/kubernetes#112152), but another attempt would fail, too.
        """
        return self.code == 413 or (self.code >= 500 and any(text in self.message for text in _TOO_LARGE))

    @property
    def refused(self) -> bool:
        """Return whether the server refuses this object because of its fields, its size, a quota or a policy."""
        return self.too_large or (self.code in (400, 403, 422) and not self.namespace_gone)


def _kind_of(status: dict[str, Any]) -> str | None:
    details = status.get("details")
    kind = details.get("kind") if isinstance(details, dict) else None
    return kind if isinstance(kind, str) else None
