"""Reports by their termination messages: each look at a run reads all of its pods, and their messages do not change."""

from collections import OrderedDict
from typing import Final

from mlrun_operator.api import bounds
from mlrun_operator.api.contract.result import Result, decode

_MAX_BYTES: Final = bounds.DECODED_REPORTS.limit

_Key = tuple[str, int | None]


class DecodedReports:
    """Decodes each termination message once, and forgets the reports that were not asked for the longest."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._reports: OrderedDict[_Key, tuple[Result | None, int]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many reports are remembered."""
        return len(self._reports)

    def decode(self, message: str, exit_code: int | None) -> Result | None:
        """Return the report of the message. It belongs to all who ask, so that nobody may change it."""
        key = message, exit_code
        remembered = self._reports.pop(key, None)
        if remembered is None:
            report = decode(message, exit_code)
            size = len(message) + (len(report.model_dump_json()) if report else 0)
            self._bytes += size
            remembered = report, size
        self._reports[key] = remembered
        while self._bytes > self._max_bytes:
            _, (_, size) = self._reports.popitem(last=False)
            self._bytes -= size
        return remembered[0]
