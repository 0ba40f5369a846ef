"""Run by path in the function's interpreter: prints the packages that no requirement may replace, as JSON.

They are mlrun, all that it needs, and what it takes beside that where it is there: mlrun is being imported meanwhile.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterable, Iterator, Mapping

_MLRUN = "mlrun"
_ROOTS = (_MLRUN, "boto3", "cloudpickle", "pip", "s3fs")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OF_AN_EXTRA = re.compile(r"\bextra\s*==")


def kept(packages: Mapping[str, importlib.metadata.Distribution]) -> dict[str, str]:
    """Return the versions of the packages that stay, out of all by their plain names.

    Without a package of mlrun's nothing is known of what it needs: all of them stay.
    """
    todo = list(_ROOTS if _MLRUN in packages else packages)
    versions: dict[str, str] = {}
    while todo:
        name = todo.pop()
        if name in packages and name not in versions:
            versions[name] = packages[name].version
            todo += _needs(packages[name].requires or ())
    return versions


def _needs(requirements: Iterable[str]) -> Iterator[str]:
    """Yield the packages that a package asks for without its extras, on whatever system."""
    for requirement in requirements:
        name = _NAME.match(requirement)
        if name is not None and not _OF_AN_EXTRA.search(requirement.partition(";")[2]):
            yield plain(name[0])


def plain(name: str) -> str:
    """Return a package's name as all its spellings are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _packages() -> dict[str, importlib.metadata.Distribution]:
    """Return the interpreter's packages; of two with one name the one that is imported."""
    packages: dict[str, importlib.metadata.Distribution] = {}
    for package in importlib.metadata.distributions():
        name = package.metadata["Name"]
        if name and package.version:
            packages.setdefault(plain(name), package)
    return packages


if __name__ == "__main__":
    print(json.dumps(kept(_packages())))
