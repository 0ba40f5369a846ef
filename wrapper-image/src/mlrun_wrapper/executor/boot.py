"""Started by path: loads the executor beside it as `_mlrun_executor` and runs it.

The guard matters: a process pool's children load this file again as their main module.
"""

import sys

if __name__ == "__main__":
    import importlib
    import importlib.util
    import os

    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is not imported yet
    if sys.path and sys.path[0] == here:
        del sys.path[0]
    spec = importlib.util.spec_from_file_location(
        "_mlrun_executor",
        os.path.join(here, "__init__.py"),  # noqa: PTH118 - as above
        submodule_search_locations=[here],
    )
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - the file is there
    sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    sys.exit(importlib.import_module("_mlrun_executor.main").main(sys.argv))
