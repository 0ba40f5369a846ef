"""What the demo looks like: headings, commands, their output. Colours only on a terminal."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_OF_PHASE = {"Pending": "yellow", "Running": "cyan", "Succeeded": "green", "Failed": "red"}


def styled(text: str, *styles: str) -> str:
    """The text in these styles; unchanged where nobody sees them."""
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return text
    return f"\033[{';'.join(_CODES[style] for style in styles)}m{text}\033[0m"


def phase(name: str) -> str:
    """A phase, padded and in its colour."""
    return styled(f"{name:9}", _OF_PHASE.get(name, "bold"))


def say(text: str = "") -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def indented(text: str) -> None:
    """Print what a command said."""
    for line in text.rstrip().splitlines():
        say(f"  {line}")


class Chapters:
    """Numbered headings, and how long each chapter took."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def chapter(self, title: str, short: str) -> Iterator[None]:
        """Print the heading; remember the time under `short`."""
        say(f"\n{styled(f'{len(self.seconds) + 1}  {title}', 'bold')}")
        started = time.monotonic()
        yield
        self.seconds[short] = time.monotonic() - started

    def table(self) -> list[str]:
        """A line for each chapter and one for all."""
        rows = [*self.seconds.items(), ("all", time.monotonic() - self.started)]
        return [f"{name:28} {seconds:6.1f} s" for name, seconds in rows]
