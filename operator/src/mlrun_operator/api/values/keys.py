"""Entity keys: `store://<project>/<type>/<kind>/<name>[:<uuid>]`, as DigitalHub writes them."""

import re
from dataclasses import dataclass, replace
from typing import Final, Self

ENTITY_TYPES: Final = ("dataitem", "artifact", "model", "function", "run")
_SLUG = r"(?!\.{1,2}(?:[/:]|$))[a-zA-Z0-9._+-]+"  # As in DigitalHub, but never a path to a parent directory.
_KEY = re.compile(rf"store://({_SLUG})/([a-z]+)/({_SLUG})/({_SLUG})(?::({_SLUG}))?")


@dataclass(frozen=True, slots=True)
class Key:
    """The key of one entity in the store; `uuid` is its version, or a tag of one. Without it the latest one is meant.

    `type` is always singular.
    """

    project: str
    type: str
    kind: str
    name: str
    uuid: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a key. Raises ValueError that says the valid form."""
        match = _KEY.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a key; its form is store://<project>/<type>/<kind>/<name>[:<uuid>]")
        project, type_, kind, name, uuid = match.groups()
        singular = type_.removesuffix("s")
        if singular not in ENTITY_TYPES:
            raise ValueError(f"{text!r}: {type_!r} is not an entity type; use one of {', '.join(ENTITY_TYPES)}")
        return cls(project, singular, kind, name, uuid)

    def any_version(self) -> Self:
        """Return the key without its version."""
        return replace(self, uuid=None)

    def __str__(self) -> str:
        tail = f":{self.uuid}" if self.uuid else ""
        return f"store://{self.project}/{self.type}/{self.kind}/{self.name}{tail}"
