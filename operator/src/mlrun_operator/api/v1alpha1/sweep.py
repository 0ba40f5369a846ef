"""Sweeps: one run of a function over many points, each a set of parameters (BEHAVIOUR D).

The points are reckoned here and nowhere else: by the operator for their number, by each pod for its own, and by the
collector for all of them.
"""

import random
from collections.abc import Mapping
from itertools import islice, product
from math import prod
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from mlrun_operator.api.base import Model
from mlrun_operator.api.cel import FREE_FORM, cels
from mlrun_operator.api.v1alpha1.inputs import InputRef, ParameterName, PathText, input_ref
from mlrun_operator.api.v1alpha1.status import SweepStatus
from mlrun_operator.api.values.names import short_hash

MAX_POINTS: Final = 1000
# As in mlrun: how many points a random sweep has, and how many may fail, where nobody says.
DEFAULT_ITERATIONS: Final = 10
DEFAULT_ERRORS: Final = 3
DEFAULT_PARALLELISM: Final = 10

_ONE: Final = "hyperparameters: set exactly one of params and paramFile"
_FILE: Final = "hyperparameters: placement FanOut needs params; the operator reads no files"
_PARALLEL: Final = "hyperparameters: parallelism needs placement FanOut; in one process the points run one by one"
_RANDOM: Final = "hyperparameters: seed and maxIterations are of strategy random"

Strategy = Literal["grid", "list", "random"]
Placement = Literal["InProcess", "FanOut"]


class Hyperparameters(Model):
    """The points of a sweep, and how they are run."""

    model_config = {
        "json_schema_extra": cels(
            ("has(self.params) != has(self.paramFile)", _ONE),
            ("!has(self.placement) || self.placement != 'FanOut' || has(self.params)", _FILE),
            ("!has(self.parallelism) || (has(self.placement) && self.placement == 'FanOut')", _PARALLEL),
            (
                "(!has(self.seed) && !has(self.maxIterations)) || (has(self.strategy) && self.strategy == 'random')",
                _RANDOM,
            ),
        )
    }

    params: dict[ParameterName, list[Any]] | None = Field(
        None, description="Parameter → its values.", json_schema_extra=FREE_FORM
    )
    param_file: PathText | None = Field(
        None,
        description="Key, path or URL of the points in the place of params: a CSV file with a point a line, or a JSON "
        "file of parameter → values.",
    )
    strategy: Strategy | None = Field(
        None,
        description="grid: every combination; list: the first values, the second values, …; random: maxIterations "
        "combinations by chance. Default: grid; list for a CSV file.",
    )
    max_iterations: int | None = Field(
        None, ge=1, le=MAX_POINTS, description="How many points a random sweep has; default: 10."
    )
    seed: int | None = Field(
        None,
        ge=0,
        le=2**31 - 1,
        description="Of a random sweep; default: each execution has its own, a schedule one for all its runs.",
    )
    selector: Annotated[str, StringConstraints(pattern=r"^((min|max)\.[^\s]+|[^.\s]+)$")] | None = Field(
        None, max_length=256, description="The best point: [min.|max.]<result>; without min or max: max."
    )
    stop_condition: str | None = Field(
        None,
        min_length=1,
        max_length=1024,
        description="Python expression over a point's results; once true, no new point starts.",
    )
    max_errors: int | None = Field(
        None,
        ge=0,
        le=MAX_POINTS,
        description="How many points may fail; with one more no new point starts, those that run are told to end, and "
        "the run fails. Default: 3.",
    )
    parallelism: int | None = Field(
        None, ge=1, le=MAX_POINTS, description="How many pods of a fan-out run at once; default: 10."
    )
    placement: Placement | None = Field(
        None, description="InProcess: one pod, by mlrun's own engine; FanOut: a pod a point. Default: InProcess."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.params is None) == (self.param_file is None):
            raise ValueError(_ONE)
        if self.placement == "FanOut" and self.params is None:
            raise ValueError(_FILE)
        if self.parallelism is not None and self.placement != "FanOut":
            raise ValueError(_PARALLEL)
        if self.strategy != "random" and (self.seed is not None or self.max_iterations is not None):
            raise ValueError(_RANDOM)
        if self.param_file is not None:
            input_ref(self.param_file)
        if self.params is not None:
            check_params(self.params, self.strategy or "grid")
        return self


