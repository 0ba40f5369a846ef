"""The whole brain: what to do about a run, decided from what was observed. Pure.

`plan` looks at one moment and names the next step. The controller takes it and plans again with what came of it, until
nothing is left but the status. The policies stand in order; the first that has a decision wins. Each is a module.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.plan.context import Ahead, Case, Object, Observation, Plan, Refusal
from mlrun_operator.plan.finish import keep, reap
from mlrun_operator.plan.follow import follow
from mlrun_operator.plan.schedule import keep_schedule
from mlrun_operator.plan.start import due, start
from mlrun_operator.plan.stop import stop

__all__ = ["Ahead", "Object", "Observation", "Plan", "Refusal", "plan"]


def leave_the_dying(case: Case) -> Plan | None:
    """A run that is being deleted starts nothing; its children go with it."""
    return Plan() if case.meta.get("deletionTimestamp") else None


def leave_the_unreadable(case: Case) -> Plan | None:
    """Where it cannot be read how far the run is, a newer operator has written it: nothing is done on that."""
    written, before = case.seen.run.get("status") or {}, case.before
    known = {"phase": before.phase, "execution": before.execution, "schedule": before.schedule}
    return Plan() if any(name in written and part is None for name, part in known.items()) else None


POLICIES: Final[tuple[Callable[[Case], Plan | None], ...]] = (
    leave_the_dying,
    leave_the_unreadable,
    keep_schedule,  # a run with a schedule has a CronJob, and runs of its own
    stop,  # spec.stop ends what runs and lets nothing start
    follow,  # an unfinished execution is followed to its end
    reap,  # what is recorded as ended must not run on
    start,  # a new execution, where the user asks for one
    keep,  # a finished run stays as it is; its Jobs go when their time is over
)


def plan(seen: Observation, platform: Platform) -> Plan:
    """What to do next about this run."""
    case = Case(seen, platform)
    decision = next(found for policy in POLICIES if (found := policy(case)) is not None)
    decision = _until_the_next(case, decision)
    if decision.status is not None and decision.status.wire() == (seen.run.get("status") or {}):
        return replace(decision, status=None)
    return decision


def _until_the_next(case: Case, decision: Plan) -> Plan:
    """An end after which another execution is due speaks of its own generation only.

    Else whoever waits for the change, a sync of a GitOps tool say, would take the old end for the new one.
    """
    status = decision.status
    if status is None or status.execution is None or "schedule" in case.spec:
        return decision
    after = Case(replace(case.seen, run={**case.seen.run, "status": status.wire()}), case.platform)
    if not after.finished or due(after) is None:
        return decision
    generation = status.execution.generation
    conditions = [c.model_copy(update={"observed_generation": generation}) for c in status.conditions or ()]
    told = status.model_copy(update={"observed_generation": generation, "conditions": conditions})
    return replace(decision, status=told)
