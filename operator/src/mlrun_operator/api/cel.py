"""Kubernetes' schema keywords, for use in the fields of models."""

from typing import Final

from pydantic.config import JsonDict

# An integer or a string, as quantities are written.
INT_OR_STRING: Final[JsonDict] = {"x-kubernetes-int-or-string": True}
# A value of any type.
ANYTHING: Final[JsonDict] = {"x-kubernetes-preserve-unknown-fields": True, "x-any-type": True}
# A map with values of any type. The API server stores it unchanged, and CEL cannot read it.
FREE_FORM: Final[JsonDict] = {"x-kubernetes-preserve-unknown-fields": True}


def cel(rule: str, message: str) -> JsonDict:
    """Return a `json_schema_extra` with one validation rule and its message for users."""
    return cels((rule, message))


def cels(*rules: tuple[str, str]) -> JsonDict:
    """Return a `json_schema_extra` with several validation rules, each with its message."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}
