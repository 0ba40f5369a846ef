"""The caller's pip settings, for `pip install` in a build step."""

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

from devcluster import paths

# Settings that are true in a build step as well; those that name files of this machine are not.
PASSED_ON = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def settings_file() -> Path:
    """Write the pip.conf for build steps and return its path."""
    file = paths.IMAGES / "pip.conf"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render({**_from_files(), **from_environment(os.environ)}))
    return file


def render(settings: Mapping[str, str]) -> str:
    """Return the text of a pip.conf with the settings that make sense in a build step."""
    known = {"cert": SYSTEM_CERTIFICATES, "disable-pip-version-check": "1", "root-user-action": "ignore"}
    known |= {name: settings[name] for name in PASSED_ON if name in settings}
    # pip reads a value of several lines only if the later ones are indented.
    lines = [f"{name} = {value.strip().replace(os.linesep, os.linesep + '  ')}" for name, value in known.items()]
    return "\n".join(["[global]", *lines, ""])


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings in `PIP_*` variables under the names that pip.conf uses."""
    prefix = "PIP_"
    found = {name: value for name, value in environment.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix).lower().replace("_", "-"): value for name, value in found.items()}


def _from_files() -> dict[str, str]:
    home = Path.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path("/etc/pip.conf"), home / ".pip/pip.conf", config / "pip/pip.conf"]
    if named := os.environ.get("PIP_CONFIG_FILE"):
        files.append(Path(named))
    parser = configparser.RawConfigParser()
    parser.read(files)
    sections = [parser[name] for name in ("global", "install") if parser.has_section(name)]
    return {name: value for section in sections for name, value in section.items()}
