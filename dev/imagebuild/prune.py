"""Delete the generated modules of the Kubernetes client that nothing loads: all but a few of 1,900.

`python -m imagebuild.prune MODULE...` imports the modules, and deletes what of `api` and `models` they did not need.
The client loads both lazily, and the operator uses its credentials and its connection only.
"""

import importlib
import sys
from pathlib import Path

GENERATED = ("kubernetes.client", "kubernetes.aio.client")


def main() -> None:
    """Import what the command line names, and delete the rest."""
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for package in GENERATED:
        for folder in ("api", "models"):
            prune(Path(str(sys.modules[package].__file__)).parent / folder, f"{package}.{folder}")


def prune(folder: Path, package: str) -> None:
    """Delete the modules of a package that are not loaded."""
    for file in folder.glob("*.py"):
        if file.stem != "__init__" and f"{package}.{file.stem}" not in sys.modules:
            file.unlink()


if __name__ == "__main__":
    main()
