"""When a run repeats: the fields of `MlrunRun.spec` that make it a schedule, and what they are taken to mean."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mlrun_operator.api.base import Model, StartsNothing
from mlrun_operator.api.cel import cel
from mlrun_operator.api.rules import validations
from mlrun_operator.api.values.cron import CRON_RULES, parse_cron

# A firing that CronJobs are allowed to be late by, where missed slots are left out or made up for by the operator.
SHORT_DEADLINE: Final = 60
DEFAULT_SUCCESSFUL: Final = 3
DEFAULT_FAILED: Final = 1
DEFAULT_POLICY: Final = "Forbid"
MAX_BACKFILL: Final = 10_000
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
# Slots are counted in minutes since 1970.
_FIRST_YEAR, _LAST_YEAR = 1971, 2999
_ORDER: Final = "backfill: from must be before to"


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("write a time with its offset, such as 2026-01-31T06:00:00Z")
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"write a time of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return text


Moment = Annotated[str, AfterValidator(_moment), Field(max_length=35, json_schema_extra={"format": "date-time"})]


class StopAfter(Model):
    """How many ends in all finish a schedule; raising the number goes on with it."""

    model_config = {
        "json_schema_extra": cel("has(self.successes) || has(self.failures)", "stopAfter: set successes or failures")
    }

    successes: int | None = Field(None, ge=1, le=1_000_000, description="Runs that succeeded.")
    failures: int | None = Field(None, ge=1, le=1_000_000, description="Runs that failed.")


class Backfill(Model):
    """A range of slots before the next firing that each run once."""

    model_config = {"json_schema_extra": cel("self.from < self.to", _ORDER)}

    start: Moment = Field(alias="from", description="The first moment of the range.")
    to: Moment = Field(description="The end of the range; a slot at this very moment is not in it.")
    parallelism: int | None = Field(None, ge=1, le=50, description="How many of its runs go at once; default: 1.")
    order: Literal["OldestFirst", "NewestFirst"] | None = Field(
        None, description="Which slot runs first; default: OldestFirst."
    )

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if datetime.fromisoformat(self.start) >= datetime.fromisoformat(self.to):
            raise ValueError(_ORDER)
        return self


class CatchUp(Model):
    """What becomes of slots that nothing fired, because the cluster was down or the schedule suspended."""

    policy: Literal["None", "Latest", "All"] = Field(
        description="None leaves them out, Latest runs the last one of them, All runs each of them, oldest first."
    )
    max: int | None = Field(None, ge=1, le=1000, description="With All: how many of the newest are run; default: 100.")


class ScheduleOptions(Model):
    """The fields of a run that make it a schedule."""

    schedule: StartsNothing[str | None] = Field(
        None,
        min_length=1,
        max_length=128,
        description="Cron expression of five fields, or a macro such as @daily. Each firing is a run of its own.",
        json_schema_extra=validations(CRON_RULES),
    )
    time_zone: StartsNothing[str | None] = Field(
        None, min_length=1, max_length=64, description="IANA time zone of the schedule; default: Etc/UTC."
    )
    concurrency_policy: StartsNothing[Literal["Allow", "Forbid", "Replace"] | None] = Field(
        None, description="What a firing does while the one before still runs; default: Forbid."
    )
    starting_deadline_seconds: StartsNothing[int | None] = Field(
        None, ge=10, le=31_536_000, description="How late a firing may start; default: any time."
    )
    successful_runs_history_limit: StartsNothing[int | None] = Field(
        None, ge=0, le=100, description="How many succeeded runs are kept; default: 3."
    )
    failed_runs_history_limit: StartsNothing[int | None] = Field(
        None, ge=0, le=100, description="How many failed or stopped runs are kept; default: 1."
    )
    stop_after: StartsNothing[StopAfter | None] = Field(None, description="When the schedule is done.")
    backfill: StartsNothing[Backfill | None] = Field(
        None, description="Slots of the past to run; a changed range or order is another backfill."
    )
    catch_up: StartsNothing[CatchUp | None] = Field(None, description="What becomes of missed slots; default: Latest.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.schedule is None:
            written = self.wire()
            if lone := [name for name in SCHEDULE_FIELDS if name in written]:
                raise ValueError(f"{lone[0]}: set schedule as well")
        else:
            parse_cron(self.schedule, self.time_zone)
        return self


def firing_deadline(options: ScheduleOptions) -> int | None:
    """How late the CronJob controller may fire, in seconds; None for any time.

    Hardly, where missed slots are left out or made by the operator.
    """
    said = options.starting_deadline_seconds
    if options.catch_up is not None and options.catch_up.policy in ("None", "All"):
        return min(said or SHORT_DEADLINE, SHORT_DEADLINE)
    return said


def child_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec of one firing of a schedule: what runs, without when."""
    left_out = ("schedule", "suspend", "stop", "rerun", *SCHEDULE_FIELDS)
    return {name: value for name, value in spec.items() if name not in left_out}


# CEL and its message, each: rules on the spec as a whole.
SCHEDULE_RULES: Final = (
    (
        " && ".join(f"!has(self.{name})" for name in SCHEDULE_FIELDS) + " || has(self.schedule)",
        f"set schedule for {', '.join(SCHEDULE_FIELDS)}",
    ),
    (
        "has(self.schedule) == has(oldSelf.schedule)",
        "a run cannot become a schedule or stop being one: delete it and apply it anew, or use another name",
    ),
)
