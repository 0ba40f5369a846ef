"""Where handlers of local runs run: which interpreter, how the environment with mlrun is made, and what is said."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mlrun_operator as dh
from devcluster.paths import REPOSITORY
from mlrun_operator.sdk import errors
from mlrun_operator.sdk.backends.local import environment, interpreter
from mlrun_operator.sdk.backends.local.environment import PINS, Tools

# A Python 3.11 by its own words, which makes a folder with an interpreter of its kind; it installs nothing.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
  *find_spec*) echo 3.11 {ensurepip} {mlrun} ;;
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo {about} >> {log} ;;
  "-m pip install "*) echo "$*" >> {log}; {pip} ;;
esac
"""
FAKE_UV = """#!/bin/sh
echo "$*" >> {log}
case "$1" in
  venv) for folder; do :; done; mkdir -p "$folder/bin" && echo made > "$folder/bin/python" ;;
  pip) sleep {seconds}; {pip} ;;
esac
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Machine":
    """A machine without uv and Python 3.11, on which a test puts its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(environment.VARIABLE, raising=False)
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setattr(interpreter.sysconfig, "get_path", lambda *_: "/nowhere")
    real = interpreter.shutil.which
    # The machine that the tests run on may have a Python 3.11 in /usr/bin.
    monkeypatch.setattr(interpreter.shutil, "which", lambda name, path=None: _of(folder, real(name, path=path), name))
    return Machine(folder)


def _of(folder: Path, found: str | None, name: object) -> str | None:
    return found if found and (str(folder) in found or "python" not in str(name)) else None


class Machine:
    """The programs on the PATH of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"

    def put(self, name: str, text: str, **values: object) -> None:
        program = self.folder / name
        program.write_text(text.format(log=self.log, **values))
        program.chmod(0o755)

    def python(self, *, pip: str = "exit 0", ensurepip: int = 1, mlrun: int = 0) -> None:
        self.put("python3.11", FAKE_PYTHON, pip=pip, ensurepip=ensurepip, mlrun=mlrun, about="venv")

    def uv(self, *, pip: str = "exit 0", seconds: float = 0) -> None:
        self.put("uv", FAKE_UV, pip=pip, seconds=seconds)

    def said(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


def made(home: Path) -> Path:
    return Path(asyncio.run(interpreter.interpreter(home)))


def pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))


def test_the_pins_are_the_packages_of_the_image_and_those_of_other_platforms() -> None:
    shipped, image = pins(PINS.read_text()), pins((REPOSITORY / "requirements" / "mlrun.txt").read_text())
    assert {name: shipped.get(name) for name in image} == image
    assert set(shipped) - set(image) == {"appnope", "cffi", "colorama", "pycparser"}
    blocks = re.split(r"^(?=[a-z])", PINS.read_text(), flags=re.MULTILINE)[1:]
    assert [block.split(" ")[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("platform", ["x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin"])
def test_the_pins_are_wheels_on_every_platform_that_is_promised(platform: str) -> None:
    """But for kfp-server-api, which has none; read from the package index, installed nowhere."""
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "pip", "install", "--dry-run", "--no-deps", "--require-hashes", "--python-platform", platform]
    command += ["--only-binary", ":all:", "--no-binary", "kfp-server-api", "--target", "/nowhere", "-r", str(PINS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Would (install|download) \d{3} packages", done.stderr), done.stderr


def test_the_tools_of_a_machine_decide_how_it_is_made(tmp_path: Path) -> None:
    def named(*tools: object) -> list[str]:
        return [way.tool for way in environment.ways(Tools(*tools), tmp_path)]  # type: ignore[arg-type]

    assert named("/p", True, "/uv") == ["uv", "pip"]
    assert named("/p", True, None) == ["pip"]
    assert named("/p", False, "/uv") == ["uv"]
    assert named(None, False, "/uv") == ["uv"]
    assert named("/p", False, None) == named(None, False, None) == []
    for python, asked in (("/p", "/p"), (None, "3.11")):
        make = environment.ways(Tools(python, False, "/uv"), tmp_path)[0].commands[0]
        assert make[make.index("--python") + 1] == asked


@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [
        ("linux", "x86_64", None),
        ("linux", "aarch64", None),
        ("darwin", "arm64", None),
        ("win32", "AMD64", "on Windows use WSL"),
        ("darwin", "x86_64", "this machine is darwin on x86_64"),
        ("linux", "ppc64le", "this machine is linux on ppc64le"),
    ],
)
def test_a_platform_without_packages_gets_one_sentence(system: str, machine: str, words: str | None) -> None:
    said = environment.unsupported(system, machine)
    assert (said is None) if words is None else (words in str(said))


def test_the_users_index_counts_and_what_leads_astray_does_not() -> None:
    given = {"PIP_INDEX_URL": "https://mirror", "HTTPS_PROXY": "http://p", "PIP_TARGET": "/x", "PYTHONHOME": "/y"}
    assert environment.variables({**given, "PIP_USER": "1"}) == {
        "PIP_INDEX_URL": "https://mirror",
        "HTTPS_PROXY": "http://p",
        "PIP_USER": "0",
    }


async def test_uv_makes_it_once_for_programs_that_ask_at_once(
    tools: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tools.uv(seconds=1)
    home = tmp_path / "home"
    found = await asyncio.gather(*(interpreter.interpreter(home) for _ in range(3)))
    assert set(found) == {str(next(home.glob("python3.11-????????")) / "bin" / "python")}
    assert [line.split()[0] for line in tools.said()] == ["venv", "pip"]
    said = capsys.readouterr().err
    assert said.count("making an environment with mlrun in") == said.count("the environment is ready after") == 1
    assert said.count("waiting for another program") == 2


def test_pip_makes_it_where_there_is_no_uv_or_uv_fails(tools: Machine, tmp_path: Path) -> None:
    tools.python()
    made(tmp_path / "one")
    assert tools.said()[0] == "venv"
    assert "--no-deps --use-pep517 --require-hashes" in tools.said()[1]
    tools.uv(pip="echo cannot reach the index; exit 2")
    python = made(tmp_path / "two")
    assert [line.split()[0] for line in tools.said()[2:]] == ["venv", "pip", "venv", "-m"]
    assert python.read_text().startswith("#!/bin/sh\ncase")  # pip's, and nothing of uv's


def test_what_fails_says_why_and_leaves_nothing_that_looks_whole(tools: Machine, tmp_path: Path) -> None:
    tools.python(pip="echo ERROR: no such hash; exit 1")
    tools.uv(pip="echo error: no network; exit 2")
    for _ in range(2):
        with pytest.raises(errors.BackendError) as caught:
            made(tmp_path / "home")
        assert "uv ended with 2: error: no network" in str(caught.value)
        assert "pip ended with 1: ERROR: no such hash" in str(caught.value)
        assert "MLRUN_OPERATOR_PYTHON" in caught.value.hint
    tools.uv()
    assert made(tmp_path / "home").read_text() == "made\n"


def test_an_environment_whose_python_is_gone_is_made_anew(tools: Machine, tmp_path: Path) -> None:
    """A system's upgrade takes the Python away that a virtual environment points to."""
    tools.uv()
    python = made(tmp_path)
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    assert made(tmp_path) == python
    assert python.read_text() == "made\n"
    assert len(tools.said()) == 4


