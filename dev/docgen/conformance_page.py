"""The page of the conformance suite, from the programs' own declarations."""

from collections import Counter

from docgen.markdown import code, page, table
from docgen.programs import SAME, Area, Program, areas

_VERDICTS = (SAME, "better", "refused")


def conformance_page() -> str:
    """The page: each program, and how its outcome stands beside plain mlrun's."""
    found = areas()
    return page(
        "Conformance with mlrun",
        "Small programs for each public method of mlrun's context, data items, project, artifacts, packagers, log "
        "hints and hyperparameters run twice: under plain mlrun 1.12.1, with its database in memory, and by this "
        "operator's wrapper. The tests compare state, results, iterations, nested runs, and artifacts with their "
        "kinds, names, labels and content. `make conformance` runs them. Each program is a function or a file of "
        "[tests/conformance/programs](../tests/conformance/programs).",
        "- *same*: no difference\n- *better*: the outcome differs in exactly the stated way, on purpose\n- *refused*: "
        "mlrun takes it, and here the run ends with words that say what to do",
        table(("Area", *_VERDICTS), [_counts(area) for area in found]),
        *(block for area in found for block in _blocks(area)),
    )


def _counts(area: Area) -> tuple[str, ...]:
    counts = Counter(program.verdict for program in area.programs)
    return (f"[{_title(area)}](#{_anchor(area)})", *(str(counts[verdict] or "") for verdict in _VERDICTS))


def _title(area: Area) -> str:
    return area.name.replace("_", " ").capitalize()


def _anchor(area: Area) -> str:
    return _title(area).lower().replace(" ", "-")


def _blocks(area: Area) -> tuple[str, ...]:
    rows = table(("Program", "What it does", "Outcome"), [_row(program) for program in area.programs])
    return f"## {_title(area)}", area.title, rows


def _row(program: Program) -> tuple[str, str, str]:
    outcome = f"*{program.verdict}*: {program.why}" if program.why else program.verdict
    return code(program.name), program.summary, outcome
