"""The images that were built for this run: what is in them, and that they can be built again."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from devcluster import embedded, shell
from devcluster.images import build, engine, measure
from devcluster.images.embedded import layout
from devcluster.images.layout import Layout

NAMES = ("operator", "wrapper")


def the_layout(name: str) -> Layout:
    (image,) = (image for image in build.IMAGES if image.name == name)
    return layout(image)


def config(image: Layout) -> dict[str, Any]:
    manifest = json.loads(image.blob(image.descriptor["digest"]).read_text())
    return dict(json.loads(image.blob(manifest["config"]["digest"]).read_text()))


def members(image: Layout) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    for digest in measure.layers(image):
        with tarfile.open(image.blob(digest)) as archive:
            for member in archive:
                yield archive, member


@pytest.mark.parametrize("name", NAMES)
def test_a_bill_of_materials_is_in_the_image(name: str, tmp_path: Path) -> None:
    for archive, member in members(the_layout(name)):
        if member.name.endswith(f"usr/share/sbom/{name}.spdx.json") and (stream := archive.extractfile(member)):
            (tmp_path / "image.spdx.json").write_bytes(stream.read())
    document = parse_file(str(tmp_path / "image.spdx.json"))
    assert validate_full_spdx_document(document) == []
    packages = {package.name for package in document.packages}
    assert {"pydantic", "libc6", "libssl3"} <= packages
    assert packages & {"kopf", "mlrun"} == {"kopf" if name == "operator" else "mlrun"}


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_as_nobody_and_says_what_it_is(name: str) -> None:
    said = config(the_layout(name))["config"]
    assert said["User"] == "65532:65532"
    labels = said["Labels"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.source"].startswith("https://")
    assert {"title", "description", "version", "revision"} <= {label.rsplit(".", 1)[-1] for label in labels}


def test_the_operators_image_holds_no_shell_no_package_manager_and_no_pip() -> None:
    names = {member.name.removeprefix("./") for _, member in members(the_layout("operator"))}
    assert {name for name in names if "bin/" in name and not name.endswith("/") and "python" not in name} == set()
    assert not [name for name in names if "site-packages/pip/" in name or "ensurepip" in name]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_it_is_of_this_moment(name: str) -> None:
    """Layers of the base have their own times; those of our steps all have the build's."""
    image = the_layout(name)
    for digest in measure.layers(image)[0 if name == "operator" else 1 :]:
        with tarfile.open(image.blob(digest)) as archive:
            assert {member.mtime for member in archive} <= {int(build.build_time())}
    assert config(image)["created"] == "1980-01-02T00:00:00Z"


def test_the_operators_image_is_small() -> None:
    assert measure.size_of(the_layout("operator")).unpacked < 150_000_000


def test_the_operators_image_built_again_from_nothing_is_the_same() -> None:
    embedded.reproduce(["operator"])


def test_an_engine_of_the_callers_own_builds_as_well(tmp_path: Path) -> None:
    """Buildah in its own storage, as it comes with Debian; Docker and Podman take the same calls."""
    builder = engine.Engine("buildah")
    (nothing,) = (image for image in build.IMAGES if image.name == "test-nothing")
    builder.build(nothing)
    try:
        first = builder.id_of(nothing.reference)
        assert builder.has(nothing)
        with tarfile.open(builder.save(nothing, tmp_path / "nothing.tar")) as archive:
            stream = archive.extractfile("manifest.json")
            assert stream is not None
            (described,) = json.loads(stream.read())
        assert described["RepoTags"] == [nothing.reference]
    finally:
        shell.run(["buildah", "rmi", nothing.reference])
    assert not builder.has(nothing)
    builder.build(nothing)
    assert builder.id_of(nothing.reference) == first
    shell.run(["buildah", "rmi", nothing.reference])
