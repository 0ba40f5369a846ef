"""Sweeps: one run of a function over many points, each of which is a set of parameters.

The points are computed only here: the operator computes their number, each pod its own point, and the collector all of
them.
"""

import random
from collections.abc import Mapping
from itertools import islice, product
from math import prod
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from mlrun_operator.api import bounds
from mlrun_operator.api.base import Model
from mlrun_operator.api.cel import FREE_FORM, cels
from mlrun_operator.api.v1alpha1.inputs import InputRef, ParameterName, PathText, check_parameters, input_ref
from mlrun_operator.api.v1alpha1.status import SweepStatus
from mlrun_operator.api.values.names import short_hash

MAX_POINTS: Final = bounds.POINTS.limit
# The defaults of mlrun: the number of points of a random sweep, and how many may fail.
DEFAULT_ITERATIONS: Final = 10
DEFAULT_ERRORS: Final = 3
DEFAULT_PARALLELISM: Final = 10

_ONE: Final = "hyperparameters: set exactly one of params and paramFile"
_FILE: Final = "hyperparameters: placement FanOut needs params, because the operator reads no files"
_PARALLEL: Final = "hyperparameters: parallelism needs placement FanOut; InProcess runs one point at a time"
_RANDOM: Final = "hyperparameters: seed and maxIterations need strategy random"

Strategy = Literal["grid", "list", "random"]
Placement = Literal["InProcess", "FanOut"]


class Hyperparameters(Model):
    """The points of a sweep, and how they run."""

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
        None, description="Parameter → list of its values.", json_schema_extra=FREE_FORM
    )
    param_file: PathText | None = Field(
        None,
        description="Key, path or URL of a file with the points, instead of params: a CSV file with one point in each "
        "line, or a JSON file of parameter → values.",
    )
    strategy: Strategy | None = Field(
        None,
        description="grid: all combinations. list: the first values, then the second values, and so on. random: "
        "maxIterations random combinations. Default: grid, or list for a CSV file.",
    )
    max_iterations: int | None = Field(
        None, ge=1, le=MAX_POINTS, description="Number of points of a random sweep. Default: 10."
    )
    seed: int | None = Field(
        None,
        ge=0,
        le=2**31 - 1,
        description="Seed of a random sweep. Default: one for each execution, or one for all runs of a schedule.",
    )
    selector: Annotated[str, StringConstraints(pattern=r"^((min|max)\.[^\s]+|[^.\s]+)$")] | None = Field(
        None, max_length=256, description="Result that selects the best point: [min.|max.]<result>. Default: max."
    )
    stop_condition: str | None = Field(
        None,
        min_length=1,
        max_length=1024,
        description="Python expression over the results of a point. Once it is true, no new point starts.",
    )
    max_errors: int | None = Field(
        None,
        ge=0,
        le=MAX_POINTS,
        description="Number of points that may fail. After one more failure no new point starts, running points are "
        "terminated and the run fails. Default: 3.",
    )
    parallelism: int | None = Field(
        None, ge=1, le=MAX_POINTS, description="Number of pods of a fan-out that run at a time. Default: 10."
    )
    placement: Placement | None = Field(
        None,
        description="InProcess runs all points in one pod, with mlrun's engine. FanOut runs each point in its own "
        "pod. Default: InProcess.",
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
        for name, values in (self.params or {}).items():
            for value in values:
                check_parameters({name: value})
        if self.param_file is not None:
            input_ref(self.param_file)
        if self.params is not None:
            check_params(self.params, self.strategy or "grid")
        return self


class SweepInfo(Model):
    """A sweep in the envelope. `part` is the work of a fan-out's pod; without it a pod runs all points."""

    params: dict[str, list[Any]] | None = None
    param_file: InputRef | None = None
    strategy: Strategy | None = None
    max_iterations: int = DEFAULT_ITERATIONS
    seed: int
    selector: str | None = None
    stop_condition: str | None = None
    max_errors: int = DEFAULT_ERRORS
    part: Literal["point", "collect"] | None = None
    retries: int = Field(0, description="Number of retries of a point. Only its last failure counts.")
    job: str | None = Field(None, description="For the collector: the Job of the points.")
    lost: dict[str, str] = Field(
        {}, description="For the collector: each iteration that failed without a report, and the cause."
    )


def sweep_info(hyper: Hyperparameters, run_uid: str, execution: int) -> SweepInfo:
    """Return the sweep of one execution, for a pod that runs all points."""
    execution_seed = int(short_hash(f"{run_uid}/{execution}"), 16)
    return SweepInfo(
        params=hyper.params,
        param_file=input_ref(hyper.param_file) if hyper.param_file is not None else None,
        strategy=hyper.strategy,
        max_iterations=hyper.max_iterations or DEFAULT_ITERATIONS,
        seed=hyper.seed if hyper.seed is not None else execution_seed,
        selector=hyper.selector,
        stop_condition=hyper.stop_condition,
        max_errors=hyper.max_errors if hyper.max_errors is not None else DEFAULT_ERRORS,
    )


def parallelism_of(hyper: Hyperparameters) -> int:
    """Return how many pods of a fan-out run at a time."""
    return min(hyper.parallelism or DEFAULT_PARALLELISM, count_of(hyper) or 1)


def check_params(params: dict[str, list[Any]], strategy: Strategy) -> None:
    """Raise ValueError for no points, too many points, or lists of different lengths."""
    if not params:
        raise ValueError("hyperparameters: params names no parameter")
    if empty := [name for name, values in params.items() if not values]:
        raise ValueError(f"hyperparameters: {empty[0]!r} has no values")
    lengths = {name: len(values) for name, values in params.items()}
    if strategy == "list" and len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"hyperparameters: strategy list takes lists of one length, but {counts}")
    if strategy == "grid" and (size := prod(lengths.values())) > MAX_POINTS:
        total = f"{' x '.join(map(str, lengths.values()))} = {size}" if len(lengths) > 1 else str(size)
        raise ValueError(f"hyperparameters: the grid has {total} points; at most {MAX_POINTS} are run")
    if strategy == "list" and max(lengths.values()) > MAX_POINTS:
        raise ValueError(f"hyperparameters: {max(lengths.values())} points; at most {MAX_POINTS} are run")


