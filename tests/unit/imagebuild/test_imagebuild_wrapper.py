"""The wrapper's image has each module that the wrapper imports: its Dockerfile copies them by name."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from devcluster.images import base

REPOSITORY = Path(__file__).resolve().parents[3]
DOCKERFILE = REPOSITORY / "wrapper-image/Dockerfile"
IN_IMAGE = "/opt/mlrun-wrapper/src/"
IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import mlrun_wrapper
for module in pkgutil.walk_packages(mlrun_wrapper.__path__, "mlrun_wrapper."):
    if not module.name.startswith("mlrun_wrapper.executor") and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(sys.modules["mlrun_operator"].__file__)
"""


def copied(folder: Path) -> None:
    """Lay out what the Dockerfile copies of our code, as it is in the image."""
    for line in re.findall(rf"^COPY (.* {IN_IMAGE}.*)$", DOCKERFILE.read_text(), re.MULTILINE):
        *sources, target = line.split()
        place = folder / target.removeprefix(IN_IMAGE)
        for source in (REPOSITORY / source for source in sources):
            if source.is_dir():
                shutil.copytree(source, place, dirs_exist_ok=True)
            else:
                goal = place / source.name if target.endswith("/") else place
                goal.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, goal)


def test_the_image_has_what_the_wrapper_imports(tmp_path: Path) -> None:
    copied(tmp_path)
    command = [sys.executable, "-I", "-c", IMPORT_ALL, str(tmp_path)]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "mlrun_operator/__init__.py")


def test_the_development_base_has_what_the_image_would_install() -> None:
    """So that it builds without Debian's archive; without OpenMP's library lightgbm cannot be imported."""
    installed = re.search(r"apt-get install -y --no-install-recommends ((?:[a-z0-9-]+ )+)", DOCKERFILE.read_text())
    assert installed is not None
    assert set(installed[1].split()) == {*base.PACKAGES} - {"python3", "python3-venv"}
    assert "libgomp1" in base.PACKAGES
