"""Rules on texts that the API server and Python check alike: patterns that RE2 and `re` read the same way."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic.config import JsonDict


@dataclass(frozen=True, slots=True)
class Rule:
    """A text that `where` is found in must have `must` in it and must not have `never`. The message is for users.

    Patterns hold no quote, no look-around, no class that means more than ASCII in Python, and `$` only for the end.
    """

    message: str
    must: str = ""
    never: str = ""
    where: str = ""

    def check(self, text: str) -> None:
        """Raise ValueError with the message where the text breaks the rule."""
        if not _found(self.where, text):
            return
        if not _found(self.must, text) or (self.never and _found(self.never, text)):
            raise ValueError(self.message)

    @property
    def cel(self) -> str:
        """The rule as an expression of the API server's."""
        parts = [f"self.matches(r'{self.must}')"] if self.must else []
        parts += [f"!self.matches(r'{self.never}')"] if self.never else []
        rule = " && ".join(parts)
        return f"!self.matches(r'{self.where}') || {rule}" if self.where else rule


def _found(pattern: str, text: str) -> bool:
    """As RE2 finds it: there `$` is the very end, in Python also the place before a last newline."""
    return re.search(pattern.replace("$", r"\Z"), text) is not None


def validations(rules: Iterable[Rule]) -> JsonDict:
    """The `json_schema_extra` of a text with these rules."""
    return {"x-kubernetes-validations": [{"rule": rule.cel, "message": rule.message} for rule in rules]}


def checked(text: str | None, rules: Iterable[Rule]) -> str | None:
    """The text itself. Raises ValueError with the message of the first rule that it breaks; None breaks none."""
    for rule in rules if text is not None else ():
        rule.check(text or "")
    return text
