"""Building an image once more from nothing: the digest must be the same."""

import tempfile
from pathlib import Path

from devcluster import paths, progress
from devcluster.errors import DevClusterError
from devcluster.images import buildah
from devcluster.images.build import Image
from devcluster.images.embedded import arguments_of, layout
from devcluster.images.layout import Layout


def digest_of_another_build(image: Image) -> str:
    """Build the image without any cache, and return the digest of its manifest. Nothing of it stays."""
    name = f"{image.reference}-again"
    buildah.build_fresh(image.dockerfile, paths.REPOSITORY, name, arguments_of(image))
    with tempfile.TemporaryDirectory(dir=paths.IMAGES) as folder:
        digest: str = buildah.write_layout(name, Path(folder)).descriptor["digest"]
    buildah.remove(name)
    return digest


def check(image: Image) -> None:
    """Compare the image that was built with another build. Raises DevClusterError where they differ."""
    built: str = Layout(layout(image).folder).descriptor["digest"]
    with progress.step(f"{image.name} built again from nothing", during=f"building {image.name} without a cache"):
        again = digest_of_another_build(image)
    if again != built:
        raise DevClusterError(
            f"{image.name} is not reproducible: {built} and {again} from the same inputs",
            hint="compare the layers of both; usual causes are times, bytecode and the order of files",
        )
    progress.say(f"✓ {image.name} is {built} both times")
