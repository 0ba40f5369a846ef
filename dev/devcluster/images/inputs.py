"""What an image is made of, as one digest: it is built again only when that changes."""

import hashlib
import json
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from devcluster import shell


def digest(context: Path, dockerfile: Path, *more: str) -> str:
    """Return a digest over a Dockerfile, the files that it copies from the context, and `more`.

    Of the files, those count which Git tracks or would track: contents, names and execute permission.
    """
    text = dockerfile.read_text()
    parts = [text, *more]
    for file in _files(context, copied_paths(text)):
        parts.append(f"{file} {os.access(context / file, os.X_OK)}")
        parts.append(hashlib.sha256((context / file).read_bytes()).hexdigest())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def copied_paths(dockerfile: str) -> list[str]:
    """Return what COPY and ADD take from the context, so nothing from another stage or from the net."""
    logical_lines = re.sub(r"\\\s*\n", " ", dockerfile).splitlines()
    found: list[str] = []
    for line in logical_lines:
        instruction, _, rest = line.strip().partition(" ")
        if instruction.upper() in ("COPY", "ADD"):
            found += _sources(rest.strip())
    return sorted(set(found))


def _sources(arguments: str) -> list[str]:
    words = shlex.split(arguments)
    flags = [word for word in words if word.startswith("--")]
    if any(flag.startswith("--from=") for flag in flags):
        return []
    rest = arguments[arguments.index("[") :] if "[" in arguments else ""
    paths: Sequence[str] = json.loads(rest) if rest else [word for word in words if word not in flags]
    return [path for path in paths[:-1] if "://" not in path]


def _files(context: Path, paths: Sequence[str]) -> list[str]:
    if not paths:
        return []
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths]
    names = {name for name in shell.run(listing, cwd=context).split("\0") if name}
    return sorted(name for name in names if (context / name).is_file())
