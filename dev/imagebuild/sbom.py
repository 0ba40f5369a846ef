"""The bill of materials of an image as SPDX 2.3: the Debian and the Python packages that are really in it.

`python3 -m imagebuild.sbom NAME VERSION [ROOT]` prints it. Debian packages are known from dpkg's status, or from
`status.d` in images without dpkg; Python packages from their metadata in the environments under /opt. The same contents
give the same document: its time is SOURCE_DATE_EPOCH, its namespace a hash.

https://spdx.github.io/spdx-spec/v2.3/
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.parser import Parser
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

UNKNOWN = "NOASSERTION"
# Classifiers that mean one licence; "BSD License" means several.
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# What older metadata says in words of its own, where it is an SPDX identifier.
IDENTIFIERS = {"MIT", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "ISC", "MPL-2.0", "PSF-2.0", "Unlicense", "0BSD"}


@dataclass(frozen=True, order=True)
class Package:
    """Something that somebody released under a version."""

    name: str
    version: str
    url: str
    licence: str = UNKNOWN

    def spdx(self) -> dict[str, Any]:
        """The package as SPDX writes it."""
        return {
            "SPDXID": f"SPDXRef-{re.sub('[^a-zA-Z0-9.-]', '-', self.url.removeprefix('pkg:'))}",
            "name": self.name,
            "versionInfo": self.version,
            "downloadLocation": UNKNOWN,
            "filesAnalyzed": False,
            "licenseConcluded": UNKNOWN,
            "licenseDeclared": self.licence,
            "copyrightText": UNKNOWN,
            "externalRefs": [
                {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": self.url}
            ],
        }


def main() -> None:
    """Print the document of the image that the command line names."""
    name, version = sys.argv[1:3]
    root = Path(sys.argv[3] if len(sys.argv) > 3 else "/")
    found = {*debian(root), *python(root), *interpreter(root)}
    created = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)
    print(json.dumps(document(name, version, sorted(found), created), indent=1))


def document(name: str, version: str, packages: list[Package], created: datetime) -> dict[str, Any]:
    """The SPDX document of an image that holds these packages."""
    image = Package(name, version, f"pkg:oci/{name}@{version}", "Apache-2.0").spdx()
    image["primaryPackagePurpose"] = "CONTAINER"
    contents = [package.spdx() for package in packages]
    key = hashlib.sha256(json.dumps([image, contents]).encode()).hexdigest()
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", image["SPDXID"])]
    relations += [(image["SPDXID"], "CONTAINS", each["SPDXID"]) for each in contents]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{name}-{version}",
        "documentNamespace": f"https://mlrun-operator.dev/spdx/{name}-{version}-{key}",
        "creationInfo": {
            "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: mlrun-operator-imagebuild", "Organization: The mlrun-operator authors"],
        },
        "packages": [image, *contents],
        "relationships": [
            {"spdxElementId": subject, "relationshipType": kind, "relatedSpdxElement": thing}
            for subject, kind, thing in relations
        ],
    }


def debian(root: Path) -> Iterator[Package]:
    """The Debian packages under a root."""
    files = [root / "var/lib/dpkg/status", *(root / "var/lib/dpkg/status.d").glob("*")]
    for file in files:
        for stanza in file.read_text().split("\n\n") if file.is_file() else ():
            fields = Parser().parsestr(stanza)
            if fields["Package"] and "installed" in fields["Status"].split():
                yield _debian(fields)


def _debian(fields: Message) -> Package:
    name, version = str(fields["Package"]), str(fields["Version"])
    url = f"pkg:deb/debian/{quote(name)}@{quote(version, safe=':')}?arch={fields['Architecture']}"
    return Package(name, version, url)


def python(root: Path) -> Iterator[Package]:
    """The Python packages of the environments in a root's /opt."""
    for place in sorted(root.glob("opt/*/lib/python3.*/site-packages")):
        for distribution in distributions(path=[str(place)]):
            name = re.sub("[-_.]+", "-", distribution.metadata["Name"]).lower()
            url = f"pkg:pypi/{name}@{quote(distribution.version)}"
            yield Package(distribution.metadata["Name"], distribution.version, url, licence(distribution))


def interpreter(root: Path) -> Iterator[Package]:
    """The interpreter, where it is from no Debian package."""
    if (root / "usr/local/bin/python3").exists():
        version = sys.version.split()[0]
        yield Package("cpython", version, f"pkg:generic/cpython@{version}", "PSF-2.0")


def licence(distribution: Distribution) -> str:
    """The licence as an SPDX expression, as far as the metadata says one without doubt."""
    expressions, words, classifiers = (
        [str(value) for value in distribution.metadata.get_all(field) or ()]
        for field in ("License-Expression", "License", "Classifier")
    )
    for said in [*expressions, *IDENTIFIERS.intersection(words)]:
        if "LicenseRef" not in said:
            return said
    told = {line.split(" :: ")[-1] for line in classifiers if line.startswith("License ::")}
    return CLASSIFIERS.get(told.pop(), UNKNOWN) if len(told) == 1 else UNKNOWN


if __name__ == "__main__":
    main()
