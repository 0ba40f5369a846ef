"""Which slot of a schedule this pod runs, as the handler's environment tells it."""

from datetime import UTC, datetime
from typing import Final

from mlrun_operator.api.contract.envelope import Envelope
from mlrun_operator.api.values.cron import parse_cron
from mlrun_operator.api.values.names import slot_of

SCHEDULED_TIME: Final = "MLRUN_SCHEDULED_TIME"
INTERVAL_START: Final = "MLRUN_DATA_INTERVAL_START"
INTERVAL_END: Final = "MLRUN_DATA_INTERVAL_END"


def slot_variables(envelope: Envelope, job_name: str, started: datetime) -> dict[str, str]:
    """The scheduled time, and the interval from the slot before to this one: RFC 3339, in UTC.

    A CronJob's pods all have one envelope; their slot is in their Job's name. A Job that somebody made of the CronJob
    by hand has the time at which its pod started.
    """
    schedule = envelope.schedule
    if schedule is None:
        return {}
    slot = datetime.fromisoformat(schedule.time) if schedule.time else slot_of(job_name, envelope.run.uid) or started
    before = parse_cron(schedule.expression, schedule.time_zone).previous(slot) if schedule.expression else None
    times = {SCHEDULED_TIME: slot, INTERVAL_START: before, INTERVAL_END: slot}
    return {name: time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for name, time in times.items() if time}
