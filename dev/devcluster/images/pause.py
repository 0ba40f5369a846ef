"""The pause image: one small Go program, so that no image comes from a registry."""

from devcluster import paths
from devcluster.images.layout import write_single_file_image
from devcluster.images.load import load as load_layout
from devcluster.tools import PAUSE

IMAGE = f"localhost/mlrun-operator/pause:{PAUSE.version}"


def load() -> None:
    """Load the image into the embedded cluster."""
    load_layout(write_single_file_image(paths.IMAGES / "pause", PAUSE.binary("pause")), IMAGE)
