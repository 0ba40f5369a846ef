"""YAML of which nobody knows who wrote it: reading it takes no more than its own size promises."""

import re
from typing import Any, Final

import yaml

from mlrun_operator.api import bounds

MAX_DEPTH: Final = bounds.YAML_DEPTH.limit
MAX_REPEATED: Final = bounds.YAML_REPEATED.limit
# How many characters a node counts besides its own text, since an empty list takes time, too.
_NODE_CHARACTERS: Final = 16
# What PyYAML's constructors raise, besides its own errors, for a value that is not what its tag says.
_UNREADABLE: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


class LimitedLoader(yaml.SafeLoader):
    """SafeLoader with limits. Raises MarkedYAMLError where a text is nested deeper or repeats more by its aliases."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._level = 0
        self._repeated = 0
        # By id the height and the size of each complete node, with the node so that no other has its id.
        self._measured: dict[int, tuple[int, int, yaml.Node]] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node. PyYAML calls this for each one, and for each alias."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        self._level += 1
        if self._level > MAX_DEPTH:
            raise _too_deep(event)
        node: yaml.Node | None = super().compose_node(parent, index)
        if isinstance(event, yaml.AliasEvent):
            self._repeat(node, event)
        elif node is not None:
            self._measure(node)
        self._level -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyYAML's
        """Return the value of a node. Raises MarkedYAMLError where it is not what its tag says."""
        try:
            return super().construct_object(node, deep)
        except _UNREADABLE as error:
            kind = node.tag.rpartition(":")[2]
            raise yaml.MarkedYAMLError(None, None, f"this is not a valid {kind}: {error}", node.start_mark) from error

    def _measure(self, node: yaml.Node) -> None:
        parts = [self._measured[id(child)] for child in _children(node)]
        text = len(node.value) if isinstance(node, yaml.ScalarNode) else 0
        size = _NODE_CHARACTERS + text + sum(size for _, size, _ in parts)
        self._measured[id(node)] = 1 + max((height for height, _, _ in parts), default=0), size, node

    def _repeat(self, node: yaml.Node | None, event: yaml.AliasEvent) -> None:
        if id(node) not in self._measured:
            raise _refused(event, f"the alias *{event.anchor} is inside of what it repeats")
        height, size, _ = self._measured[id(node)]
        if self._level + height - 1 > MAX_DEPTH:
            raise _too_deep(event)
        self._repeated += size
        if self._repeated > MAX_REPEATED:
            raise _refused(event, f"aliases repeat more than {MAX_REPEATED >> 20} MiB: write out what you need")


class ManifestLoader(LimitedLoader):
    """LimitedLoader that reads scalars as kubectl does: dates are texts, and 1e-3 is a number."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


# Numbers that YAML 1.2 and kubectl know and PyYAML does not.
EXPONENT: Final = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")
ManifestLoader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+.0123456789"))


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def problem_of(error: yaml.MarkedYAMLError) -> tuple[int | None, str]:
    """Return the line, counted from 1, and what is wrong there."""
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else None, str(error.problem or error.context)


def _too_deep(event: yaml.Event) -> yaml.MarkedYAMLError:
    return _refused(event, f"it is nested deeper than {MAX_DEPTH} levels")


def _refused(event: yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    mark: Any = event.start_mark  # also where the stubs know two kinds of it
    return yaml.MarkedYAMLError(None, None, problem, mark)
