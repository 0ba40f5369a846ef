"""The images of the project, and building one only when its inputs changed."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from devcluster import paths, progress
from devcluster.errors import DevClusterError
from devcluster.images import inputs


@dataclass(frozen=True)
class Image:
    """An image of the project. The context of its Dockerfile is the root of the repository.

    `arguments` are build arguments as (name, value). One that is `extra` is built where `ALL_IMAGES` is set only. One
    with a `base` starts from that image's stage `environment`, whose layers it shares.
    """

    name: str
    dockerfile: Path
    arguments: tuple[tuple[str, str], ...] = ()
    extra: bool = False
    base: "Image | None" = None

    @property
    def reference(self) -> str:
        """Its full name in a cluster."""
        return f"localhost/mlrun-operator/{self.name}:dev"


ENVIRONMENT = "environment"
_WRAPPER_FILE = paths.REPOSITORY / "wrapper-image" / "Dockerfile"
_WRAPPER = Image("wrapper", _WRAPPER_FILE)
_TESTS = paths.REPOSITORY / "tests" / "e2e" / "images"
IMAGES = (
    Image("operator", paths.REPOSITORY / "Dockerfile"),
    _WRAPPER,
    Image("wrapper-ml", _WRAPPER_FILE, (("EXTRA", "ml"),), extra=True),  # two minutes and 390 MB more
    Image("standin", paths.REPOSITORY / "tests" / "integration" / "standin" / "Dockerfile"),
    # What users might bring: seconds to build, since they hold little of their own.
    Image("test-old", _TESTS / "old" / "Dockerfile", base=_WRAPPER),
    Image("test-root", _TESTS / "root" / "Dockerfile", base=_WRAPPER),
    Image("test-bare", _TESTS / "bare" / "Dockerfile"),
    Image("test-nothing", _TESTS / "nothing" / "Dockerfile"),
    Image("test-seaweedfs", _TESTS / "seaweedfs" / "Dockerfile"),  # the chart's store for trials
)
# What a release publishes.
RELEASED = ("operator", "wrapper", "wrapper-ml")


def product() -> list[Image]:
    """Return the images that running functions takes."""
    return [image for image in IMAGES if image.name in RELEASED and not image.extra]


def wanted() -> list[Image]:
    """Return the images to build for everything: the extra ones where the environment's ALL_IMAGES is not empty."""
    return [image for image in IMAGES if not image.extra or os.environ.get("ALL_IMAGES")]


def build_time() -> str:
    """Return the time, in Unix seconds, that files and images have: the same inputs give the same digests.

    It is SOURCE_DATE_EPOCH, https://reproducible-builds.org/specs/source-date-epoch/, else the start of 1980, which is
    as early as zip archives know.
    """
    return os.environ.get("SOURCE_DATE_EPOCH") or "315619200"


class Builder(Protocol):
    """What builds images on this machine."""

    @property
    def key(self) -> str:
        """What else decides about the result: another key, another image."""

    def has(self, image: Image) -> bool:
        """Whether the image is still where an earlier build put it."""

    def build(self, image: Image) -> None:
        """Build the image anew."""


def ensure(image: Image, builder: Builder) -> None:
    """Build the image unless it was built from the very same files."""
    if not image.dockerfile.exists():
        raise DevClusterError(f"there is no {image.dockerfile}", hint="run this in a whole checkout")
    digest = inputs.digest(
        paths.REPOSITORY, image.dockerfile, builder.key, *map("=".join, image.arguments), *_of(image)
    )
    record = paths.IMAGES / f"{image.name}.inputs"
    if builder.has(image) and record.exists() and record.read_text() == digest:
        progress.say(f"✓ {image.reference} is up to date")
        return
    record.unlink(missing_ok=True)
    with progress.step(f"{image.reference} built", during=f"building {image.reference}"):
        builder.build(image)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(digest)


def _of(image: Image) -> list[str]:
    """What the stage that the image starts from is made of: its Dockerfile and the locks."""
    if image.base is None:
        return []
    locks = sorted((paths.REPOSITORY / "requirements").glob("*.txt"))
    return [file.read_text() for file in (image.base.dockerfile, *locks)]
