"""Run by path in the function's interpreter: pip, with a folder as the environment, then pip's own arguments.

In an environment whose prefix is not the interpreter's own, pip leaves the packages outside alone: it installs another
version beside them. The image's packages could not be removed, since their file system is read-only.
"""

import runpy
import sys

if __name__ == "__main__":
    sys.prefix = sys.exec_prefix = sys.argv.pop(1)
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
