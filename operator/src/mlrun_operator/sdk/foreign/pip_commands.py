"""The packages of a `pip install` command, where it is one that a list of requirements can replace. Pure."""

import shlex
from typing import Final

from mlrun_operator.api.rules import checked
from mlrun_operator.api.values.requirements import REQUIREMENT_RULES

_INSTALLS: Final = (("pip", "install"), ("python", "-m", "pip", "install"), ("python3", "-m", "pip", "install"))
# Unquoted, these are words of their own to a shell: it starts other commands, or redirects.
_OPERATORS: Final = "();<>|&"
# In their place a shell puts the value of a variable or another command's output; a new line begins another command.
_EXPANSIONS: Final = "$`\n"


def installed_packages(command: str) -> list[str]:
    r"""Return the packages of a plain `pip install`; none where it has options or the shell has more to do.

    >>> installed_packages("python -m pip install xgboost==1.3.1 'dask[complete] >= 2024.1'")
    ['xgboost==1.3.1', 'dask[complete] >= 2024.1']
    >>> installed_packages("pip install -U pandas"), installed_packages("pip install pandas && echo done")
    ([], [])
    """
    words = _words(command)
    for start in _INSTALLS:
        if tuple(words[: len(start)]) == start:
            packages = words[len(start) :]
            return packages if all(map(_is_requirement, packages)) else []
    return []


def _words(command: str) -> list[str]:
    """Return the words and operators as a shell reads them; none where it would put others in, or quotes are open."""
    if any(character in command for character in _EXPANSIONS):
        return []
    lexer = shlex.shlex(command, posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        return list(lexer)
    except ValueError:
        return []


def _is_requirement(word: str) -> bool:
    """Return whether the word may be an entry of `requirements`; operators and options are not."""
    try:
        checked(word, REQUIREMENT_RULES)
    except ValueError:
        return False
    return not word.startswith("-")
