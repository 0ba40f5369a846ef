"""What the API server may answer instead of yes."""

from typing import Any, Self


class ApiError(Exception):
    """An answer that is no success. `code` is HTTP's, 0 where there was no answer at all."""

    def __init__(self, code: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    @classmethod
    def of(cls, code: int, body: Any, retry_after: str | None) -> Self:
        """The error in a metav1.Status, or in whatever a proxy answered instead."""
        said = body if isinstance(body, dict) else {}
        seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
        return cls(code, str(said.get("reason", "")), str(said.get("message") or body or ""), seconds)

    @property
    def not_found(self) -> bool:
        """The object does not exist."""
        return self.code == 404

    @property
    def already_exists(self) -> bool:
        """An object of that name exists."""
        return self.code == 409 and self.reason == "AlreadyExists"

    @property
    def gone(self) -> bool:
        """The resource version that was asked for is too old, or of another history: list anew."""
        return self.code == 410 or "Too large resource version" in self.message

    @property
    def conflict(self) -> bool:
        """The object has changed since it was read."""
        return self.code == 409 and self.reason == "Conflict"

    @property
    def namespace_gone(self) -> bool:
        """The namespace is being deleted or does not exist: nothing can be made in it."""
        return (self.code == 403 and "being terminated" in self.message) or (
            self.code == 404 and "namespaces" in self.message
        )

    @property
    def refused(self) -> bool:
        """The server understood and says no to this object: bad fields, a quota or a policy."""
        return self.code in (400, 403, 422) and not self.namespace_gone
