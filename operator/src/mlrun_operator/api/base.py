"""The common behaviour of our models."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """Frozen, camelCase on the wire, unknown fields refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    def wire(self) -> dict[str, object]:
        """The JSON object as Kubernetes sees it: camelCase, what was not said stays absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
