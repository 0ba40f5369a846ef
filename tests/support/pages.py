"""Pages of the documentation whose code runs. A comment behind a `print` is what it prints."""

import re
from collections.abc import Iterable

from devcluster.paths import REPOSITORY

_BLOCK = re.compile(r"^```python(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SAID = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)


def blocks_of(page: str) -> list[tuple[str, str]]:
    """The page's blocks of Python in order, each with the word behind ```python, if there is one."""
    return _BLOCK.findall((REPOSITORY / "docs" / page).read_text())


def check_prints(code: str, printed: Iterable[str]) -> None:
    """Fail where the code's comments are not among the printed lines, in their order."""
    lines = list(printed)
    rest = iter(lines)
    missing = next((said for said in _SAID.findall(code) if said not in rest), None)
    assert missing is None, f"{missing!r} was not printed; what was: {lines}"
