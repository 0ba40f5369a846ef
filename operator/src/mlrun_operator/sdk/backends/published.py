"""What the chart publishes of the operator's settings, in a ConfigMap that everyone who can log in may read."""

import json
from typing import Any, Final, Self

from pydantic import Field, ValidationError

from mlrun_operator.api.base import Model
from mlrun_operator.api.contract.platform import Platform

PUBLISHED: Final = "mlrun-operator-settings"
SETTINGS_KEY: Final = "settings.json"


class Published(Model):
    """No credentials, and nothing that pods do not show anyway."""

    platform: Platform | None = None
    store_public_endpoint: str | None = Field(None, description="URL of the S3 server from outside of the cluster.")
    fetch_max_mib: int = Field(8, description="Size of an output that may come through a fetch run's log.")

    @classmethod
    def read(cls, text: str) -> Self:
        """The settings in the ConfigMap's text; fields of newer charts are left out. Raises ValueError."""
        data = json.loads(text)
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            for each in error.errors(include_url=False):
                if each["type"] != "extra_forbidden":
                    raise
                _drop(data, each["loc"])
            return cls.model_validate(data)


def _drop(data: Any, loc: tuple[int | str, ...]) -> None:
    for part in loc[:-1]:
        data = data[part]
    del data[loc[-1]]
