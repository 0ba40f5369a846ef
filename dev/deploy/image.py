"""Which images the cluster is to run, and what is in them."""

import os
from dataclasses import dataclass
from typing import Self

from deploy.target import Target
from devcluster import shell
from devcluster.errors import MissingRequirementError
from devcluster.images import engine, load

VARIABLES = {"operator": "MLRUN_OPERATOR_IMAGE", "wrapper": "MLRUN_WRAPPER_IMAGE"}


@dataclass(frozen=True)
class DeployedImage:
    """An image as the cluster knows it. `content` differs when what the name stands for differs."""

    reference: str
    content: str

    @classmethod
    def of(cls, name: str, target: Target) -> Self:
        """The image that the caller's environment names, else the one that `make images` loaded.

        Raises MissingRequirementError where there is neither.
        """
        if named := os.environ.get(VARIABLES[name]):
            return cls(named, named)
        if target.facts.kind == "current":
            hint = f"push the images that `make images` builds, and set {' and '.join(VARIABLES.values())}"
            raise MissingRequirementError(f"nobody knows where your cluster finds the {name} image", hint=hint)
        reference = f"localhost/mlrun-operator/{name}:dev"
        content = _loaded(reference) if target.facts.kind == "embedded" else _built(reference)
        if not content:
            raise MissingRequirementError(f"{reference} is not in the cluster", hint="run `make images` first")
        return cls(reference, content)

    @property
    def repository(self) -> str:
        """The reference without its tag; with a digest, all before the digest's hex digits."""
        return self._parts()[0]

    @property
    def tag(self) -> str:
        """The tag, or the digest's hex digits."""
        return self._parts()[1]

    def _parts(self) -> tuple[str, str]:
        repository, colon, tag = self.reference.rpartition(":")
        return (repository, tag) if colon and "/" not in tag else (self.reference, "latest")


def _loaded(reference: str) -> str:
    """Digest of the image in the embedded cluster's containerd, empty where it is not there."""
    return load.loaded_digest(shell.output_of([*load.CTR, "images", "list", f"name=={reference}"]), reference)


def _built(reference: str) -> str:
    """Id of the image in the engine that built it, empty where it is not there."""
    return engine.find().id_of(reference)
