"""The documented failures are the tested ones."""

import os

from failure_page import failure_page

from devcluster.paths import REPOSITORY
from mlrun_operator.api.reasons import EXPLANATIONS

PAGE = REPOSITORY / "docs" / "failures.md"


def test_the_documented_failures_are_the_tested_ones() -> None:
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(failure_page(), encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == failure_page(), "docs/failures.md differs; its first line writes it anew"


def test_there_are_many_and_every_reason_of_the_wrapper_is_among_them() -> None:
    text = failure_page()
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]

    assert len(rows) >= 40
    for reason, explanation in EXPLANATIONS.items():
        if explanation.exit_code:
            assert any(f"| `{reason}` | {explanation.exit_code} |" in row for row in rows), reason
