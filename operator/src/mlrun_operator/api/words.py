"""What pydantic found wrong, in words for people."""

from pydantic import ValidationError


def in_words(error: ValueError) -> str:
    """What is wrong, field by field, without pydantic's ornaments."""
    if not isinstance(error, ValidationError):
        return str(error)
    lines = (f"{'.'.join(str(p) for p in e['loc'])}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
    return "; ".join(line.removeprefix(": ") for line in lines)
