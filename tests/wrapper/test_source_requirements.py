"""What pip installs for a function, from a package index and from pages of wheels over HTTPS."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.servers import Authority, HttpsServer
from support.wheels import Wheel, find_links, index, wheel
from test_source_handlers import zipped
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import Envelope, StoreInfo
from mlrun_operator.api.contract.fetching import PipInfo
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_wrapper.executor import pip_beside

Run = Callable[..., Ended]

TINY = wheel("tinypkg", "1.2", requires=["tinydep>=2"], scripts={"tiny": "tinypkg:main"})
DEPENDENCIES = (wheel("tinydep", "1.0"), wheel("tinydep", "2.5"))


@pytest.fixture
def server(authority: Authority) -> Iterator[HttpsServer]:
    """One whose pages are this test's alone."""
    made = HttpsServer(authority)
    yield made
    made.stop()


@pytest.fixture
def asking(file_store: StoreInfo, authority: Authority) -> Callable[..., Envelope]:
    """An envelope of a function with requirements."""

    def build(requirements: list[str], pip: PipInfo, code: str | Source, **more: Any) -> Envelope:
        more = {"store": file_store, "ca_bundle": authority.pem, **more}
        return envelope(code, requirements=requirements, pip=pip, **more)

    return build


USES = """
    import subprocess, sys
    import tinydep, tinypkg

    def handler():
        again = subprocess.run([sys.executable, "-c", "import tinypkg; print(tinypkg.VERSION)"], capture_output=True)
        script = subprocess.run(["tiny"], capture_output=True, text=True)
        return [tinypkg.VERSION, tinydep.VERSION, again.stdout.decode().strip(), script.stdout.strip()]
"""
INSTALLED = ["1.2", "2.5", "1.2", "tinypkg 1.2"]


def test_requirements_from_a_page_of_wheels(run: Run, server: HttpsServer, asking: Callable[..., Envelope]) -> None:
    page = find_links(server, TINY, *DEPENDENCIES)
    ended = run(asking(["tinypkg>=1,<2"], PipInfo(find_links=page), USES))
    assert ended.reason == "Succeeded", ended.log
    assert ended.result.results["return"] == INSTALLED
    assert "mlrun-wrapper: requirements: tinydep-2.5 tinypkg-1.2 " in ended.log


def test_requirements_from_an_index_and_again_from_the_cache(
    run: Run, server: HttpsServer, asking: Callable[..., Envelope], tmp_path: Path
) -> None:
    pip = PipInfo(index_url=index(server, TINY, *DEPENDENCIES))
    for _ in range(2):
        ended = run(asking(["tinypkg"], pip, USES), {"PIP_CACHE_DIR": str(tmp_path / "cache")})
        assert ended.result.results["return"] == INSTALLED, ended.log
    assert server.requests.count(f"/files/{TINY.filename}") == 1
    assert server.requests.count("/simple/tinypkg/") >= 1


def test_the_run_s_own_index_goes_before_the_operator_s(
    run: Run, server: HttpsServer, asking: Callable[..., Envelope]
) -> None:
    own = index(server, TINY, *DEPENDENCIES)
    ended = run(asking(["tinypkg"], PipInfo(index_url=f"{server.url}/nowhere"), USES), {"PIP_INDEX_URL": own})
    assert ended.result.results["return"] == INSTALLED, ended.log


@pytest.mark.parametrize("folder", ["", "repo-main/", "repo #1 main/"])
def test_a_requirements_file_of_the_source(
    run: Run, server: HttpsServer, asking: Callable[..., Envelope], folder: str
) -> None:
    files = {
        f"{folder}pipeline.py": USES,
        f"{folder}requirements/all of it.txt": "-r base.txt\n",
        f"{folder}requirements/base.txt": "tinypkg==1.2 # the one\n",
    }
    renamed = {name.replace("all of it", "all"): content for name, content in files.items()}
    source = Source(source=f"zip+{server.serve('/code.zip', zipped(renamed))}")
    page = find_links(server, TINY, *DEPENDENCIES)
    ended = run(asking(["-r requirements/all.txt", "tinydep"], PipInfo(find_links=page), source))
    assert ended.result.results["return"] == INSTALLED, ended.log


def test_what_the_image_has_is_not_fetched(run: Run, server: HttpsServer, asking: Callable[..., Envelope]) -> None:
    page = find_links(server, wheel("pandas", "99.0"))
    ended = run(asking(["pandas", "numpy>=1"], PipInfo(find_links=page), "def handler(): return 1"))
    assert ended.reason == "Succeeded", ended.log
    assert "requirements: all in the image already" in ended.log


