"""Building with Docker, Podman or Buildah, for clusters that are not embedded.

The base comes from the Dockerfile's default, or from `BASE_IMAGE`, which also names a mirror's.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from devcluster import paths, shell
from devcluster.errors import MissingRequirementError
from devcluster.images.build import ENVIRONMENT, Image, build_time

BASE = "BASE_IMAGE"
ENGINES = ("docker", "podman", "buildah")


@dataclass(frozen=True)
class Engine:
    """A container engine on PATH that answers; a `Builder`."""

    command: str

    @property
    def key(self) -> str:
        """The engine, since each has its own storage, and the base that is asked for."""
        return f"{self.command} {os.environ.get(BASE, '')}".strip()

    def has(self, image: Image) -> bool:
        """Whether the engine still has the image."""
        return bool(self.id_of(image.reference))

    def id_of(self, reference: str) -> str:
        """Return what the engine calls the image's content, empty where it does not have it."""
        inspect = ["inspect", "--type=image", "--format={{.FromImageID}}"]
        if self.command != "buildah":
            inspect = ["image", "inspect", "--format={{.Id}}"]
        return shell.output_of([self.command, *inspect, reference]).strip()

    def build(self, image: Image) -> None:
        """Build the image into the engine's storage."""
        arguments = dict(image.arguments)
        if image.base is not None:
            arguments[BASE] = f"{image.base.reference}-{ENVIRONMENT}"
            self._build(image.base.dockerfile, arguments[BASE], {}, f"--target={ENVIRONMENT}")
        self._build(image.dockerfile, image.reference, arguments)

    def save(self, image: Image, archive: Path) -> Path:
        """Write the image to an archive that `kind load image-archive` takes, and return its path."""
        archive.parent.mkdir(parents=True, exist_ok=True)
        archive.unlink(missing_ok=True)
        if self.command == "buildah":
            shell.run([self.command, "push", image.reference, f"docker-archive:{archive}:{image.reference}"])
        else:
            shell.run([self.command, "save", f"--output={archive}", image.reference])
        return archive

    def _build(self, dockerfile: Path, reference: str, arguments: dict[str, str], *options: str) -> None:
        given = {BASE: os.environ[BASE]} if os.environ.get(BASE) else {}
        command = [self.command, "build", f"--tag={reference}", f"--file={dockerfile}", *options]
        command += [f"--build-arg={name}={value}" for name, value in {**given, **arguments}.items()]
        # BuildKit reads the variable, the others take the option.
        command += [] if self.command == "docker" else [f"--timestamp={build_time()}"]
        variables = {"SOURCE_DATE_EPOCH": build_time()} if self.command == "docker" else {}
        shell.run([*command, paths.REPOSITORY], env=variables, hint="these are the last lines of the build")


def find() -> Engine:
    """Return the first engine that works. Raises MissingRequirementError if there is none."""
    for command in ENGINES:
        if shutil.which(command) and shell.succeeds([command, "info"]):
            return Engine(command)
    raise MissingRequirementError(
        f"building images here needs one of {', '.join(ENGINES)}, and none answers `info`",
        hint="start one, or use `CLUSTER=embedded`, which builds with buildah",
    )
