"""The last line of a long log: how long it was, by which a reader knows whether the node has all of it.

A node keeps the newest file of a log that it rotated, and gives no sign that others were before it.
"""

import re
from collections.abc import Iterable
from typing import Final

# The lines at the end of a log among which the line is.
NEAR_END: Final = 20
_LINE: Final = re.compile(r"mlrun-wrapper: this log has ([0-9]{1,18}) bytes before this line")
# What log.txt has between its beginning and its end, as mlrun_wrapper/log.py writes it.
GAP: Final = re.compile(r"\n\.\.\. [0-9]+ bytes left out \.\.\.\n")


def words(length: int) -> str:
    """Return the wrapper's words for the line.

    >>> told_length([f"mlrun-wrapper: {words(5_000_000)}"])
    5000000
    """
    return f"this log has {length} bytes before this line; log.txt in the store has the first and the last MiB"


def told_length(lines: Iterable[str]) -> int | None:
    """Return the length that the last such line tells, in bytes; None where there is none."""
    found = [int(match[1]) for line in lines if (match := _LINE.match(line))]
    return found[-1] if found else None