@pytest.mark.parametrize(
    "wheels",
    [
        ("pandas==99.0", wheel("pandas", "99.0")),
        ("greedy", wheel("greedy", "1.0", requires=["pandas>=99"])),
    ],
    ids=["asked for", "by another package"],
)
def test_a_package_that_would_change_mlrun_s_own_is_refused(
    run: Run, server: HttpsServer, asking: Callable[..., Envelope], wheels: tuple[str, Wheel]
) -> None:
    requirement, made = wheels
    page = find_links(server, made, wheel("pandas", "99.0"))
    ended = run(asking([requirement], PipInfo(find_links=page), "def handler(): return 1"))
    assert (ended.reason, ended.code) == ("RequirementsFailed", 78), ended.log
    assert f"(constraint) pandas=={pd.__version__}" in ended.result.message
    assert "mlrun and what it needs stay in the image's versions" in ended.result.message


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The interpreter of an image with a package that is its own, beside those of this environment."""
    python = tmp_path / "image" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "image"], check=True)
    (packages,) = (tmp_path / "image").glob("lib/python*/site-packages")
    (packages / "all.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    (tmp_path / DEPENDENCIES[0].filename).write_bytes(DEPENDENCIES[0].data)
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index"]
    subprocess.run([*pip, tmp_path / DEPENDENCIES[0].filename], check=True)
    return python


VERSION_OF = "import {0}\ndef handler(): return {0}.VERSION"


@pytest.mark.parametrize("asked", ["tinydep==2.5", "tinypkg"], ids=["asked for", "by another package"])
def test_a_package_that_mlrun_does_not_need_is_replaced(
    run: Run, server: HttpsServer, asking: Callable[..., Envelope], image: Path, asked: str
) -> None:
    page = find_links(server, TINY, *DEPENDENCIES)
    env = {"MLRUN_EXECUTOR_PYTHON": str(image)}
    ended = run(asking([asked], PipInfo(find_links=page), VERSION_OF.format("tinydep")), env)
    assert ended.reason == "Succeeded", ended.log
    assert ended.result.results["return"] == "2.5"
    left = subprocess.check_output([image, "-c", "import tinydep; print(tinydep.VERSION)"], text=True)
    assert left == "1.0\n", "the image's own is as it was"


def test_the_pip_conf_of_an_image_is_read(
    run: Run, server: HttpsServer, asking: Callable[..., Envelope], image: Path
) -> None:
    """Some images name their package index in the virtual environment itself."""
    page = find_links(server, *DEPENDENCIES)
    (image.parents[1] / "pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {page}\n")
    code = VERSION_OF.format("tinydep")
    ended = run(asking(["tinydep==2.5"], PipInfo(), code), {"MLRUN_EXECUTOR_PYTHON": str(image)})
    assert ended.reason == "Succeeded", ended.log
    assert ended.result.results["return"] == "2.5"


def test_the_operator_s_index_goes_before_an_image_s_pip_conf(
    run: Run, server: HttpsServer, asking: Callable[..., Envelope], image: Path
) -> None:
    (image.parents[1] / "pip.conf").write_text(f"[global]\nindex-url = {server.url}/nowhere\n")
    pip = PipInfo(index_url=index(server, *DEPENDENCIES))
    code = VERSION_OF.format("tinydep")
    ended = run(asking(["tinydep==2.5"], pip, code), {"MLRUN_EXECUTOR_PYTHON": str(image)})
    assert ended.reason == "Succeeded", ended.log


@pytest.mark.parametrize("named", [False, True], ids=["own", "with PIP_CONFIG_FILE"])
def test_pip_s_configuration_files_keep_their_order(image: Path, tmp_path: Path, named: bool) -> None:
    """The files of the user, of the interpreter and of PIP_CONFIG_FILE; the last one wins, and replaces the user's."""
    files = {
        tmp_path / "home/.config/pip/pip.conf": "timeout = 1\nretries = 1\n",
        image.parents[1] / "pip.conf": "timeout = 2\nproxy = image\n",
        tmp_path / "named.conf": "proxy = named\n",
    }
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"[global]\n{text}")
    env = {"HOME": str(tmp_path / "home"), **({"PIP_CONFIG_FILE": str(tmp_path / "named.conf")} if named else {})}
    ways = (["-m", "pip"], [pip_beside.__file__, tmp_path / "packages"])
    listings = [
        subprocess.check_output([image, "-I", *way, "config", "list"], env=env, text=True).splitlines() for way in ways
    ]
    assert listings[1] == listings[0]
    assert "global.timeout='2'" in listings[0]
    assert ("global.retries='1'" in listings[0]) is not named