def test_without_tools_the_error_says_which(tools: Machine, tmp_path: Path) -> None:
    with pytest.raises(errors.BackendError, match=r"Install uv \(`pip install uv`\)"):
        made(tmp_path)
    tools.python(ensurepip=0)
    with pytest.raises(errors.BackendError, match=r"has no ensurepip \(Debian's package python3-venv\)"):
        made(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tools: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.BackendError, match="Name another folder in MLRUN_OPERATOR_HOME"):
        made(tmp_path / "file" / "home")


def test_a_version_managers_shim_is_no_python(tools: Machine) -> None:
    tools.put("python3.11", "#!/bin/sh\necho 'python3.11: command not found' >&2\nexit 127\n")
    assert asyncio.run(interpreter.find_tools()).python is None
    tools.put("python3.11", "#!/bin/sh\necho 3.10 1 0\n")
    assert asyncio.run(interpreter.find_tools()).python is None


def test_an_interpreter_that_is_named_must_be_one_and_have_mlrun(
    tools: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment.VARIABLE, "/no/such/python")
    with pytest.raises(errors.BackendError, match="names /no/such/python, which is no Python"):
        made(tmp_path)
    tools.python()
    monkeypatch.setenv(environment.VARIABLE, "python3.11")
    with pytest.raises(errors.BackendError, match="has no mlrun"):
        made(tmp_path)
    tools.python(mlrun=1)
    assert made(tmp_path) == tools.folder / "python3.11"


def test_a_run_without_an_interpreter_raises_and_leaves_no_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It used to be told by asyncio, and the next line of the user's program met a KeyError."""
    function = dh.new_function("f", source={"code": "def handler():\n    return 1\n"}, handler="handler")
    monkeypatch.setenv(environment.VARIABLE, "/no/such/python")
    for waits in (True, False):
        with pytest.raises(errors.BackendError, match="which is no Python"):
            function.run(wait=waits)
    assert function.runs() == []


def test_a_local_run_that_fails_raises(home: Path) -> None:
    """A script that runs something locally must not end with 0 where it failed."""
    function = dh.new_function("f", source={"code": "def handler():\n    raise KeyError('colum')\n"}, handler="handler")
    with pytest.raises(errors.RunFailed, match="KeyError: 'colum'"):
        function.run()
    assert function.run(wait=False).wait(60, check=False).state == "ERROR"
