"""Names as mlrun wants them, and as the store wants them."""

import re
from typing import Final

from mlrun_operator.api.contract.envelope import Envelope
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.values.names import kubernetes_name
from mlrun_wrapper.errors import StepError

# Kinds in mlrun's own store:// URIs; a project of that name would be read as one.
_MLRUN_KINDS: Final = frozenset({"datasets", "artifacts", "models", "functions"})

# What a sweep makes of its points, by mlrun's names.
TABLE: Final = "iteration_results"
PLOT: Final = "parallel_coordinates"
OF_SWEEP: Final = (TABLE, PLOT)


def path_names(envelope: Envelope) -> list[str]:
    """The names that become folders of the store."""
    return [envelope.run.project, envelope.run.name, *(ref.name for ref in envelope.outputs.values())]


def mlrun_project(project: str) -> str:
    """The project's name by mlrun's rules. Raises StepError for the few names that mlrun cannot tell from its own."""
    if project in _MLRUN_KINDS:
        raise StepError(
            Reason.INVALID_RUN, f"a project cannot be called {project!r}: mlrun uses the name; choose another"
        )
    return mlrun_project_of(project)


def mlrun_project_of(project: str) -> str:
    """A project's name by mlrun's rules, whatever it is called."""
    return kubernetes_name(project)


def entity_name(key: str) -> str:
    """An mlrun key as a legal name of an entity."""
    return re.sub(r"[^a-zA-Z0-9._+-]+", "-", key).strip(".")[:128] or "output"


def numbered(name: str, number: int | None) -> str:
    """What an entity is called in the store: of the first replica as the run says, of others and points with a number.

    Replicas count from 0 and points, as mlrun's iterations, from 1.
    """
    if not number:
        return name
    tail = f"-{number}"
    return f"{name[: 128 - len(tail)]}{tail}"
