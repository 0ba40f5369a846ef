"""Entity keys: `store://<project>/<type>/<kind>/<name>[:<uuid>]`, as DigitalHub writes them."""

import re
from dataclasses import dataclass, replace
from typing import Final, Self

ENTITY_TYPES: Final = ("dataitem", "artifact", "model", "function", "run")
_SLUG = r"(?!\.{1,2}(?:[/:]|$))[a-zA-Z0-9._+-]+"  # As in DigitalHub, but never a path to a parent directory.
_FORM: Final = "store://<project>/<type>/<kind>/<name>[:<uuid>]"
# MLRun's own keys: store://<kind>/<project>/<name>[#<iteration>][:<tag>][@<tree>][^<uid>].
_OF_MLRUN = re.compile(rf"store://([a-z]+(?:-[a-z]+)?)/({_SLUG})/({_SLUG})(?:#\d+)?(?::({_SLUG}))?[@^]?.*")
_HERE: Final = {
    "artifacts": "artifact/artifact",
    "datasets": "dataitem/table",
    "models": "model/model",
    "documents": "artifact/artifact",
    "llm-prompts": "artifact/artifact",
}
_FEATURE_STORE: Final = ("feature-vectors", "feature-sets")
NO_FEATURE_STORE: Final = (
    "MLRun's feature store, which this platform does not have; where the feature store is, write the features to "
    "Parquet (vector.get_offline_features().to_dataframe().to_parquet(…)), and give the file as the input"
)
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
            raise ValueError(_why_not(text))
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


def _why_not(text: str) -> str:
    """Return why the text is not a key; of MLRun's own keys with the key that means the same here."""
    match = _OF_MLRUN.fullmatch(text)
    kind = match[1] if match else ""
    if kind in _FEATURE_STORE:
        return f"{text!r} is in {NO_FEATURE_STORE}"
    if match is None or kind not in _HERE:
        return f"{text!r} is not a key; its form is {_FORM}"
    project, name, tag = match.group(2, 3, 4)
    tail = f":{tag}" if tag and tag != "latest" else ""
    table = f", or of a dataset store://{project}/dataitem/table/{name}{tail}" if kind == "artifacts" else ""
    return f"{text!r} is a key of MLRun; here it is store://{project}/{_HERE[kind]}/{name}{tail}{table} ({_FORM})"
