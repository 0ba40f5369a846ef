"""The one exception that ends a command: what happened, and what to do about it."""


class DevClusterError(Exception):
    """A failure a person can act on. `hint` is the next step; `detail` is evidence, such as the end of a log."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        parts = [f"error: {self.args[0]}"]
        if self.detail:
            parts.append("\n".join(f"  | {line}" for line in self.detail.splitlines()))
        if self.hint:
            parts.append(f"What to do: {self.hint}")
        return "\n".join(parts)


class MissingRequirementError(DevClusterError):
    """This machine cannot run the chosen kind of cluster; nothing was changed."""

    exit_code = 2
