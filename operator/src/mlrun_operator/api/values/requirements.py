"""`requirements`: the packages that pip installs for a function before its code is loaded."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from mlrun_operator.api.rules import Rule, checked, validations

FILE_PREFIX: Final = "-r "

# pip decodes a requirements file by the locale, cuts it into lines by `str.splitlines`, and takes what follows a word
# with a dash for options. A requirement of PEP 508 is ASCII, which no locale reads otherwise. A file of the source is
# an argument of pip, and may have any name.
_WORD: Final = r"[!-\[\]-~]"
_WORD_START: Final = r"[!-,.-\[\]-~]"
_HASH: Final = r"--hash[= ]sha(256|384|512):[0-9A-Fa-f]+"
_REQUIREMENT: Final = rf"[A-Za-z0-9]({_WORD}| +{_WORD_START})*( +{_HASH})* *"
_FILE: Final = r"-r [^-/\\ \x24][^\\ \x24]*"

_VARIABLE: Final = r"\x24\{[A-Z0-9_]+\}"
_USER: Final = r"[^/@: \x24]+"
# A name alone is a secret of http and none of ssh. GitHub takes `x-oauth-basic` for the password of a token.
_WITHOUT_SECRET: Final = rf"(({_VARIABLE}|{_USER}):{_VARIABLE}|{_VARIABLE}(:x-oauth-basic)?)"

REQUIREMENT_RULES: Final = (
    Rule(
        "requirements: an entry is a pip requirement such as package==1.2, perhaps with --hash=, or -r and a file of "
        "the source such as -r requirements.txt; set other options of pip in the operator's settings or as PIP_ "
        "variables of the run",
        must=rf"^({_FILE}|{_REQUIREMENT})$",
        never=r"[\x00-\x1f\x7f-\x9f\u2028\u2029]|^-r ([^ ]*/)?\.\.(/|$)",
    ),
    Rule(
        "requirements: no credentials in a URL; write ${NAME} instead and set that variable in the run's environment",
        applies_to=r"://[^/ ]*@",
        must=rf"^[^:]*(://{_WITHOUT_SECRET}|ssh://{_USER})@[^/@ ]*([/ ]([^:]|:[^/])*)?$",
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
