"""Git's credentials, from the run's environment. They live in the environment of Git's own process, nowhere else."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

# Tokens that are a password of the user `oauth2`; any other token is a user name, as DigitalHub has it.
_OAUTH: Final = ("github_pat_", "glpat")
_NO_PASSWORD: Final = "x-oauth-basic"  # noqa: S105 - what stands where a password would
_HIDDEN: Final = "***"
HINT: Final = "set GIT_TOKEN, or GIT_USERNAME and GIT_PASSWORD, by a Secret of the run"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password, and the variables they come from."""

    username: str
    password: str
    variables: str

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self | None:
        """GIT_TOKEN, else GIT_USERNAME (or GIT_USER) with GIT_PASSWORD; None where neither is there."""
        token = env.get("GIT_TOKEN", "").strip()
        if token.startswith(_OAUTH):
            return cls("oauth2", token, "GIT_TOKEN")
        if token:
            return cls(token, _NO_PASSWORD, "GIT_TOKEN")
        name = "GIT_USERNAME" if env.get("GIT_USERNAME") else "GIT_USER"
        username, password = env.get(name, "").strip(), env.get("GIT_PASSWORD", "").strip()
        return cls(username, password, f"{name} and GIT_PASSWORD") if username and password else None

    @property
    def header(self) -> str:
        """The value of the Authorization header."""
        return f"Basic {self._encoded}"

    def hidden(self, text: str) -> str:
        """The text with nothing of them in it."""
        secret = self.username if self.password == _NO_PASSWORD else self.password
        return text.replace(self._encoded, _HIDDEN).replace(secret, _HIDDEN)

    @property
    def _encoded(self) -> str:
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def __repr__(self) -> str:
        return f"Credentials of {self.variables}"
