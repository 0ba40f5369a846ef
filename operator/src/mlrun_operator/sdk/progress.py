"""What is shown while a run is waited for: its card in notebooks, a line a change elsewhere, or nothing."""

import sys
from typing import Any

from mlrun_operator.api.visible import visible
from mlrun_operator.sdk.views import RunView


class Progress:
    """Shows each change of a run. `shown` None means: in notebooks."""

    def __init__(self, run: RunView, *, shown: bool | None) -> None:
        self._run = run
        self._last = ""
        self._display: Any = None
        self._notebook = _in_notebook()
        self._shown = self._notebook if shown is None else shown

    def changed(self) -> None:
        """Show the run as it is now."""
        line = self._line()
        if not self._shown or line == self._last:
            return
        self._last = line
        if not self._notebook:
            print(visible(line), file=sys.stderr, flush=True)
        elif self._display is None:
            from IPython.display import display

            self._display = display(self._run, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._display.update(self._run)

    def _line(self) -> str:
        status = self._run.status
        words = status.message.split("\n", 1)[0]
        reason = status.reason if status.reason not in (None, status.phase) else ""
        sweep = self._run.sweep
        points = f"{sweep.progress} points" if sweep and sweep.progress and not words else ""
        return " · ".join(filter(None, (self._run.name, status.state, reason, points, words)))


def _in_notebook() -> bool:
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"
