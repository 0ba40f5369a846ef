"""An image is built again when, and only when, what it is made of changes."""

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from devcluster.images import base, build, buildah, load, pip
from devcluster.images.inputs import copied_paths, digest
from devcluster.images.layout import Layout, write_single_file_image

DOCKERFILE = """\
ARG BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm
FROM ${BASE_IMAGE} AS environment
COPY requirements/operator.txt /tmp/requirements.txt
RUN python3 -m venv /opt/environment \\
 && /opt/environment/bin/pip install -r /tmp/requirements.txt

FROM ${BASE_IMAGE}
COPY --from=environment /opt/environment /opt/environment
COPY --chown=0:0 src/one \\
     src/two /opt/src/
copy ["src/with blank", "/opt/"]
ADD https://example.org/archive.tar.gz /opt/
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in ("src/one/a.py", "src/two/b.py", "elsewhere/c.py", "requirements/operator.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "Dockerfile").write_text("COPY src requirements /opt/\n")
    (tmp_path / ".gitignore").write_text("__pycache__\n")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def the_digest(context: Path, *more: str) -> str:
    return digest(context, context / "Dockerfile", *more)


def test_paths_from_the_context_are_those_of_copy_and_add() -> None:
    assert copied_paths(DOCKERFILE) == ["requirements/operator.txt", "src/one", "src/two", "src/with blank"]


def test_stages_are_known_by_name() -> None:
    assert buildah.stages(DOCKERFILE) == ["environment"]


def test_the_digest_stays_when_nothing_changes(context: Path) -> None:
    before = the_digest(context)
    (context / "src/one/a.py").touch()
    (context / "elsewhere/c.py").write_text("not copied")
    (context / "src/one/__pycache__").mkdir()
    (context / "src/one/__pycache__/a.pyc").write_text("ignored")
    assert the_digest(context) == before


def test_a_changed_a_new_and_a_lost_file_change_the_digest(context: Path) -> None:
    seen = {the_digest(context)}
    (context / "src/one/a.py").write_text("changed")
    seen.add(the_digest(context))
    (context / "src/one/new.py").write_text("")
    seen.add(the_digest(context))
    (context / "src/two/b.py").unlink()
    seen.add(the_digest(context))
    (context / "src/one/a.py").chmod(0o755)
    seen.add(the_digest(context))
    (context / "Dockerfile").write_text("COPY src requirements /srv/\n")
    seen.add(the_digest(context))
    seen.add(the_digest(context, "another base"))
    assert len(seen) == 7


def test_an_archive_leaves_out_what_containerd_has(tmp_path: Path) -> None:
    (tmp_path / "pause").write_bytes(b"\x7fELF")
    layout = write_single_file_image(tmp_path / "layout", tmp_path / "pause")
    manifest, config, layer = layout.blobs()

    archive = io.BytesIO()
    layout.write_archive(archive, "localhost/pause:1", without={layer})

    with tarfile.open(fileobj=io.BytesIO(archive.getvalue())) as tar:
        blobs = [f"blobs/{digest.replace(':', '/')}" for digest in (manifest, config)]
        assert tar.getnames() == ["oci-layout", *blobs, "index.json"]
        index = tar.extractfile("index.json")
        assert index is not None
        named = json.load(index)["manifests"][0]
    assert named["digest"] == manifest
    assert named["annotations"] == {"io.containerd.image.name": "localhost/pause:1"}


def test_pruning_keeps_only_the_last_image(tmp_path: Path) -> None:
    program, folder = tmp_path / "pause", tmp_path / "layout"
    program.write_bytes(b"one")
    first = write_single_file_image(folder, program).blobs()
    program.write_bytes(b"two")
    second = write_single_file_image(folder, program).blobs()

    Layout(folder).prune()

    assert {blob for blob in {*first, *second} if Layout(folder).blob(blob).exists()} == set(second)


def test_the_loaded_digest_is_read_from_the_listing_of_ctr() -> None:
    listing = (
        "REF                    TYPE                                       DIGEST      SIZE    PLATFORMS LABELS\n"
        "localhost/operator:dev application/vnd.oci.image.manifest.v1+json sha256:abcd 1.2 MiB linux/amd64 -\n"
    )
    assert load.loaded_digest(listing, "localhost/operator:dev") == "sha256:abcd"
    assert load.loaded_digest(listing, "localhost/operator") == ""


def test_build_steps_get_the_pip_settings_that_name_no_file_of_this_machine() -> None:
    environment = {"PIP_INDEX_URL": "https://pypi.example/simple", "PIP_FIND_LINKS": "/opt/wheels", "HOME": "/root"}
    written = pip.render(pip.from_environment(environment)).splitlines()
    assert "index-url = https://pypi.example/simple" in written
    assert "cert = /etc/ssl/certs/ca-certificates.crt" in written
    assert not any("wheels" in line for line in written)


@pytest.mark.parametrize(
    "sources",
    [
        "deb [signed-by=/k.gpg] http://mirror.example/debian bookworm main\n",
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\n",
        "URIs: http://mirror.example/debian-security\n\nURIs: http://mirror.example/debian\n",
    ],
)
def test_the_debian_mirror_is_found_in_both_formats_of_apt_sources(sources: str) -> None:
    assert base.mirror_of(sources) == "http://mirror.example/debian"


def test_without_a_debian_mirror_debootstrap_chooses() -> None:
    assert base.mirror_of("# nothing\n") == ""


def test_wrapper_ml_is_built_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALL_IMAGES", raising=False)
    usual = [image.name for image in build.wanted()]
    monkeypatch.setenv("ALL_IMAGES", "1")

    assert "wrapper" in usual
    assert {image.name for image in build.wanted()} - set(usual) == {"wrapper-ml"}
