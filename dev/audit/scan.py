"""One lock file against the advisories of a feed, by pip-audit."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.version import Version

from audit.locks import Pin, pin, pins

FEED: Final = "https://api.osv.dev/v1/query"
# A release with an advisory since 2020, CVE-2020-1747. A feed that does not know it knows nothing.
PROBE: Final = pin("pyyaml", "5.3")


class NotScannedError(Exception):
    """Something was not compared with advisories, so that nothing can be said of it."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """An advisory of a pinned package."""

    pin: Pin
    ids: tuple[str, ...]
    fixes: tuple[str, ...]

    @property
    def fix(self) -> str | None:
        """The first later version without the fault; None where there is none."""
        later = [version for version in map(Version, self.fixes) if version > Version(self.pin.version)]
        return str(min(later)) if later else None


@dataclass(frozen=True, slots=True)
class Scanner:
    """pip-audit of a Python environment, and the feed that it asks."""

    feed: str = FEED
    python: str = sys.executable

    def check_feed(self) -> None:
        """Raise NotScannedError unless the feed is reached and knows an old advisory."""
        with tempfile.TemporaryDirectory() as folder:
            lock = Path(folder) / "probe.txt"
            lock.write_text(f"{PROBE.name}=={PROBE.version}\n")
            if not self.scan(lock, "--no-deps"):
                raise NotScannedError(f"{self.feed} knows no advisory of {PROBE}, which has one: it is not a feed")

    def scan(self, lock: Path, option: str = "--require-hashes") -> list[Finding]:
        """Return the findings of a lock file. Raises NotScannedError unless each pin was compared."""
        answer = self._run("--requirement", str(lock), option)
        dependencies = [each for each in answer["dependencies"] if "version" in each]
        if missed := pins(lock) - {pin(each["name"], each["version"]) for each in dependencies}:
            raise NotScannedError(f"{lock.name}: pip-audit left out {', '.join(map(str, sorted(missed)))}")
        return [_finding(each, advisory) for each in dependencies for advisory in each["vulns"]]

    def _run(self, *arguments: str) -> Any:
        feed = ["--vulnerability-service=osv", f"--osv-url={self.feed}"]
        output = ["--format=json", "--progress-spinner=off"]
        command = [self.python, "-m", "pip_audit", "--disable-pip", "--strict", *feed, *output, *arguments]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            raise NotScannedError(_last_line(done.stderr) or f"pip-audit exited with {done.returncode}") from None


def _finding(dependency: Any, advisory: Any) -> Finding:
    ids = (advisory["id"], *sorted(advisory["aliases"]))
    return Finding(pin(dependency["name"], dependency["version"]), ids, tuple(advisory["fix_versions"]))


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