ML = ("lightgbm", "matplotlib", "plotly", "scikit_learn", "scipy", "seaborn", "tqdm", "xgboost_cpu")


def test_every_package_of_wrapper_ml_can_be_replaced(
    run: Run, server: HttpsServer, asking: Callable[..., Envelope], image: Path
) -> None:
    """As the function wants it: mlrun's bound on plotly is one of mlrun.frameworks only."""
    page = find_links(server, *(wheel(name, "99.0") for name in ML))
    code = f"import {', '.join(ML)}\ndef handler(): return [each.VERSION for each in ({', '.join(ML)})]"
    asked = asking([f"{name}==99.0" for name in ML], PipInfo(find_links=page), code)
    ended = run(asked, {"MLRUN_EXECUTOR_PYTHON": str(image)})
    assert ended.reason == "Succeeded", ended.log
    assert ended.result.results["return"] == ["99.0"] * len(ML)


def test_a_package_that_is_imported_already_is_not(
    run: Run, server: HttpsServer, asking: Callable[..., Envelope], image: Path
) -> None:
    """Some images import a package when Python starts, as those that trace or cover do."""
    (packages,) = (image.parents[1]).glob("lib/python*/site-packages")
    (packages / "tracing.pth").write_text("import tinydep")
    page = find_links(server, *DEPENDENCIES)
    ended = run(
        asking(["tinydep==2.5"], PipInfo(find_links=page), "def handler(): return 1"),
        {"MLRUN_EXECUTOR_PYTHON": str(image)},
    )
    assert (ended.reason, ended.code) == ("InvalidRun", 64), ended.log
    words = "another version of tinydep, but the image's tinydep is already imported; leave tinydep out of"
    assert words in ended.result.message


@pytest.mark.parametrize(
    ("requirement", "words"),
    [
        ("no-such-package", "No matching distribution found for no-such-package"),
        ("tinypkg==7", "from versions: 1.2"),
        ("tinypkg=>7", "Invalid requirement"),
        ("-r requirements.txt", "the source has no such file"),
    ],
)
def test_pip_says_why_it_cannot(
    run: Run, server: HttpsServer, asking: Callable[..., Envelope], requirement: str, words: str
) -> None:
    ended = run(asking([requirement], PipInfo(find_links=find_links(server, TINY)), "def handler(): return 1"))
    assert (ended.code, words in ended.result.message) == (78, True), ended.log


def test_an_index_that_does_not_answer_in_time(run: Run, server: HttpsServer, asking: Callable[..., Envelope]) -> None:
    slow = server.serve("/simple/tinypkg/", "", delay=300)
    pip = PipInfo(index_url=slow.removesuffix("/tinypkg/"), seconds=3)
    ended = run(asking(["tinypkg"], pip, "def handler(): return 1"))
    assert ended.code == 78
    assert "had not finished within 3 s; the operator's setting pip.timeoutSeconds allows more" in ended.result.message


def test_a_package_that_adds_a_folder_to_the_path(
    run: Run, server: HttpsServer, asking: Callable[..., Envelope]
) -> None:
    made = wheel("pathy", files={"pathy.pth": "pathy_lib\n", "pathy_lib/hidden_module.py": "X = 5\n"})
    code = "import hidden_module\ndef handler(): return hidden_module.X"
    ended = run(asking(["pathy"], PipInfo(find_links=find_links(server, made)), code))
    assert ended.result.results["return"] == 5, ended.log


def test_the_user_s_own_module_goes_before_a_package(
    run: Run, server: HttpsServer, asking: Callable[..., Envelope]
) -> None:
    files = {"pipeline.py": "import tinydep\ndef handler(): return tinydep.VERSION", "tinydep.py": "VERSION = 'own'"}
    source = Source(source=f"zip+{server.serve('/code.zip', zipped(files))}", handler="pipeline.py")
    ended = run(asking(["tinydep"], PipInfo(find_links=find_links(server, *DEPENDENCIES)), source))
    assert ended.result.results["return"] == "own", ended.log


def test_an_image_without_pip_says_so(run: Run, asking: Callable[..., Envelope], tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "image"], check=True)
    python = tmp_path / "image" / "bin" / "python"
    ended = run(asking(["x"], PipInfo(), "def handler(): return 1"), {"MLRUN_EXECUTOR_PYTHON": str(python)})
    assert (ended.code, "the function's image has no pip" in ended.result.message) == (78, True), ended.log
