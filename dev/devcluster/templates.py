"""Configuration files of the daemons: the templates in `config/`, filled in with the cluster's paths and addresses."""

import string
from pathlib import Path

from devcluster import paths


def write(name: str, target: Path | None = None, **more: str) -> Path:
    """Fill in the template `name` and return where it was written (`paths.CONFIG` if no target is given).

    `$NAMES` are the constants of `paths`, and `more`; an unknown one raises KeyError.
    """
    target = target or paths.CONFIG / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(render((paths.CONFIG_TEMPLATES / name).read_text(), **more))
    return target


def render(template: str, **more: str) -> str:
    """Return the template with every `$NAME` replaced."""
    known = {name: str(value) for name, value in vars(paths).items() if name.isupper()}
    return string.Template(template).substitute({**known, **more})
