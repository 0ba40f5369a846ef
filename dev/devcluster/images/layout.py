"""OCI image layouts: a folder of content-addressed blobs that holds one image.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

INDEX = "index.json"
MARKER = json.dumps({"imageLayoutVersion": "1.0.0"}).encode()
# containerd takes the image's full name from this annotation of the index.
NAME_ANNOTATION = "io.containerd.image.name"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Layout:
    """The image in a layout folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def descriptor(self) -> dict[str, Any]:
        """The descriptor of the image's manifest."""
        index = json.loads((self.folder / INDEX).read_text())
        descriptor: dict[str, Any] = index["manifests"][-1]
        return {key: descriptor[key] for key in ("mediaType", "digest", "size")}

    def blobs(self) -> list[str]:
        """Return the digests of the manifest and of all that it names."""
        digest = self.descriptor["digest"]
        manifest = json.loads(self.blob(digest).read_text())
        return [digest, *(each["digest"] for each in (manifest["config"], *manifest["layers"]))]

    def blob(self, digest: str) -> Path:
        """Return the file of a blob."""
        algorithm, _, value = digest.partition(":")
        return self.folder / "blobs" / algorithm / value

    def prune(self) -> None:
        """Forget earlier images that were written to the same folder, and their blobs."""
        (self.folder / INDEX).write_bytes(_index(self.descriptor))
        wanted = {self.blob(digest) for digest in self.blobs()}
        for file in (self.folder / "blobs").rglob("*"):
            if file.is_file() and file not in wanted:
                file.unlink()

    def share(self, other: "Layout") -> None:
        """Link the blobs of another layout into this one, so that they need not be written again."""
        for digest in other.blobs():
            blob = self.blob(digest)
            blob.parent.mkdir(parents=True, exist_ok=True)
            if not blob.exists():
                blob.hardlink_to(other.blob(digest))

    def write_archive(self, stream: IO[bytes], name: str, *, without: Collection[str] = ()) -> None:
        """Write the layout as a tar in which the image is called `name`, leaving out the blobs in `without`."""
        with tarfile.open(fileobj=stream, mode="w|") as archive:
            _add(archive, "oci-layout", MARKER)
            for digest in dict.fromkeys(self.blobs()):
                if digest not in without:
                    archive.add(self.blob(digest), f"blobs/{digest.replace(':', '/')}")
            _add(archive, INDEX, _index({**self.descriptor, "annotations": {NAME_ANNOTATION: name}}))


def write_single_file_image(folder: Path, executable: Path) -> Layout:
    """Write an image of one static executable, which is also its entry point."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        _add(tar, executable.name, executable.read_bytes(), mode=0o755)
    config = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": [f"/{executable.name}"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer.getvalue())]},
    }
    media = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{media}.manifest.v1+json",
        "config": _write(folder, f"{media}.config.v1+json", json.dumps(config).encode()),
        "layers": [_write(folder, f"{media}.layer.v1.tar", layer.getvalue())],
    }
    descriptor = _write(folder, f"{media}.manifest.v1+json", json.dumps(manifest).encode())
    (folder / INDEX).write_bytes(_index(descriptor))
    return Layout(folder)


def _index(descriptor: dict[str, Any]) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": [descriptor]}).encode()


def _write(folder: Path, media_type: str, content: bytes) -> dict[str, Any]:
    digest = _digest(content)
    file = Layout(folder).blob(digest)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = mode
    archive.addfile(member, io.BytesIO(content))
