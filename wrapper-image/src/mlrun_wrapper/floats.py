"""The floats of a run, which have lost their points on the way through Kubernetes."""

from mlrun_operator.api.contract.envelope import Envelope
from mlrun_operator.api.values.float_pointers import with_floats


def restored(envelope: Envelope) -> tuple[Envelope, list[str]]:
    """Return the envelope with the floats that the run names, and a warning for each name that is of no use."""
    if not envelope.float_parameters:
        return envelope, []
    sweep = envelope.sweep
    params = sweep.params if sweep is not None else None
    spec = {"parameters": envelope.parameters, "hyperparameters": {"params": params or {}}}
    changed, warnings = with_floats(spec, envelope.float_parameters)
    update = {"parameters": changed["parameters"]}
    if sweep is not None and params is not None:
        update["sweep"] = sweep.model_copy(update=changed["hyperparameters"])
    return envelope.model_copy(update=update), warnings
