"""The text of validation errors, for people."""

from pydantic import ValidationError


def in_words(error: ValueError) -> str:
    """Return the error's text, by field and without pydantic's additions."""
    if not isinstance(error, ValidationError):
        return str(error)
    texts = (f"{'.'.join(str(p) for p in e['loc'])}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
    return "; ".join(text.removeprefix(": ") for text in texts)
