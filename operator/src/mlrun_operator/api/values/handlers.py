"""The name of what is called: `function`, `Class::method`, either with `package.module:` before it."""

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
        "source.handler is the path of a .py file inside of the repository or archive, such as src/train.py",
        must=r"^[^/\\\x00-\x1f\x7f]+(/[^/\\\x00-\x1f\x7f]+)*\.py$",
        never=r"(^|/)\.\.?/",
    ),
)


@dataclass(frozen=True, slots=True)
class Handler:
    """A handler's name, taken apart: the module to import, and in it the function or the class and its method."""

    name: str
    module: str | None = None
    cls: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The handler in `text`. Raises ValueError that says the form where it is none."""
        for rule in HANDLER_RULES:
            rule.check(text)
        head, double, method = text.partition("::")
        module, single, name = head.rpartition(":")
        owner = name if double else None
        return cls(method if double else name, module if single else None, owner)

    @property
    def in_module(self) -> str:
        """As it is called inside of its module: `function` or `Class::method`."""
        return f"{self.cls}::{self.name}" if self.cls else self.name
