"""The status of a function: whether its runs can start, what is wrong otherwise, and its digest."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from pydantic import ValidationError

from mlrun_operator.api.objects import Object, has_condition, spec_of, status_of
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.status import MAX_MESSAGE, Condition, FunctionStatus
from mlrun_operator.api.words import in_words
from mlrun_operator.assess.times import format_time
from mlrun_operator.render.execution import function_digest


@dataclass(frozen=True, slots=True)
class FunctionReview:
    """What a function's spec says by itself. `error` is empty if it is valid, as far as that shows without parsing."""

    function: Object
    digest: str
    error: str
    code: bytes

    @classmethod
    def of(cls, function: Object) -> Self:
        """Return the review of the function."""
        spec = spec_of(function)
        try:
            error, code = "", FunctionSpec.model_validate(spec).source.inline()
        except ValidationError as invalid:
            error, code = in_words(invalid), b""
        return cls(function, function_digest(spec), error, code)

    @property
    def code_to_parse(self) -> bytes:
        """Return the inline code; nothing if the function was judged to be valid as it is."""
        is_known = has_condition(self.function, "Ready") and status_of(self.function).get("digest") == self.digest
        return b"" if is_known else self.code

    def status(self, syntax_error: str, now: datetime) -> FunctionStatus | None:
        """Return the status that the function should have; None if it has it.

        `syntax_error` is what is wrong with its inline code.
        """
        error = self.error or (f"source: {syntax_error}" if syntax_error else "")
        conditions = self._conditions(error, now)
        generation = self.function["metadata"].get("generation", 1)
        status = FunctionStatus(observed_generation=generation, digest=self.digest, conditions=conditions)
        return None if status.wire() == (self.function.get("status") or {}) else status

    def _conditions(self, error: str, now: datetime) -> list[Condition]:
        known: dict[str, Object] = {c.get("type", ""): c for c in status_of(self.function).get("conditions") or ()}
        reason, message = ("InvalidFunction", error) if error else ("Valid", "runs of it can start")

        def make(kind: str, status: Literal["True", "False"]) -> Condition:
            old = known.get(kind, {})
            return Condition(
                type=kind,
                status=status,
                reason=reason,
                message=message[:MAX_MESSAGE],
                last_transition_time=old["lastTransitionTime"] if old.get("status") == status else format_time(now),
                observed_generation=self.function["metadata"].get("generation", 1),
            )

        # Not ready alone is "not yet" for kstatus: Flux would wait for what cannot come.
        return [make("Ready", "False"), make("Stalled", "True")] if error else [make("Ready", "True")]
