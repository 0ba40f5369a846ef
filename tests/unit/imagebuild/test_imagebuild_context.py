"""What is sent to whoever builds the images: their sources, and no secret that lies in a checkout."""

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]


def sent(path: str) -> bool:
    """Whether .dockerignore lets a path through: the last pattern that fits it, or a folder above it, decides."""
    through = True
    parents = [str(parent) for parent in Path(path).parents if str(parent) != "."]
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        pattern = line.strip().lstrip("!")
        if pattern and not pattern.startswith("#") and any(fits(pattern, each) for each in (path, *parents)):
            through = line.startswith("!")
    return through


def fits(pattern: str, path: str) -> bool:
    """A pattern of .dockerignore: ** is any folders, * anything within one."""
    parts = re.split(r"(\*\*/|\*\*|\*)", pattern)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return re.fullmatch("".join(meaning.get(part, re.escape(part)) for part in parts), path) is not None


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".git/config",
        ".cluster/kubeconfig",
        ".venv/bin/python",
        "kubeconfig",
        "deploy.key",
        "operator/src/mlrun_operator/.env",
        "operator/src/mlrun_operator/cluster/kubeconfig.yaml",
        "operator/src/prod.env",
        "wrapper-image/src/server.pem",
        "wrapper-image/src/deep/down/id_rsa",
        "requirements/.pypirc",
        "operator/src/mlrun_operator/__pycache__/a.pyc",
        "tests/e2e/conftest.py",
    ],
)
def test_secrets_and_what_is_not_needed_stay_out(path: str) -> None:
    assert not sent(path)


def test_every_file_that_the_images_copy_is_sent() -> None:
    copied = ("requirements", "operator/src", "wrapper-image/src", "dev/imagebuild", "tests/e2e/images")
    tracked = subprocess.run(["git", "ls-files", *copied], cwd=REPOSITORY, text=True, capture_output=True, check=True)
    assert [path for path in tracked.stdout.splitlines() if not sent(path)] == []


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "wrapper-image/Dockerfile"])
def test_images_are_labelled_run_as_nobody_and_install_by_hash(dockerfile: str) -> None:
    text = (REPOSITORY / dockerfile).read_text()
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", text))
    assert labels == {"title", "description", "licenses", "source", "version", "revision"}
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] == "65532:65532"
    assert text.count("pip install") == text.count("--require-hashes")
    assert text.count("pip install") == text.count("--no-cache-dir")
