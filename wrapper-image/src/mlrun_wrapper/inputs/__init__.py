"""What the handler reads: each input into a folder of its own, by the provider that serves its path."""

from typing import Any, Final

from mlrun_operator.api.v1alpha1.inputs import InputRef, ResolvedInput, members
from mlrun_wrapper.context import Context
from mlrun_wrapper.inputs.fetching import Fetcher
from mlrun_wrapper.parallel import each

# Inputs at a time.
AT_ONCE: Final = 4


def fetch_inputs(context: Context) -> None:
    """Fetch every input and tell the handler's side where it is."""
    inputs = dict(sorted(context.run.inputs.items()))
    wanted = [member for name, value in inputs.items() for member in members(name, value).items()]
    if not wanted:
        return
    fetcher = Fetcher(context)
    try:
        found = each(wanted, lambda member: fetcher.fetch(*member), at_once=AT_ONCE)
    finally:
        fetcher.cancel()
    context.inputs += [fetched.info for fetched in found]
    for fetched in found:
        if fetched.artifact:
            context.artifacts[str(fetched.given)] = fetched.artifact
    given = {name: fetched.given for (name, _), fetched in zip(wanted, found, strict=True)}
    context.input_paths = {name: _given(name, value, given) for name, value in inputs.items()}


def _given(name: str, value: ResolvedInput, given: dict[str, str]) -> Any:
    """A path, a list or a map of paths, as the run wrote the input."""
    names = list(members(name, value))
    if isinstance(value, InputRef):
        return given[names[0]]
    paths = [given[member] for member in names]
    return paths if isinstance(value, list) else dict(zip(value, paths, strict=True))
