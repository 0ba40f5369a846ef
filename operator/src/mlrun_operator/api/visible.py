"""Text from outside, made safe to show: handlers, objects and servers may write anything into it.

A terminal obeys escape sequences and some control characters, and bidirectional overrides show text in another order
than it is in. They are shown as `\\u001b`, the escape that JSON and YAML have for them, too: what was valid JSON, or
YAML with them in double quotes, still is, and has the same value.
"""

import re
from typing import Final

# C0 (but tabulator and newline), DEL, C1, line and paragraph separators, bidirectional overrides and isolates, and lone
# surrogates, which cannot be encoded.
_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LINE: Final = str.maketrans({"\n": "\\n", "\t": "\\t", "\r": "\\r"})


def visible(text: str) -> str:
    r"""Return the text with each character that a terminal acts on as an escape; `\n` and `\t` stay.

    >>> visible("\x1b[2Jgone")
    '\\u001b[2Jgone'
    """
    return _UNSAFE.sub(_escape, text)


def one_line(text: str) -> str:
    r"""Return the text as one line, which no reader takes for two.

    >>> one_line("two\nlines")
    'two\\nlines'
    """
    return visible(text.translate(_LINE))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
