"""Kubernetes' own schema keywords, beside the fields they speak of."""

from typing import Final

from pydantic.config import JsonDict

# A number or a text, as quantities are written.
INT_OR_STRING: Final[JsonDict] = {"x-kubernetes-int-or-string": True}
# A value of any type.
ANYTHING: Final[JsonDict] = {"x-kubernetes-preserve-unknown-fields": True, "x-any-type": True}
# A map whose values are anything: kept by the API server as it is, invisible to CEL.
FREE_FORM: Final[JsonDict] = {"x-kubernetes-preserve-unknown-fields": True}


def cel(rule: str, message: str) -> JsonDict:
    """A `json_schema_extra` that carries one validation rule with the message users read."""
    return cels((rule, message))


def cels(*rules: tuple[str, str]) -> JsonDict:
    """The same of several rules, each with its message."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}
