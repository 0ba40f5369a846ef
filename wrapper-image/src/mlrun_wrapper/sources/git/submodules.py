"""Submodules, by our own rules: git's own command would fetch from whatever address `.gitmodules` names."""

import re
from typing import Final

from mlrun_operator.api import bounds
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.guards.paths import inside
from mlrun_wrapper.guards.urls import submodule_url
from mlrun_wrapper.sources.base import Request
from mlrun_wrapper.sources.git.budget import Budget
from mlrun_wrapper.sources.git.checkout import Checkout, checkout
from mlrun_wrapper.sources.git.command import GitFailedError
from mlrun_wrapper.sources.git.remote import Remote, reach

_DEEPEST: Final = bounds.SUBMODULES.limit
_ENTRY: Final = re.compile(r"submodule\.(?P<name>.+)\.(?P<field>path|url)\n(?P<value>.*)", re.DOTALL)


def fetch_submodules(parent: Checkout, remote: Remote, request: Request, budget: Budget, depth: int = 1) -> None:
    """Bring every submodule that the commit and `.gitmodules` name, and theirs. Raises as `checkout`."""
    urls = _urls(parent) if parent.links else {}
    for path, commit in parent.links.items():
        if path not in urls:
            continue
        if depth > _DEEPEST:
            allow = "flatten the repositories"
            raise GuardError("submodules", f"submodules are nested more than {_DEEPEST} deep", allow)
        folder = inside(parent.git.folder, path)
        own = reach(submodule_url(remote.url, urls[path]), request)
        child = checkout(own, commit, folder, budget, request.attempts)
        fetch_submodules(child, own, request, budget, depth + 1)


def _urls(parent: Checkout) -> dict[str, str]:
    """The submodules' URLs by their paths, as `.gitmodules` of the commit has them."""
    try:
        text = parent.git.config("--blob", f"{parent.commit}:.gitmodules", "-z", "--list")
    except GitFailedError:
        return {}
    found: dict[str, dict[str, str]] = {}
    for entry in text.split("\0"):
        match = _ENTRY.fullmatch(entry)
        if match:
            found.setdefault(match["name"], {})[match["field"]] = match["value"]
    return {each["path"]: each["url"] for each in found.values() if len(each) == 2}
