"""The bill of materials says what is in an image, in a form that others read, and the same each time."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from imagebuild import sbom

STATUS = """Package: libstdc++6
Status: install ok installed
Architecture: amd64
Version: 12.2.0-14+deb12u1
Description: GNU Standard C++ Library v3
 of several lines

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
THEN = datetime(2026, 1, 2, tzinfo=UTC)


def installed(root: Path, name: str, version: str, *fields: str) -> None:
    folder = root / f"opt/app/lib/python3.11/site-packages/{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(
        "\n".join(["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *fields])
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "var/lib/dpkg/status.d").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS)
    (tmp_path / "var/lib/dpkg/status.d/zlib1g").write_text(
        "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2.13.dfsg-1\n"
    )
    installed(tmp_path, "Some_Package", "1.0+local", "License-Expression: MIT OR Apache-2.0")
    installed(tmp_path, "by-word", "2", "License: BSD-3-Clause")
    installed(tmp_path, "by-classifier", "3", "Classifier: License :: OSI Approved :: MIT License")
    installed(tmp_path, "ambiguous", "4", "License: a long text", "Classifier: License :: OSI Approved :: BSD License")
    return tmp_path


def found(root: Path) -> dict[str, sbom.Package]:
    return {package.name: package for package in [*sbom.debian(root), *sbom.python(root)]}


def test_debian_packages_are_those_that_are_installed(root: Path) -> None:
    packages = {package.url for package in sbom.debian(root)}
    assert packages == {
        "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64",
        "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64",
    }


def test_python_packages_are_called_as_the_index_calls_them(root: Path) -> None:
    assert found(root)["Some_Package"].url == "pkg:pypi/some-package@1.0%2Blocal"


def test_a_licence_is_told_only_where_it_is_sure(root: Path) -> None:
    licences = {name: package.licence for name, package in found(root).items() if "pypi" in package.url}
    assert licences == {
        "Some_Package": "MIT OR Apache-2.0",
        "by-word": "BSD-3-Clause",
        "by-classifier": "MIT",
        "ambiguous": "NOASSERTION",
    }


def the_document(root: Path) -> dict[str, Any]:
    return sbom.document("operator", "1.2.3", sorted(found(root).values()), THEN)


def test_the_document_is_valid_spdx(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "operator.spdx.json"
    file.write_text(json.dumps(the_document(root)))
    document = parse_file(str(file))
    assert validate_full_spdx_document(document) == []
    assert len(document.packages) == 7
    assert document.creation_info.created.year == 2026


def test_the_same_contents_give_the_same_document_and_others_another_name(root: Path) -> None:
    first = the_document(root)
    assert the_document(root) == first
    installed(root, "new", "5")
    assert the_document(root)["documentNamespace"] != first["documentNamespace"]
