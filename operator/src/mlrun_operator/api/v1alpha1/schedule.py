"""The fields of `MlrunRun.spec` that make a run a schedule, and their defaults."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mlrun_operator.api import bounds
from mlrun_operator.api.base import Model, StartsNothing
from mlrun_operator.api.cel import cel
from mlrun_operator.api.rules import validations
from mlrun_operator.api.values.cron import CRON_RULES, parse_cron

# The startingDeadlineSeconds of CronJobs if missed slots are skipped, or run by the operator.
SHORT_DEADLINE: Final = 60
DEFAULT_SUCCESSFUL: Final = 3
DEFAULT_FAILED: Final = 1
DEFAULT_POLICY: Final = "Forbid"
MAX_BACKFILL: Final = bounds.BACKFILL.limit
# The fields that only a schedule has.
SCHEDULE_FIELDS: Final = (
    "timeZone",
    "concurrencyPolicy",
    "startingDeadlineSeconds",
    "successfulRunsHistoryLimit",
    "failedRunsHistoryLimit",
    "stopAfter",
    "backfill",
    "catchUp",
)
# Slots are numbered in minutes since 1970.
_FIRST_YEAR, _LAST_YEAR = 1971, 2999
_ORDER: Final = "backfill: from must be before to"


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its UTC offset; write one such as 2026-01-31T06:00:00Z")
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(
            f"the year {moment.year} is out of range; write a time of the years {_FIRST_YEAR} to {_LAST_YEAR}"
        )
    return text


Moment = Annotated[str, AfterValidator(_moment), Field(max_length=35, json_schema_extra={"format": "date-time"})]


class StopAfter(Model):
    """The number of ended runs after which a schedule is finished. A higher number resumes it."""

    model_config = {
        "json_schema_extra": cel("has(self.successes) || has(self.failures)", "stopAfter: set successes or failures")
    }

    successes: int | None = Field(None, ge=1, le=1_000_000, description="Number of successful runs.")
    failures: int | None = Field(None, ge=1, le=1_000_000, description="Number of failed runs.")


class Backfill(Model):
    """A range of slots before the next firing, each of which runs once."""

    model_config = {"json_schema_extra": cel("self.from < self.to", _ORDER)}

    start: Moment = Field(alias="from", description="Start of the range.")
    to: Moment = Field(description="End of the range, exclusive.")
    parallelism: int | None = Field(None, ge=1, le=50, description="Number of its runs at a time. Default: 1.")
    order: Literal["OldestFirst", "NewestFirst"] | None = Field(
        None, description="Order of the slots. Default: OldestFirst."
    )

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if datetime.fromisoformat(self.start) >= datetime.fromisoformat(self.to):
            raise ValueError(_ORDER)
        return self


class CatchUp(Model):
    """How slots are handled that did not fire, because the cluster was down or the schedule was suspended."""

    policy: Literal["None", "Latest", "All"] = Field(
        description="None skips them, Latest runs only the last one, All runs all of them, oldest first."
    )
    max: int | None = Field(None, ge=1, le=1000, description="Number of newest slots that All runs. Default: 100.")


class ScheduleOptions(Model):
    """The fields of a run that make it a schedule."""

    schedule: StartsNothing[str | None] = Field(
        None,
        min_length=1,
        max_length=128,
        description="Cron expression of five fields, or a macro such as @daily. Each firing creates its own run.",
        json_schema_extra=validations(CRON_RULES),
    )
    time_zone: StartsNothing[str | None] = Field(
        None, min_length=1, max_length=64, description="IANA time zone of the schedule. Default: Etc/UTC."
    )
    concurrency_policy: StartsNothing[Literal["Allow", "Forbid", "Replace"] | None] = Field(
        None, description="What a firing does while an earlier run is active. Default: Forbid."
    )
    starting_deadline_seconds: StartsNothing[int | None] = Field(
        None, ge=10, le=31_536_000, description="How late a firing may start, in seconds. Default: no limit."
    )
    successful_runs_history_limit: StartsNothing[int | None] = Field(
        None, ge=0, le=100, description="Number of successful runs to keep. Default: 3."
    )
    failed_runs_history_limit: StartsNothing[int | None] = Field(
        None, ge=0, le=100, description="Number of failed or stopped runs to keep. Default: 1."
    )
    stop_after: StartsNothing[StopAfter | None] = Field(None, description="When the schedule is finished.")
    backfill: StartsNothing[Backfill | None] = Field(
        None, description="Past slots to run. A change of range or order starts another backfill."
    )
    catch_up: StartsNothing[CatchUp | None] = Field(None, description="How missed slots are handled. Default: Latest.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.schedule is None:
            wire_fields = self.wire()
            if schedule_fields := [name for name in SCHEDULE_FIELDS if name in wire_fields]:
                raise ValueError(f"{schedule_fields[0]}: set schedule as well")
        else:
            parse_cron(self.schedule, self.time_zone)
        return self


def firing_deadline(options: ScheduleOptions) -> int | None:
    """Return how late the CronJob controller may fire, in seconds; None for any time.

    The deadline is short if missed slots are skipped, or run by the operator.
    """
    deadline = options.starting_deadline_seconds
    if options.catch_up is not None and options.catch_up.policy in ("None", "All"):
        return min(deadline or SHORT_DEADLINE, SHORT_DEADLINE)
    return deadline


def child_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the spec of a child run: the schedule's spec without the fields that make it a schedule."""
    excluded = ("schedule", "suspend", "stop", "rerun", *SCHEDULE_FIELDS)
    return {name: value for name, value in spec.items() if name not in excluded}


# CEL rules for the spec as a whole, each with its message.
SCHEDULE_RULES: Final = (
    (
        " && ".join(f"!has(self.{name})" for name in SCHEDULE_FIELDS) + " || has(self.schedule)",
        f"set schedule for {', '.join(SCHEDULE_FIELDS)}",
    ),
    (
        "has(self.schedule) == has(oldSelf.schedule)",
        "a run cannot become a schedule or stop being one: delete and re-create it, or use another name",
    ),
)
