"""The name of a handler: `function` or `Class::method`, optionally with `package.module:` in front."""

from dataclasses import dataclass
from typing import Final, Self

from mlrun_operator.api.rules import Rule

_NAME: Final = "[A-Za-z_][A-Za-z0-9_]*"

HANDLER_RULES: Final = (
    Rule(
        "handler is the name of a function, Class::method, or one of them after package.module:",
        must=rf"^({_NAME}(\.{_NAME})*:)?({_NAME}::)?{_NAME}$",
    ),
)
FILE_RULES: Final = (
    Rule(
        "source.handler is the path of a .py file inside the repository or archive, such as src/train.py",
        must=r"^[^/\\\x00-\x1f\x7f]+(/[^/\\\x00-\x1f\x7f]+)*\.py$",
        never=r"(^|/)\.\.?/",
    ),
)
FILE_NAME_RULES: Final = (
    Rule(
        "source.fileName is the name of the .py file that the inline code is from, without its folder, such as "
        "train.py",
        must=r"^[^/\\\x00-\x1f\x7f]+\.py$",
    ),
)


@dataclass(frozen=True, slots=True)
class Handler:
    """The parts of a handler's name: the module to import, and the function or the class and method in it."""

    name: str
    module: str | None = None
    cls: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the name of a handler. Raises ValueError that says the valid forms."""
        for rule in HANDLER_RULES:
            rule.check(text)
        head, double, method = text.partition("::")
        module, single, name = head.rpartition(":")
        owner = name if double else None
        return cls(method if double else name, module if single else None, owner)

    @property
    def in_module(self) -> str:
        """Return the name inside the module: `function` or `Class::method`."""
        return f"{self.cls}::{self.name}" if self.cls else self.name
