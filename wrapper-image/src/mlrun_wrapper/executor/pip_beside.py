"""Run by path in the function's interpreter: pip, with a folder as the environment, then pip's own arguments.

In an environment whose prefix is not the interpreter's own, pip leaves the packages outside alone: it installs another
version beside them. The image's packages could not be removed, since their file system is read-only.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

# pip reads this file of the prefix after the user's and before the one that PIP_CONFIG_FILE names.
_CONFIGURATION = "pip.conf"


def main(folder: str) -> None:
    """Run pip with the folder as its prefix and with the interpreter's own configuration file."""
    own, link = Path(sys.prefix, _CONFIGURATION), Path(folder, _CONFIGURATION)
    if own.is_file():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(own)
    sys.prefix = sys.exec_prefix = folder
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv.pop(1))
