"""The base of our images on a machine without a registry: Debian with its own Python 3.11, from Debian's packages."""

import hashlib
import shutil
from pathlib import Path

from devcluster import paths, progress, shell
from devcluster.images import buildah

IMAGE = "localhost/mlrun-operator/base:bookworm"
PACKAGES = ("python3", "python3-venv", "git", "openssh-client", "ca-certificates", "tini", "libgomp1")
FOLDER = paths.IMAGES / "base"
ARCHIVE = FOLDER / f"bookworm-{hashlib.sha256(' '.join(PACKAGES).encode()).hexdigest()[:8]}.tar"
DOCKERFILE = f'FROM scratch\nADD {ARCHIVE.name} /\nENV PYTHONUNBUFFERED=1\nCMD ["python3"]\n'
# What apt keeps for itself.
NOT_IN_THE_IMAGE = ("./var/cache/apt/*", "./var/lib/apt/lists/*", "./var/log/*", "./dev/*")
SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))


def ensure() -> str:
    """Have the base image in buildah's storage and return its name. Its archive is made once and kept."""
    new = not ARCHIVE.exists()
    if new:
        with progress.step("base archive made", during=f"debootstrap with {', '.join(PACKAGES)} (a minute, once)"):
            _bootstrap()
    if new or not buildah.has(IMAGE):
        with progress.step(f"{IMAGE} ready"):
            (FOLDER / "Dockerfile").write_text(DOCKERFILE)
            buildah.build(FOLDER / "Dockerfile", FOLDER, IMAGE)
    return IMAGE


def mirror_of(sources: str) -> str:
    """Return the first Debian archive in the text of apt's sources, of either format; empty if there is none."""
    for line in sources.splitlines():
        words = line.split()
        if words[:1] in (["deb"], ["URIs:"]):
            for word in words[1:]:
                if word.startswith(("http://", "https://", "file:")) and word.rstrip("/").endswith("debian"):
                    return word
    return ""


def _bootstrap() -> None:
    root = FOLDER / "rootfs"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    variant = ["--variant=minbase", f"--include={','.join(PACKAGES)}"]
    mirror = mirror_of(_apt_sources())
    shell.run(["debootstrap", *variant, "bookworm", root, *([mirror] if mirror else [])])
    unfinished = ARCHIVE.with_suffix(".unfinished")
    excludes = [f"--exclude={pattern}" for pattern in NOT_IN_THE_IMAGE]
    shell.run(["tar", "--create", f"--file={unfinished}", f"--directory={root}", "--numeric-owner", *excludes, "."])
    for older in FOLDER.glob("bookworm*.tar"):
        older.unlink()
    unfinished.rename(ARCHIVE)
    shutil.rmtree(root)


def _apt_sources() -> str:
    files = [file for place in SOURCES for file in ([place] if place.is_file() else sorted(place.glob("*")))]
    return "\n".join(file.read_text(errors="replace") for file in files)
