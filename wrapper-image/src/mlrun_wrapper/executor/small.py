"""The small ones of what a handler has logged. Nothing of the user's is called to find them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from .limits import LIVE_VALUE_CHARACTERS
from .values import Cleaner

_LEVELS: Final = 8
_NAME_CHARACTERS: Final = 128


def newest_small(items: Iterable[tuple[str, Any]], room: int) -> tuple[dict[str, Any], Cleaner]:
    """Return the results that were logged last, as many as fit, in their order, and what cleaned them."""
    kept: dict[str, Any] = {}
    cleaner = Cleaner()
    for name, value in reversed(list(items)):
        if len(name) > _NAME_CHARACTERS or not is_small(value):
            continue
        clean = cleaner.clean(value, name)
        room -= len(json.dumps({name: clean}))
        if room < 0:
            break
        kept[name] = clean
    return dict(reversed(kept.items())), cleaner


def is_small(value: Any) -> bool:
    """Return whether the value is plain data whose text is short, without looking at more of it than that."""
    room = LIVE_VALUE_CHARACTERS
    level = [value]
    for _ in range(_LEVELS):
        inner: list[Any] = []
        for item in level:
            room -= _weight(item)
            if room < 0:
                return False
            inner += [*item.keys(), *item.values()] if isinstance(item, dict) else item if _is_list(item) else ()
        if not inner:
            return True
        level = inner
    return False


def _weight(item: Any) -> int:
    """Return about how many characters the item takes without what it contains; too many where it is not plain."""
    if item is None or isinstance(item, (bool, float)):
        return 1
    if isinstance(item, int):
        return item.bit_length() // 3 + 1
    if isinstance(item, str) or _is_list(item) or isinstance(item, dict):
        return len(item) + 1
    return LIVE_VALUE_CHARACTERS + 1


def _is_list(item: Any) -> bool:
    return isinstance(item, (list, tuple))
