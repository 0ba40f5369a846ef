"""The small JSON objects of a store, which other runs, people and tools may have written, too."""

import json
from typing import Any

from mlrun_operator.store.errors import DamagedError


def parse_document(name: str, data: bytes | str, **fields: type) -> dict[str, Any]:
    """Return the document. `fields` are those that it must have, with their types; `name` is for the message.

    Raises DamagedError if the data is no JSON object, is nested too deeply, or lacks a field.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{name} is damaged: {error}") from None
    if not isinstance(document, dict):
        raise DamagedError(f"{name} is damaged: it is not a JSON object")
    for field, kind in fields.items():
        if not isinstance(document.get(field), kind):
            raise DamagedError(f"{name} is damaged: its field {field} is not what it should be")
    return document
