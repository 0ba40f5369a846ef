"""Whether code is Python, by this interpreter's version of it. As a program it reads code and prints what is wrong.

The operator runs it so, by this file's path: it imports nothing of the package.
"""

import ast
import sys


def syntax_error(code: bytes) -> tuple[int, str] | None:
    """Return the line and the words of what keeps the code from being Python."""
    try:
        ast.parse(code)
    except SyntaxError as error:
        return error.lineno or 1, f"line {error.lineno}: {error.msg}"
    except ValueError as error:
        return 1, str(error)
    except (MemoryError, RecursionError):
        return 1, "the code is nested too deeply to be parsed"
    return None


if __name__ == "__main__":
    _, words = syntax_error(sys.stdin.buffer.read()) or (0, "")
    sys.stdout.write(words)
