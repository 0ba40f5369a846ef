"""What the run made: stored whatever the end was (shelf.py), then compared with what the run maps.

Entities become `latest` only when all is well, so that a later run never reads what a failed one left.
"""

from typing import Any

from mlrun_operator.api.contract.envelope import Envelope
from mlrun_operator.api.reasons import Reason
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.names import OF_SWEEP, numbered
from mlrun_wrapper.shelf import Shelf, is_plain, publish


def store_outputs(context: Context) -> None:
    """Every artifact as an entity, every result under its name."""
    outcome = context.outcome or {}
    context.warnings += outcome.get("warnings", [])
    context.truncated = outcome.get("truncated", False)
    shelf = Shelf(context, context.number)
    context.outputs = shelf.outputs  # as they come: the grace period may be too short for all
    context.results = kept(context, outcome.get("results", {}), outcome.get("nonfinite", []))
    results = outcome["results"] = shelf.fill(outcome)
    context.results = kept(context, results, outcome.get("nonfinite", []))
    if context.failure is None:
        absent = [name for name in context.run.values or () if name not in (*results, *context.results)]
        context.warnings += [f"values names {name!r}, which the run did not produce" for name in absent]


def verify(context: Context) -> None:
    """Raise StepError where something could not be packed or a mapped output is missing; else publish what was made."""
    if context.failure is not None:
        return
    if (problem := lacking(context, context.outcome or {})) is not None:
        raise problem
    publish(context, context.outputs)


def lacking(context: Context, outcome: dict[str, Any]) -> StepError | None:
    """Why a handler that returned has failed all the same."""
    invalid = [f"{error['name']}: {error['message']}" for error in outcome["packing_errors"]]
    invalid += [f"{a['name']}: {a['missing']} does not exist" for a in outcome["artifacts"] if "missing" in a]
    if invalid:
        return StepError(Reason.OUTPUT_INVALID, "; ".join(invalid))
    plain = [each for each in outcome["artifacts"] if is_plain(each)]
    produced = {each[called] for each in plain for called in ("name", "entity")} | set(outcome["results"])
    missing = [name for name in required(context.run) if name not in produced]
    if not missing:
        return None
    iterations = {numbered(each["name"], each["iteration"]) for each in outcome["artifacts"] if not is_plain(each)}
    made = ", ".join(sorted(produced | iterations)) or "nothing"
    names = ", ".join(map(repr, missing))
    what = f"output {names} was" if len(missing) == 1 else f"outputs {names} were"
    return StepError(Reason.OUTPUT_MISSING, f"{what} not produced; the run produced {made}")


def required(envelope: Envelope) -> list[str]:
    """What the handler has to make, by mlrun's names; of a sweep's it does not make table and plot."""
    names = sorted(name for name, ref in envelope.outputs.items() if not ref.optional)
    return [name for name in names if envelope.sweep is None or name not in OF_SWEEP]


def kept(context: Context, results: dict[str, Any], nonfinite: list[str]) -> dict[str, Any]:
    """Renamed by the mapping, and of the rest what `values` names; those that held NaN or an infinity are listed."""
    mapping, values = context.run.outputs, context.run.values
    found: dict[str, Any] = {}
    for name, value in results.items():
        mapped = mapping.get(name)
        if mapped is not None:
            found[mapped.name] = value
        elif values is None or name in values:
            found[name] = value
    return {**found, "results_nonfinite": nonfinite} if nonfinite else found