class SweepInfo(Model):
    """A sweep in the envelope, all said. `part` is what a pod of a fan-out does; in one process it does all."""

    params: dict[str, list[Any]] | None = None
    param_file: InputRef | None = None
    strategy: Strategy | None = None
    max_iterations: int = DEFAULT_ITERATIONS
    seed: int
    selector: str | None = None
    stop_condition: str | None = None
    max_errors: int = DEFAULT_ERRORS
    part: Literal["point", "collect"] | None = None
    retries: int = Field(0, description="How often a point that failed is tried again: only its last failure counts.")
    job: str | None = Field(None, description="Of the collector: the Job of the points.")
    lost: dict[str, str] = Field({}, description="Of the collector: iteration and why it failed without a report.")


def sweep_info(hyper: Hyperparameters, run_uid: str, execution: int) -> SweepInfo:
    """The sweep of one execution, for a pod that does all of it."""
    own_seed = int(short_hash(f"{run_uid}/{execution}"), 16)
    return SweepInfo(
        params=hyper.params,
        param_file=input_ref(hyper.param_file) if hyper.param_file is not None else None,
        strategy=hyper.strategy,
        max_iterations=hyper.max_iterations or DEFAULT_ITERATIONS,
        seed=hyper.seed if hyper.seed is not None else own_seed,
        selector=hyper.selector,
        stop_condition=hyper.stop_condition,
        max_errors=hyper.max_errors if hyper.max_errors is not None else DEFAULT_ERRORS,
    )


def parallelism_of(hyper: Hyperparameters) -> int:
    """How many pods of a fan-out run at once."""
    return min(hyper.parallelism or DEFAULT_PARALLELISM, count_of(hyper) or 1)


def check_params(params: dict[str, list[Any]], strategy: Strategy) -> None:
    """Raise ValueError where there are no points, too many of them, or lists of different lengths."""
    if not params:
        raise ValueError("hyperparameters: params names no parameter")
    if empty := [name for name, values in params.items() if not values]:
        raise ValueError(f"hyperparameters: {empty[0]!r} has no values")
    lengths = {name: len(values) for name, values in params.items()}
    if strategy == "list" and len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"hyperparameters: strategy list takes lists of one length, and {said}")
    if strategy == "grid" and (size := prod(lengths.values())) > MAX_POINTS:
        said = f"{' x '.join(map(str, lengths.values()))} = {size}" if len(lengths) > 1 else str(size)
        raise ValueError(f"hyperparameters: the grid has {said} points; at most {MAX_POINTS} are run")
    if strategy == "list" and max(lengths.values()) > MAX_POINTS:
        raise ValueError(f"hyperparameters: {max(lengths.values())} points; at most {MAX_POINTS} are run")


def points(
    params: dict[str, list[Any]], strategy: Strategy | None, max_iterations: int, seed: int
) -> list[dict[str, Any]]:
    """The parameters of each point, in the order of mlrun's iterations (which count from 1).

    In a grid the first parameter changes fastest, as in mlrun. A random point may come twice, as in mlrun. Two Python
    versions give the same points: `random.Random(seed).choice` is stable since 3.2.
    """
    names = list(params)
    if strategy == "random":
        chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
        return [{name: chance.choice(params[name]) for name in names} for _ in range(max_iterations)]
    if strategy == "list":
        return [dict(zip(names, row, strict=True)) for row in zip(*params.values(), strict=True)]
    rows = islice(product(*(params[name] for name in reversed(names))), MAX_POINTS)
    return [dict(zip(names, reversed(row), strict=True)) for row in rows]


def count_of(hyper: Hyperparameters) -> int | None:
    """How many points there are; None where a file says it."""
    if hyper.params is None:
        return None
    if hyper.strategy == "random":
        return hyper.max_iterations or DEFAULT_ITERATIONS
    lengths = [len(values) for values in hyper.params.values()]
    return lengths[0] if hyper.strategy == "list" else prod(lengths)


def read_sweep(status: Mapping[str, Any]) -> SweepStatus | None:
    """The sweep that a run's status tells of; None where there is none, or one of a version that is not known."""
    try:
        return SweepStatus.model_validate(status["sweep"])
    except (KeyError, ValueError):
        return None


def with_progress(sweep: SweepStatus) -> SweepStatus:
    """The sweep with its progress in words."""
    ended = sweep.succeeded + sweep.failed + sweep.skipped
    return sweep.model_copy(update={"progress": f"{ended}/{sweep.points}"})


def sweep_words(sweep: SweepStatus) -> str:
    """What became of the points."""
    words = f"{sweep.succeeded} of {sweep.points} points succeeded"
    words += f", {sweep.failed} failed" if sweep.failed else ""
    words += f", {sweep.skipped} were skipped" if sweep.skipped else ""
    return words + (f"; the best is point {sweep.best.iteration}" if sweep.best else "")
