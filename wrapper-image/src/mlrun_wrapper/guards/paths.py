"""Rule `outside`: what a source names lies inside of it, links followed."""

from pathlib import Path

from mlrun_wrapper.guards import GuardError


def inside(folder: Path, name: str) -> Path:
    """The path of `name` in the folder; it need not exist. Raises GuardError where it leads out."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise GuardError("outside", f"{name!r} leads out of the source", "name a file of the source itself")
    return path
