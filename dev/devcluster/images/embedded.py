"""The images of the embedded cluster: built with buildah on our own base, kept as OCI layouts."""

from devcluster import paths
from devcluster.images import base, buildah
from devcluster.images.build import ENVIRONMENT, Image
from devcluster.images.layout import Layout


class Buildah:
    """A `Builder` that leaves an OCI layout behind for each image."""

    @property
    def key(self) -> str:
        """The base, which is made again if the cache was emptied."""
        return f"{base.IMAGE} {base.ARCHIVE.stat().st_mtime_ns}"

    def has(self, image: Image) -> bool:
        """Whether the layout was written to its end: its index comes last."""
        return (layout(image).folder / "index.json").exists()

    def build(self, image: Image) -> None:
        """Build the image and write its layout."""
        buildah.build(image.dockerfile, paths.REPOSITORY, image.reference, arguments_of(image))
        if image.base is not None:
            layout(image).share(layout(image.base))
        buildah.write_layout(image.reference, layout(image).folder)


def arguments_of(image: Image) -> dict[str, str]:
    """Return the build arguments of an image, of which the first is what it starts from."""
    start = base.ensure() if image.base is None else f"{image.base.reference}-{ENVIRONMENT}"
    return {"BASE_IMAGE": start, **dict(image.arguments)}


def layout(image: Image) -> Layout:
    """Return where the layout of an image lies, built or not."""
    return Layout(paths.IMAGES / image.name)
