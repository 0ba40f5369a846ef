"""A whole source: the repository and its submodules, within one budget."""

from mlrun_wrapper.sources.base import FetchedSource, Request
from mlrun_wrapper.sources.git.budget import Budget
from mlrun_wrapper.sources.git.checkout import checkout
from mlrun_wrapper.sources.git.remote import reach
from mlrun_wrapper.sources.git.submodules import fetch_submodules


def fetch_repository(request: Request) -> FetchedSource:
    """Bring the repository at the source's ref into the folder. Raises StepError and GuardError."""
    remote, budget = reach(request.uri.url, request), Budget(request.rules)
    root = checkout(remote, request.uri.ref, request.folder, budget, request.attempts)
    fetch_submodules(root, remote, request, budget)
    return FetchedSource(request.folder, budget.size, commit=root.commit)
