"""How deeply values are nested, without recursion."""

from typing import Any


def is_deeper(value: Any, levels: int) -> bool:
    """Return whether the value is nested deeper than so many levels; a plain value has one."""
    level = [value]
    for _ in range(levels):
        level = [item for parent in level for item in _items(parent)]
        if not level:
            return False
    return True


def _items(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
