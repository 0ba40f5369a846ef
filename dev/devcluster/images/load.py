"""Loading images into the embedded cluster's containerd."""

import subprocess
from contextlib import suppress

from devcluster import paths, shell
from devcluster.errors import DevClusterError
from devcluster.images.layout import Layout

CTR = ("ctr", f"--address={paths.CONTAINERD_SOCKET}", f"--namespace={paths.CONTAINERD_NAMESPACE}")


def load(layout: Layout, name: str) -> bool:
    """Load the image under this name. Returns False if exactly it is there already.

    Only blobs that containerd lacks are sent, so that a change of the last layer takes seconds.
    """
    if loaded_digest(shell.output_of([*CTR, "images", "list", f"name=={name}"]), name) == layout.descriptor["digest"]:
        return False
    present = set(shell.run([*CTR, "content", "list", "--quiet"]).split())
    try:
        _import(layout, name, present)
    except DevClusterError:
        # A blob can be collected between the listing and the import.
        _import(layout, name, set())
    return True


def loaded_digest(listing: str, name: str) -> str:
    """Return the digest of an image in the text of `ctr images list`, empty if it is not there."""
    for line in listing.splitlines():
        fields = line.split()
        if fields[:1] == [name]:
            return fields[2]
    return ""


def _import(layout: Layout, name: str, present: set[str]) -> None:
    command = [*CTR, "images", "import", "-"]
    importer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert importer.stdin is not None
    with suppress(BrokenPipeError):
        layout.write_archive(importer.stdin, name, without=present)
    output, _ = importer.communicate()
    if importer.returncode != 0:
        detail = output.decode(errors="replace")
        raise DevClusterError(f"containerd does not take {name}", detail=detail, hint="look at `devcluster status`")
