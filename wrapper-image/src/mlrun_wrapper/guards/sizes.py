"""Rules `unpacked-size` and `ratio`: what archives and gzip may unpack to, by the settings of the operator."""

import threading
from dataclasses import dataclass
from typing import Final

from mlrun_operator.api import bounds
from mlrun_operator.api.bounds import MIB
from mlrun_operator.api.contract.fetching import FetchRules
from mlrun_wrapper.guards import GuardError, setting

SOURCE_RATIO_FLOOR_BYTES: Final = bounds.ARCHIVE_RATIO_FLOOR.limit
INPUT_RATIO_FLOOR_BYTES: Final = bounds.INPUT_RATIO_FLOOR.limit
LONGEST_NAME_BYTES: Final = bounds.ARCHIVE_NAME.limit
LONGEST_PATH_BYTES: Final = bounds.ARCHIVE_PATH.limit
DEEPEST_PATH: Final = bounds.ARCHIVE_DEPTH.limit
DIRECTORY_ENTRY_BYTES: Final = bounds.ZIP_ENTRY.limit
SMALLEST_DIRECTORY_LIMIT_BYTES: Final = bounds.ZIP_DIRECTORY.limit


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """What something may unpack to. `group` is the group of the settings that allow more."""

    max_mib: int
    max_ratio: int
    ratio_floor: int
    group: str

    def check(self, what: str, unpacked: int, packed: int) -> None:
        """Raise GuardError for more than may be. Sizes are in bytes."""
        if unpacked > self.max_mib * MIB:
            text = f"{what} unpacks to {unpacked // MIB} MiB, more than {self.max_mib} MiB"
            raise GuardError("unpacked-size", text, setting("maxUnpackedMiB", self.group))
        if unpacked > self.ratio_floor and unpacked > packed * self.max_ratio:
            text = f"{what} unpacks to {unpacked // max(packed, 1)} times its size, more than {self.max_ratio} times"
            raise GuardError("ratio", text, setting("maxRatio", self.group))


def source_limits(rules: FetchRules) -> SizeLimits:
    """Return the limits of an archive."""
    return SizeLimits(rules.max_unpacked_mib, rules.max_ratio, SOURCE_RATIO_FLOOR_BYTES, "sources")


def input_limits(rules: FetchRules) -> SizeLimits:
    """Return the limits of an input, whether it is a file or a folder."""
    return SizeLimits(rules.input_max_unpacked_mib, rules.input_max_ratio, INPUT_RATIO_FLOOR_BYTES, "inputs")


class UnpackedInput:
    """Counts what the gzipped files of one input unpack to. May be used by several threads."""

    def __init__(self, limits: SizeLimits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._packed = self._unpacked = 0

    def begin(self, packed: int) -> None:
        """Count a file that is about to be unpacked."""
        with self._lock:
            self._packed += packed

    def add(self, size: int) -> None:
        """Count what came out of it. Raises GuardError where it is too much."""
        with self._lock:
            self._unpacked += size
            self._limits.check("its gzip data", self._unpacked, self._packed)
