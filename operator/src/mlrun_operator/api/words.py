"""The text of errors, for people: of validation errors, and of texts that are put together."""

from functools import reduce
from typing import Final

from pydantic import ValidationError

_ENDS_OF_SENTENCES: Final = (".", "!", "?", "…")
# What a text from elsewhere may end with although nothing follows it there.
_DANGLING: Final = " \t\r\n,;:"


def in_words(error: ValueError) -> str:
    """Return the error's text, by field and without pydantic's additions."""
    if not isinstance(error, ValidationError):
        return str(error)
    texts = (f"{'.'.join(str(p) for p in e['loc'])}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
    return clauses(*(text.removeprefix(": ") for text in texts))


def sentences(*texts: str) -> str:
    """Return the texts as sentences, one after the other, with the full stops that are missing between them.

    >>> sentences("'rat' was given, is it meant?", "Change the field.")
    "'rat' was given, is it meant? Change the field."
    """
    return _joined(texts, ". ")


def clauses(*texts: str) -> str:
    """Return the texts with semicolons between them; after a text that ends as a sentence does comes a space alone.

    >>> clauses("'rat' was given, is it meant?", "'x' is too long", "3 points failed")
    "'rat' was given, is it meant? 'x' is too long; 3 points failed"
    """
    return _joined(texts, "; ")


def _joined(texts: tuple[str, ...], mark: str) -> str:
    """Return the texts that are not empty; the mark stands where the text before does not end a sentence."""
    return reduce(lambda left, right: _pair(left, right, mark), filter(str.strip, texts), "")


def _pair(left: str, right: str, mark: str) -> str:
    head = left.rstrip(_DANGLING)
    if not head:
        return right
    return f"{head} {right}" if head.endswith(_ENDS_OF_SENTENCES) else f"{head}{mark}{right}"
