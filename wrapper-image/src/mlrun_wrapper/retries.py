"""How long a server is left alone before it is asked again."""

import random
import time
from typing import Final

_FIRST_SECONDS: Final = 0.5
_LONGEST_SECONDS: Final = 10.0


def wait_after(tried: int) -> None:
    """Sleep after the `tried`th try that brought nothing: twice as long each time, spread so that pods take turns."""
    seconds = min(_FIRST_SECONDS * 2 ** (tried - 1), _LONGEST_SECONDS)
    time.sleep(seconds * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads tries
