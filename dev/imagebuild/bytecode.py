"""Compile what has no bytecode yet, so that it stays valid whatever time its source's file gets.

`python3 -m imagebuild.bytecode FOLDER...`: pip compiles by the time at which it installed, which no two builds share.
"""

import py_compile
import sys
from importlib.util import cache_from_source
from pathlib import Path

UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH


def main() -> None:
    """Compile the folders that the command line names."""
    for folder in sys.argv[1:]:
        for file in sorted(Path(folder).rglob("*.py")):
            if not Path(cache_from_source(str(file))).exists():
                compiled(file)


def compiled(file: Path) -> None:
    """Write the bytecode of a file; templates and code for other Pythons have none."""
    try:
        py_compile.compile(str(file), doraise=True, invalidation_mode=UNCHECKED)
    except (py_compile.PyCompileError, ValueError, RecursionError):
        print(f"no bytecode for {file}")


if __name__ == "__main__":
    main()
