"""The init container's work where the image is the user's: the wrapper's whole interpreter into a volume.

Python with its standard library and our packages, every shared library that they need, and the loader that finds those
and none of the image's: so it runs in any image, whatever its C library, its Python or its user. Only the standard
library here.

The copy is laid out as a virtual environment whose Python lies in `python/`. tini, the first process, comes along.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Final

LIBRARIES: Final = "libraries"
LOADER: Final = "loader"
# A program of one file, which needs no loader: https://github.com/krallin/tini
TINI: Final = Path("/usr/bin/tini-static")
CERTIFICATES: Final = "certificates.pem"
BASE: Final = "python"
_SYSTEM_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")

_NEEDED: Final = re.compile(r"=> (/\S+) \(0x")
_MAPPED_LOADER: Final = re.compile(r" (/\S*/ld[-.][^/\s]+)$", re.MULTILINE)
# Parts of the standard library that no service needs.
_NOT_OF_PYTHON: Final = (
    *("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "distutils", "pydoc_data", "config-*"),
    *("_tkinter*", "_test*", "*.opt-?.pyc", "site-packages", "dist-packages"),
)
# Of the many services that botocore describes, those that the store and its credentials need.
_SERVICES: Final = ("s3", "sts", "sso", "sso-oidc", "signin")


def carry(target: Path, home: Path, tini: Path = TINI) -> None:
    """Copy everything into `target`, to be used where that is mounted at `home`.

    Raises OSError where the volume cannot take it.
    """
    base, version = target / BASE, f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = base / "bin" / version
    for folder in (python.parent, target / "bin", target / LIBRARIES):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copy2(os.path.realpath(sys.executable), python)
    shutil.copy2(tini, target / "bin" / "tini")
    _copied(Path(sysconfig.get_path("stdlib")), base / "lib" / version, *_NOT_OF_PYTHON)
    _copied(Path(sysconfig.get_path("purelib")), target / "lib" / version / "site-packages")
    if (source := Path(sys.prefix) / "src").is_dir():
        _copied(source, target / "src")
    (target / "pyvenv.cfg").write_text(f"home = {home / BASE / 'bin'}\n", encoding="utf-8")
    _linked(target / "bin" / "python", f"../{BASE}/bin/{version}")
    loader = _loader()
    shutil.copy2(loader, target / LOADER)
    for library in _libraries(loader, [python, *target.rglob("*.so"), *target.rglob("*.so.*")]):
        shutil.copy2(library, target / LIBRARIES / library.name)
    if _SYSTEM_CERTIFICATES.is_file():
        shutil.copyfile(_SYSTEM_CERTIFICATES, target / CERTIFICATES)


def _copied(source: Path, target: Path, *without: str) -> None:
    """A folder with its times, by which compiled modules are known to be fresh."""
    unwanted = shutil.ignore_patterns(*without)

    def ignored(folder: str, names: list[str]) -> set[str]:
        if folder.endswith("/botocore/data"):
            return {n for n in names if n not in _SERVICES and (Path(folder) / n).is_dir()}
        return set(unwanted(folder, names))

    shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)


def _linked(link: Path, to: str) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(to)


def _loader() -> str:
    """The program that started this one: the kernel has mapped it."""
    found = _MAPPED_LOADER.search(Path("/proc/self/maps").read_text(encoding="utf-8"))
    if found is None:
        raise OSError("the wrapper's own Python is linked statically; its image cannot serve other images")
    return found[1]


def _libraries(loader: str, files: Iterable[Path]) -> set[Path]:
    """The system's shared libraries that the files need, and those that these need."""
    found: set[Path] = set()
    for file in files:
        said = subprocess.run([loader, "--list", file], capture_output=True, text=True, check=False).stdout
        found |= {Path(path) for path in _NEEDED.findall(said)}
    ours = {Path(file).resolve() for file in files}
    return {path for path in found if path.resolve() not in ours}