def points(
    params: dict[str, list[Any]], strategy: Strategy | None, max_iterations: int, seed: int
) -> list[dict[str, Any]]:
    """Return the parameters of each point, in the order of mlrun's iterations, which count from 1.

    As in mlrun, the first parameter of a grid changes fastest, and a random point may occur twice. All Python versions
    return the same points: `random.Random(seed).choice` is stable since 3.2.
    """
    names = list(params)
    if strategy == "random":
        generator = random.Random(seed)  # noqa: S311 - reproducible, not secret
        return [{name: generator.choice(params[name]) for name in names} for _ in range(max_iterations)]
    if strategy == "list":
        return [dict(zip(names, row, strict=True)) for row in zip(*params.values(), strict=True)]
    rows = islice(product(*(params[name] for name in reversed(names))), MAX_POINTS)
    return [dict(zip(names, reversed(row), strict=True)) for row in rows]


def count_of(hyper: Hyperparameters) -> int | None:
    """Return the number of points; None if it depends on a file."""
    if hyper.params is None:
        return None
    if hyper.strategy == "random":
        return hyper.max_iterations or DEFAULT_ITERATIONS
    lengths = [len(values) for values in hyper.params.values()]
    return lengths[0] if hyper.strategy == "list" else prod(lengths)


def read_sweep(status: Mapping[str, Any]) -> SweepStatus | None:
    """Return the sweep in a run's status; None if there is none, or one of an unknown version."""
    try:
        return SweepStatus.model_validate(status["sweep"])
    except (KeyError, ValueError):
        return None


def with_progress(sweep: SweepStatus) -> SweepStatus:
    """Return the sweep with its progress as text."""
    ended_points = sweep.succeeded + sweep.failed + sweep.skipped
    return sweep.model_copy(update={"progress": f"{ended_points}/{sweep.points}"})


def sweep_words(sweep: SweepStatus) -> str:
    """Return a text with the counts of the points and the best point."""
    failed = f", {sweep.failed} failed" if sweep.failed else ""
    skipped = f", {sweep.skipped} were skipped" if sweep.skipped else ""
    best = f"; the best is point {sweep.best.iteration}" if sweep.best else ""
    return f"{sweep.succeeded} of {sweep.points} points succeeded{failed}{skipped}{best}"
