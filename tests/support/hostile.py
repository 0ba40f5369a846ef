"""Texts that somebody wrote to be shown to somebody else."""

import re
import unicodedata

from hypothesis import strategies as st

# Any code point, also those that no UTF-8 has; hostile ones often.
HOSTILE = st.sampled_from("\x00\x07\x08\x0b\r\x1b\x7f\x85\x9b\x9d\u2028\u2029\u202a\u202e\u2066\u2069\udc80")
ANY_TEXT = st.text(st.characters() | HOSTILE | st.sampled_from("\n\t\\[]m") | st.characters(categories=["Cs"]))


def is_shown(text: str) -> bool:
    kinds = {unicodedata.category(char) for char in text.replace("\n", "").replace("\t", "")}
    return not kinds & {"Cc", "Cs", "Zl", "Zp"} and not re.search("[\u202a-\u202e\u2066-\u2069]", text)


def as_utf16(text: str) -> bytes:
    """The text as JSON has it, which makes one character of two surrogates that happen to be a pair."""
    return text.encode("utf-16", "surrogatepass")
