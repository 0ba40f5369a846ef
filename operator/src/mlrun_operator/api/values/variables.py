"""Variables in the values of variables, as the kubelet reads them: `$(NAME)`, and `$$` for one `$`."""

import re
from collections.abc import Mapping
from typing import Final

_REFERENCE: Final = re.compile(r"\$(?:\$|\((?P<name>[^)]*)\))")


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with the values of the variables that there are. A reference to another one stays as it is.

    >>> expanded("$(BASE)/out $$(BASE) pa$$word $(NONE) $5", {"BASE": "/data"})
    '/data/out $(BASE) pa$word $(NONE) $5'
    """
    return _REFERENCE.sub(lambda match: _meant(match, variables), text)


def _meant(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name = match["name"]
    return "$" if name is None else variables.get(name, match[0])
