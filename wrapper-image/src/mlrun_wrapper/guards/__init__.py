"""What a source may not do, however it was written. Pure but for the one place that resolves names.

A refusal names its rule and how to allow what was refused; `docs/sources.md` lists the rules by these names.
"""

from mlrun_operator.api.reasons import Reason
from mlrun_wrapper.errors import StepError


class GuardError(Exception):
    """A rule refuses something. `allow` tells how to get it all the same."""

    def __init__(self, rule: str, happened: str, allow: str) -> None:
        super().__init__(f"{happened}, which the rule {rule!r} refuses; {allow}")
        self.rule = rule

    def failure(self, what: str) -> StepError:
        """The end of a run for it: no retry mends it."""
        return StepError(Reason.INVALID_RUN, f"{what}: {self}")


def setting(name: str, group: str = "sources") -> str:
    """Return how to allow what a setting of the operator forbids, by the chart's value."""
    return f"the operator's setting {group}.{name} allows it"
