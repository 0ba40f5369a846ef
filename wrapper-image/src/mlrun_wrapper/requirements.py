"""The step that installs a function's `requirements`: one call of pip, beside the image's own packages.

mlrun is being imported from the image meanwhile, so mlrun and what it needs stay as they are: their versions are
constraints, and pip refuses, in its own words, what would need another. Of any other package another version may be
installed, which is imported in the place of the image's.
"""

import json
import os
import time
from pathlib import Path
from typing import Final

from mlrun_operator.api.contract.fetching import PipInfo
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.values.requirements import FILE_PREFIX
from mlrun_wrapper import processes
from mlrun_wrapper.alarm import within
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.sources.entry import find_file

_PROBE: Final = Path(__file__).parent / "executor" / "installed.py"
_PIP: Final = Path(__file__).parent / "executor" / "pip_beside.py"
_OPTIONS: Final = ("--no-input", "--disable-pip-version-check", "--progress-bar=off", "--no-warn-script-location")
# Where pip would put packages is not the user's to say.
_OURS: Final = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV")
_FOLDERS: Final = ("lib*/python*/site-packages", "local/lib*/python*/dist-packages")
_SUCCESS: Final = "Successfully installed "


def install_requirements(context: Context) -> None:
    """Install them into a folder of their own, from which the executor imports after the user's code."""
    wanted = context.run.function.spec.requirements
    if not wanted or context.executor.problem is not None:
        return
    info, start = context.run.pip, time.monotonic()
    slow = f"pip had not finished within {info.seconds} s; the operator's setting pip.timeoutSeconds allows more"
    with within(info.seconds, _failure(slow)):
        said = _install(context, wanted, info)
    folder = _folder(context)
    context.packages = [path for pattern in _FOLDERS for path in sorted(folder.glob(pattern))]
    context.variables["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    news = [line for line in said.splitlines() if line.startswith(_SUCCESS)]
    what = news[-1].removeprefix(_SUCCESS) if news else "all in the image already"
    context.log.line(f"requirements: {what} {time.monotonic() - start:.1f} s")


def pip_environment(env: dict[str, str], info: PipInfo, attempts: int) -> dict[str, str]:
    """pip's environment: what the run says of pip goes before what the operator's settings say.

    With a page of wheels and no index, no index is asked. A cache is kept only where the run names its folder.
    """
    defaults = {"PIP_RETRIES": str(attempts), "PIP_INDEX_URL": info.index_url, "PIP_FIND_LINKS": info.find_links}
    if "PIP_CACHE_DIR" not in env:
        defaults["PIP_NO_CACHE_DIR"] = "1"
    if info.find_links and not (info.index_url or env.get("PIP_INDEX_URL")):
        defaults["PIP_NO_INDEX"] = "1"
    kept = {name: value for name, value in env.items() if name not in _OURS}
    return {name: value for name, value in defaults.items() if value} | kept


def _install(context: Context, wanted: list[str], info: PipInfo) -> str:
    """What pip said."""
    settings = context.settings
    kept = _kept(settings.executor_python, settings.work)
    if "pip" not in kept:
        raise _failure("the function's image has no pip; install them when the image is built")
    scratch = settings.work / "scratch"
    constraints = scratch / "constraints.txt"
    constraints.write_text("".join(f"{n}=={v}\n" for n, v in sorted(kept.items())), encoding="utf-8")
    command: list[str | Path] = [settings.executor_python, "-I", _PIP, _folder(context), "install", *_OPTIONS]
    command += [f"--prefix={_folder(context)}", f"--constraint={constraints}"]
    command += [f"--requirement={file}" for file in _files(wanted, settings.source, scratch)]
    env = pip_environment(dict(os.environ), info, settings.attempts)
    done = processes.run(command, folder=settings.source, env=env, merged=True, show=context.log.write)
    if done.code != 0:
        raise _failure(pip_reason(done.output))
    return done.output


def pip_reason(output: str) -> str:
    """The lines of pip's output that tell why it failed."""
    lines = [line.strip() for line in output.splitlines()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    errors = [line for line in errors if not line.startswith("ResolutionImpossible")]
    if "The conflict is caused by:" in lines:
        start = lines.index("The conflict is caused by:") + 1
        end = next((i for i in range(start, len(lines)) if not lines[i]), len(lines))
        errors += lines[start:end][:6]
    text = "; ".join(errors[-8:]) or "; ".join(lines[-3:]) or "pip ended without a word"
    if "(constraint)" in output:
        text += "; mlrun and what it needs stay in the image's versions, which are the constraints"
    return text


def _kept(python: str, folder: Path) -> dict[str, str]:
    """Return the packages that stay, with their versions."""
    done = processes.run([python, "-I", _PROBE], folder=folder, env=os.environ)
    if done.code != 0:
        raise _failure(f"{python} cannot list its packages: {done.output.strip()[-500:]}")
    versions: dict[str, str] = json.loads(done.output)
    return versions


def _files(wanted: list[str], source: Path, scratch: Path) -> list[Path]:
    """Return the requirements files: one of the entries, and those of the source.

    The latter are arguments, not lines of ours: nothing that their paths hold means anything to pip there.
    """
    files = [_file_of(source, entry) for entry in wanted if entry.startswith(FILE_PREFIX)]
    entries = [entry for entry in wanted if not entry.startswith(FILE_PREFIX)]
    if not entries:
        return files
    own = scratch / "requirements.txt"
    own.write_text("".join(f"{entry}\n" for entry in entries), encoding="utf-8")
    return [own, *files]


def _file_of(source: Path, entry: str) -> Path:
    """Return the file of the source that the entry names. Raises StepError where there is none."""
    try:
        file = find_file(source, entry.removeprefix(FILE_PREFIX))
    except GuardError as error:
        raise _failure(str(error)) from error
    if file is None:
        raise _failure(f"{entry!r}: the source has no such file")
    return file


def _folder(context: Context) -> Path:
    return context.settings.work / "packages"


def _failure(text: str) -> StepError:
    return StepError(Reason.REQUIREMENTS_FAILED, text)
