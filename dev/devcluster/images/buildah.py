"""Building with buildah in a storage of our own: no daemon, no user namespaces, Debian's packages only."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from devcluster import paths, shell
from devcluster.images import pip
from devcluster.images.build import build_time
from devcluster.images.layout import Layout

RUN = paths.BUILDAH_STORAGE / "run"
BUILDAH = (
    "buildah",
    f"--root={paths.BUILDAH_STORAGE}",
    f"--runroot={RUN}",
    "--storage-driver=overlay",
)
# Debian's buildah needs the file but only recommends the package that brings it.
POLICY = paths.BUILDAH_STORAGE / "policy.json"
ACCEPT_OWN_IMAGES = '{"default": [{"type": "insecureAcceptAnything"}]}\n'
CERTIFICATES = Path("/etc/ssl/certs")


def has(image: str) -> bool:
    """Whether the image is in the storage."""
    return shell.succeeds([*BUILDAH, "inspect", "--type=image", image])


def build(dockerfile: Path, context: Path, image: str, arguments: Mapping[str, str] | None = None) -> None:
    """Build an image into the storage; earlier layers are reused, so its stages are kept as images too.

    Steps run on the machine's network with its certificates and the caller's pip settings, none of which ends up in
    the image.
    """
    command = _command("--layers", arguments)
    hint = "the lines above are the end of the build's own output"
    shell.run([*BUILDAH, "rm", "--all"])  # what a killed build left
    for stage in stages(dockerfile.read_text()):
        target = [f"--target={stage}", f"--tag={image}-{stage}"]
        shell.run([*command, *target, f"--file={dockerfile}", context], env=_environment(), hint=hint)
    shell.run([*command, f"--tag={image}", f"--file={dockerfile}", context], env=_environment(), hint=hint)
    shell.run([*BUILDAH, "rmi", "--prune"])


def build_fresh(dockerfile: Path, context: Path, image: str, arguments: Mapping[str, str] | None = None) -> None:
    """Build an image in the same way as `build`, but every step of it anew."""
    command = [*_command("--no-cache", arguments), "--layers", f"--tag={image}", f"--file={dockerfile}"]
    shell.run([*command, context], env=_environment())


def remove(image: str) -> None:
    """Forget an image, and the layers that only it had."""
    shell.run([*BUILDAH, "rmi", image])
    shell.run([*BUILDAH, "rmi", "--prune"])


def _command(cache: str, arguments: Mapping[str, str] | None) -> list[str]:
    command = [*BUILDAH, "bud", cache, "--isolation=chroot", "--network=host", "--pull-never"]
    command += [f"--signature-policy={_policy()}", f"--timestamp={build_time()}"]
    command += [f"--volume={CERTIFICATES}:{CERTIFICATES}:ro", f"--volume={pip.settings_file()}:/etc/pip.conf:ro"]
    return command + [f"--build-arg={name}={value}" for name, value in (arguments or {}).items()]


def stages(dockerfile: str) -> list[str]:
    """Return the names that a Dockerfile gives to its stages."""
    return re.findall(r"^FROM\s.*\sAS\s+(\S+)", dockerfile, re.MULTILINE | re.IGNORECASE)


def write_layout(image: str, folder: Path) -> Layout:
    """Write the image as an OCI layout.

    Layers stay uncompressed: they never travel, and so one that is there already need not be read again. `buildah
    push` would compress them all each time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = f"containers-storage:[overlay@{paths.BUILDAH_STORAGE}+{RUN}]{image}"
    copy = ["copy", "--dest-oci-accept-uncompressed-layers", source, f"oci:{folder}"]
    shell.run(["skopeo", f"--policy={_policy()}", *copy], env=_environment())
    layout = Layout(folder)
    layout.prune()
    return layout


def _policy() -> Path:
    POLICY.parent.mkdir(parents=True, exist_ok=True)
    POLICY.write_text(ACCEPT_OWN_IMAGES)
    return POLICY


def _environment() -> dict[str, str]:
    scratch = paths.BUILDAH_STORAGE / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    return {"TMPDIR": str(scratch), "PATH": os.environ["PATH"]}
