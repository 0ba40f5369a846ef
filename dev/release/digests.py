"""`python -m release.digests NAME=DIGEST…`: have the operator's chart install exactly the images that were pushed.

They are a file of the released chart and not its values: a digest among the values would go before a user's tag, and
`helm upgrade --reuse-values` would keep the images of the earlier release. The standard library only.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CHART: Final = Path("charts/mlrun-operator")
FILE: Final = Path("files/digests.yaml")
IMAGES: Final = ("operator", "wrapper", "wrapper-ml")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def digests_file(digests: Mapping[str, str]) -> str:
    """Return the text of the chart's file. Raises ValueError unless just our images are named, each with its digest."""
    if set(digests) != set(IMAGES):
        raise ValueError(f"digests of {', '.join(sorted(digests)) or 'nothing'}, not of {', '.join(IMAGES)}")
    if wrong := [name for name, digest in digests.items() if not _DIGEST.fullmatch(digest)]:
        raise ValueError(f"{wrong[0]}: {digests[wrong[0]]!r} is not a digest, sha256 and 64 hexadecimal digits")
    if len(set(digests.values())) < len(IMAGES):
        raise ValueError("two images have the same digest")
    head = "# The images of this release, where the values name neither a digest nor a tag.\n"
    return head + "".join(f"{name}: {digests[name]}\n" for name in IMAGES)


def main(repository: Path, arguments: list[str]) -> None:
    """Write the file into the repository's chart, from NAME=DIGEST arguments."""
    digests = dict(argument.split("=", 1) for argument in arguments)
    (repository / CHART / FILE).write_text(digests_file(digests))


if __name__ == "__main__":
    main(Path(__file__).resolve().parents[2], sys.argv[1:])
