"""The page of all reasons."""

from docgen.markdown import code, page, table
from mlrun_operator.api.reasons import EXPLANATIONS, Explanation, Reason


def reasons_page() -> str:
    """The page: the list is closed, so it is whole."""
    return page(
        "Reasons",
        "Why a run is where it is: `status.reason`, also the reason of its conditions and events. The list is closed.",
        "*Exit code* is the pod's where the wrapper gives the reason; the others are seen by the operator. *Retried* "
        "means within `spec.backoffLimit`, which is 0 unless the run or the operator's settings say otherwise.",
        table(("Reason", "What happened", "What to do", "Exit code", "Retried"), map(_row, EXPLANATIONS.items())),
    )


def _row(item: tuple[Reason, Explanation]) -> tuple[str, str, str, str, str]:
    reason, told = item
    exit_code = "" if told.exit_code is None else str(told.exit_code)
    return code(reason), told.happened, told.todo, exit_code, "yes" if told.retried else ""
