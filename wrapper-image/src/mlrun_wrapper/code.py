"""The function's code in this pod."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Code:
    """What the executor loads: `file`, by the dotted name `module` where there is one.

    `folders` come first on the path that modules are imported from; the first one is the working directory.
    """

    file: Path
    folders: tuple[Path, ...]
    module: str | None = None
