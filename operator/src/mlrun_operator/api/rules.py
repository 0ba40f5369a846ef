"""Rules for texts that the API server and Python check in the same way.

Their patterns mean the same in RE2 and in `re`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pydantic.config import JsonDict

_CODE_POINT: Final = re.compile(r"\\u([0-9a-f]{4})")
_AS_RE2: Final = r"\\x{\1}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A text that matches `applies_to` must match `must` and must not match `never`. The message is for users.

    Patterns have no quote, no look-around and no class that matches more than ASCII in Python. `$` means only the end.
    A character beyond Latin-1 is written as `\\uXXXX`.
    """

    message: str
    must: str = ""
    never: str = ""
    applies_to: str = ""

    def check(self, text: str) -> None:
        """Raise ValueError with the message if the text breaks the rule."""
        if not _matches(self.applies_to, text):
            return
        if not _matches(self.must, text) or (self.never and _matches(self.never, text)):
            raise ValueError(self.message)

    @property
    def cel(self) -> str:
        """Return the rule as a CEL expression for the API server."""
        checks = [_cel_match(self.must)] if self.must else []
        checks += [f"!{_cel_match(self.never)}"] if self.never else []
        rule = " && ".join(checks)
        return f"!{_cel_match(self.applies_to)} || {rule}" if self.applies_to else rule


def _cel_match(pattern: str) -> str:
    """Return the CEL call that matches the pattern. RE2 writes Python's `\\uXXXX` as `\\x{XXXX}`."""
    return f"self.matches(r'{_CODE_POINT.sub(_AS_RE2, pattern)}')"


def _matches(pattern: str, text: str) -> bool:
    """Return whether RE2 finds the pattern: its `$` does not match before a last newline, unlike Python's."""
    return re.search(pattern.replace("$", r"\Z"), text) is not None


def validations(rules: Iterable[Rule]) -> JsonDict:
    """Return the `json_schema_extra` of a text with these rules."""
    return {"x-kubernetes-validations": [{"rule": rule.cel, "message": rule.message} for rule in rules]}


def checked(text: str | None, rules: Iterable[Rule]) -> str | None:
    """Return the text unchanged. Raises ValueError with the message of the first rule that it breaks."""
    for rule in rules if text is not None else ():
        rule.check(text or "")
    return text
