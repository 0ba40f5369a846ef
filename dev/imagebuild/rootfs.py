"""A root file system of what an interpreter and its packages need, and nothing else: no shell, no package manager.

`python3 -m imagebuild.rootfs ROOT ENVIRONMENT` copies the running interpreter, its standard library, the virtual
environment and every shared library that they load into the folder ROOT. Of each Debian package that a file is from,
the entry in dpkg's status and the licence come along, where scanners look for them in images without dpkg.
"""

import compileall
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

# Of the standard library, what a service never imports.
LEFT_OUT = ("test", "ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo", "turtle.py", "__pycache__", "config-*")
# Loaded by name, so that no `ldd` shows it: what ends threads.
BY_NAME = ("libgcc_s.so.1",)
OPENSSL = (Path("/etc/ssl/openssl.cnf"), Path("/usr/lib/ssl/openssl.cnf"))
ETC = {
    "passwd": "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n",
    "group": "root:x:0:\nnonroot:x:65532:\n",
    "nsswitch.conf": "hosts: files dns\n",
}
LINKER = ("ld.so.conf", "ld.so.conf.d")


def main() -> None:
    """Build the root that the command line names."""
    root, environment = Path(sys.argv[1]), Path(sys.argv[2])
    copied = list(build(root, environment))
    for package in sorted(owners(copied)):
        keep_record(root, package)
    normalise(root)


def build(root: Path, environment: Path) -> Iterator[Path]:
    """Fill the root. Yields the files of the base that went into it, as they are called there."""
    for folder in ("usr", "etc", "tmp", "proc", "sys", "dev", "run", "var/lib/dpkg/status.d", "usr/share/sbom"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for link in ("bin", "lib", "lib64", "sbin"):
        if Path("/", link).is_symlink():
            (root / link).symlink_to(Path("/", link).readlink())
            (root / "usr" / link).mkdir(exist_ok=True)
    for name, text in ETC.items():
        (root / "etc" / name).write_text(text)
    library = Path(sysconfig.get_path("stdlib"))
    leave_out = shutil.ignore_patterns(*LEFT_OUT)
    shutil.copytree(library, root / library.relative_to("/"), symlinks=False, ignore=leave_out)
    shutil.copytree(environment, root / environment.relative_to("/"), symlinks=True)
    interpreters = [environment / "bin/python", Path(sys.executable)]
    yield from library.glob("*.py")
    yield from library.glob("lib-dynload/*.so")
    for file in [*interpreters, *OPENSSL, Path("/etc/os-release")]:
        yield from copy_chain(file, root)
    binaries = [Path(sys.executable).resolve(), *library.rglob("*.so"), *environment.rglob("*.so*")]
    for needed in sorted({*shared_libraries(binaries), *found_by_linker(BY_NAME)}):
        yield from copy_chain(needed, root)
    # Tracebacks are to name files as the image has them.
    compileall.compile_dir(
        root / library.relative_to("/"),
        stripdir=str(root),
        prependdir="/",
        quiet=1,
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
    write_linker_cache(root)


def copy_chain(file: Path, root: Path) -> Iterator[Path]:
    """Copy a file and, where it is a link, every link on the way to it. Yields the files, not the links."""
    while file.exists():
        inside = root / file.parent.resolve().relative_to("/") / file.name
        inside.parent.mkdir(parents=True, exist_ok=True)
        if not file.is_symlink():
            shutil.copy2(file, inside)
            yield file
            return
        if not inside.is_symlink():
            inside.symlink_to(file.readlink())
        file = file.parent.resolve() / file.readlink()


def shared_libraries(binaries: Iterable[Path]) -> set[Path]:
    """Return every library that `ldd` finds for the binaries, and the loader. Packages' own stay where they are."""
    listing = subprocess.run(["ldd", *map(str, binaries)], text=True, capture_output=True, check=False).stdout
    words = {word for line in listing.splitlines() for word in line.split() if word.startswith("/")}
    return {Path(word) for word in words if not word.endswith(":") and "site-packages" not in word}


def found_by_linker(names: Iterable[str]) -> list[Path]:
    """Return where the linker finds libraries of these names."""
    cache = subprocess.run(["/sbin/ldconfig", "-p"], text=True, capture_output=True, check=True).stdout
    places = {line.split()[0]: Path(line.split()[-1]) for line in reversed(cache.splitlines()) if "=>" in line}
    return [places[name] for name in names]


def write_linker_cache(root: Path) -> None:
    """Have the linker find the libraries that are in no default place."""
    for name in LINKER:
        place = Path("/etc", name)
        if place.is_dir():
            shutil.copytree(place, root / "etc" / name)
        else:
            shutil.copy2(place, root / "etc" / name)
    subprocess.run(["/sbin/ldconfig", "-r", str(root)], check=True)
    shutil.rmtree(root / "var/cache", ignore_errors=True)


def owners(files: Iterable[Path]) -> set[str]:
    """Return the Debian packages that the files are from."""
    # dpkg knows files of merged folders by either name.
    paths = {path for file in files for path in (file, file.resolve())}
    names = {name for path in map(str, paths) for name in (path, path.removeprefix("/usr"))}
    told = subprocess.run(["dpkg-query", "--search", *sorted(names)], text=True, capture_output=True, check=False)
    lines = [line for line in told.stdout.splitlines() if not line.startswith("diversion")]
    return {line.split(": /")[0].split(",")[0] for line in lines}


def keep_record(root: Path, package: str) -> None:
    """Write what dpkg knows of a package, and its licence, into the root."""
    name = package.split(":", maxsplit=1)[0]
    status = subprocess.run(["dpkg-query", "--status", package], text=True, capture_output=True, check=True).stdout
    (root / "var/lib/dpkg/status.d" / name).write_text(status)
    licence = Path("/usr/share/doc", name, "copyright")
    if licence.exists():
        target = root / licence.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(licence, target)


def normalise(root: Path) -> None:
    """Have the same permissions whatever the builder's umask was."""
    for file in root.rglob("*"):
        if not file.is_symlink():
            executable = file.is_dir() or (os.access(file, os.X_OK) and file.stat().st_mode & 0o111)
            file.chmod(0o755 if executable else 0o644)
    (root / "tmp").chmod(0o1777)


if __name__ == "__main__":
    main()
