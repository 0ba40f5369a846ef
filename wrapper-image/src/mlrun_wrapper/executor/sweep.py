"""A sweep: mlrun's own engine goes through the points, which are handed to it as they are.

mlrun's generators would make a table of a list of points first, in which a whole number beside a fraction becomes a
fraction; take `maxErrors: 0` for its default; draw by a chance that nobody can repeat; and let a stop condition that
names a missing result end everything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from mlrun.model import HyperParamOptions
from mlrun.runtimes import generators, utils

from . import signals
from .ending import Ending
from .failure import InvalidRunError
from .values import Cleaner

_SHOWN = 300


def check_condition(condition: str | None) -> None:
    """Raise InvalidRunError for a stop condition that is no Python expression."""
    if condition is None:
        return
    try:
        compile(condition, "stopCondition", "eval")
    except (SyntaxError, ValueError) as error:
        said = getattr(error, "msg", None) or error
        raise InvalidRunError(f"hyperparameters: stopCondition {condition!r} is no Python expression: {said}") from None


class PointCaller(Protocol):
    """The part of `call.Caller` that `Points` reads and sets."""

    root: Any
    stopped: bool
    sweep: Points | None


class Points(generators.TaskGenerator):  # type: ignore[misc]
    """What the engine asks for: the points of this process, and whether to go on after each.

    `named` tells the names of what a point has logged.
    """

    def __init__(self, sweep: dict[str, Any], caller: PointCaller, named: Callable[[int], set[str]]) -> None:
        super().__init__(HyperParamOptions(stop_condition=sweep["stop_condition"] or ""))
        self.points: list[tuple[int, dict[str, Any]]] = sweep["points"]
        self._total = sweep["total"]
        self._max_errors = sweep["max_errors"]
        self._mapped = sweep["outputs"]
        self._caller = caller
        self._named = named
        self._execution: Any = None
        self.told: list[str] = []
        self.stop: str | None = None

    def install(self) -> None:
        """Have mlrun take these points for the run, and its own way for sweeps that the handler makes itself."""
        self._caller.sweep = self
        get_generator, results_to_iter = generators.get_generator, utils.results_to_iter

        def getting(spec: Any, execution: Any, *args: Any, **more: Any) -> Any:
            if self._execution is not None:
                return get_generator(spec, execution, *args, **more)
            self._execution = execution
            return self

        def gathering(results: Any, runspec: Any, execution: Any) -> Any:
            if execution is not self._execution:
                return results_to_iter(results, runspec, execution)
            return execution.set_state("completed", commit=True)  # the wrapper gathers, as it does for points in pods

        generators.get_generator, utils.results_to_iter = getting, gathering

    def generate(self, run: Any) -> Iterator[Any]:
        """A run for each point, until the process is told to end."""
        for iteration, point in self.points:
            self._caller.stopped |= signals.came()
            if self._caller.stopped:
                return
            task = generators.get_run_copy(run)
            task.spec.parameters = {**(task.spec.parameters or {}), **point}
            task.metadata.iteration = iteration
            yield task

    def use_parallel(self) -> bool:
        """One after the other; side by side they are in pods."""
        return False

    @property
    def max_errors(self) -> int:
        """With one more, the engine begins no new point."""
        return self._max_errors  # type: ignore[no-any-return]

    def eval_stop_condition(self, results: dict[str, Any]) -> bool:
        """Whether the point that has just ended well is the last one. What cannot be reckoned is not true, and told."""
        condition = self.options.stop_condition
        if not condition:
            return False
        try:
            holds = bool(eval(condition, dict(results)))  # noqa: S307 - the user's own, in the user's own process
        except Exception as error:
            self.told.append(f"stopCondition at point {self._caller.root.iteration}: {type(error).__name__}: {error}")
            return False
        if holds:
            self.stop = f"stopCondition {condition!r} held at point {self._caller.root.iteration}"
        return holds

    def lacking(self, ending: Ending, context: Any) -> str:
        """Why a point whose handler returned counts as failed all the same; empty where it does not."""
        if ending.stopped or ending.error:
            return ""
        if ending.packing_errors:
            return "; ".join(f"{error['name']}: {error['message']}" for error in ending.packing_errors)
        made = {*context.results, *self._named(context.iteration)}
        missing = [name for name in self._mapped if name not in made]
        names = ", ".join(map(repr, missing))
        what = f"output {names} was" if len(missing) == 1 else f"outputs {names} were"
        return f"{what} not produced" if missing else ""

    def announce(self, context: Any) -> None:
        """A line for the log where a point begins."""
        own = dict(self.points)[context.iteration]
        said = ", ".join(f"{name}={json.dumps(Cleaner().clean(value, name))}" for name, value in own.items())
        short = f"{said[:_SHOWN]}…" if len(said) > _SHOWN else said
        print(f"point {context.iteration} of {self._total}: {short}", flush=True)
