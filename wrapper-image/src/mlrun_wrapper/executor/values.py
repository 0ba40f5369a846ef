"""Any Python value as JSON that every reader understands."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pandas as pd

from .levels import CUT, CYCLE, is_long
from .limits import RESULT_LEVELS

_SAFE = 2**53


class Cleaner:
    """Cleans values; the names of those that held NaN or an infinity gather in `nonfinite`, of those cut in `cut`.

    NaN and infinities become null, and integers beyond 2^53 texts, since JSON numbers are doubles to most readers; such
    of too many digits are hexadecimal. What is nested too deeply, or contains itself, becomes a text.
    """

    def __init__(self) -> None:
        self.nonfinite: set[str] = set()
        self.cut: set[str] = set()
        self._parents: list[int] = []

    def clean(self, value: Any, name: str) -> Any:
        """The value, part of what is called `name`, as JSON."""
        if value is None or isinstance(value, (str, bool)):
            return value
        if isinstance(value, np.generic):
            return self.clean(value.item(), name) if not isinstance(value, np.datetime64) else str(value)
        if isinstance(value, int):
            return self._int(value, name)
        if isinstance(value, float):
            return self._float(value, name)
        if id(value) in self._parents or len(self._parents) >= RESULT_LEVELS:
            return self._text_for(value, name)
        self._parents.append(id(value))
        try:
            return self._container(value, name)
        finally:
            self._parents.pop()

    def _text_for(self, value: Any, name: str) -> str:
        """What stands for a part that is cut."""
        self.cut.add(name)
        return CYCLE if id(value) in self._parents else CUT

    def _int(self, value: int, name: str) -> int | str:
        if abs(value) <= _SAFE:
            return value
        if not is_long(value):
            return str(value)
        self.cut.add(name)
        return hex(value)

    def _float(self, value: float, name: str) -> float | None:
        if math.isfinite(value):
            return value
        self.nonfinite.add(name)
        return None

    def _container(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {str(key): self.clean(item, name) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.clean(item, name) for item in value]
        return self._object(value, name)

    def _object(self, value: Any, name: str) -> Any:
        if isinstance(value, (np.ndarray, pd.Series, pd.Index)):
            return self.clean(value.tolist(), name)
        if isinstance(value, pd.DataFrame):
            return self.clean(value.to_dict(orient="list"), name)
        if value is pd.NaT or value is pd.NA:
            return None
        if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, bytes):
            return value.decode("utf-8", errors="replace")
        return str(value)
