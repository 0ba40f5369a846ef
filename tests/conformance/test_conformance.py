"""Each program ends here as it ends under plain mlrun, or differs in exactly the way that it declares."""

import json
from typing import Final

import pytest
from comparison import as_declared, differences
from running import Outcomes

from docgen.programs import SAME, Program, programs

# Faults that are known and not mended yet. A program that passes has to leave the table.
_VERDICTS: Final = (SAME, "better", "refused")
_PROGRAMS: Final = programs()


@pytest.mark.parametrize("program", [pytest.param(program, id=program.id) for program in _PROGRAMS])
def test_program_ends_as_under_mlrun(program: Program, outcomes: Outcomes) -> None:
    plain, here = outcomes.of(program)

    found = differences(plain, here)
    assert as_declared(found, program.differs), f"{program.id}: {json.dumps(found, indent=1)}"
    outcomes.forget(program)


def test_there_are_at_least_150_programs() -> None:
    assert len(_PROGRAMS) >= 150
    assert len({program.id for program in _PROGRAMS}) == len(_PROGRAMS)


def test_what_differs_says_why() -> None:
    for program in _PROGRAMS:
        assert program.verdict in _VERDICTS, program.id
        assert (program.verdict == SAME) == (not program.differs) == (not program.why), program.id
        assert program.why.endswith(".") or program.verdict == SAME, program.id


def test_what_is_refused_ends_here_with_words() -> None:
    for program in _PROGRAMS:
        if program.verdict == "refused":
            assert any(place.endswith("error") and pair[1] for place, pair in program.differs.items()), program.id
