"""`requirements`: the packages that pip installs for a function before its code is loaded."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from mlrun_operator.api.rules import Rule, checked, validations

FILE_PREFIX: Final = "-r "

REQUIREMENT_RULES: Final = (
    Rule(
        "requirements: an entry is a pip requirement such as package==1.2, or -r and a file of the source such as "
        "-r requirements.txt; set other options of pip in the operator's settings or as PIP_ variables of the run",
        must=r"^(-r [^-/\\ ][^\\ ]*|[A-Za-z0-9][^\\]*)$",
        never=r"[\x00-\x1f\x7f]|^-r ([^ ]*/)?\.\.(/|$)",
    ),
    Rule(
        "requirements: no credentials in a URL; write ${NAME} instead and set that variable in the run's environment",
        never=r"https?://[^/@\x24 ]*@",
    ),
)


def _checked(entry: str) -> str:
    checked(entry, REQUIREMENT_RULES)
    return entry


# One entry, with the same rules in the CRD and in Python.
Requirement = Annotated[
    str,
    Field(min_length=1, max_length=512, json_schema_extra=validations(REQUIREMENT_RULES)),
    AfterValidator(_checked),
]
