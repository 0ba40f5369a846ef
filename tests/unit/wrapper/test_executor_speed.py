"""What is made faster in mlrun does what it did."""

import inspect
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import git
import pytest
import yaml

with warnings.catch_warnings(action="ignore"):  # mlrun's own, of pydantic
    from mlrun.execution import MLClientCtx
    from mlrun.projects import project

    from mlrun_wrapper.executor import speed

RUN = {
    "metadata": {"name": "run", "uid": "1", "project": "p"},
    "status": {"results": {"ü": [1.5, None, True, "2024-01-01"]}},
}


@pytest.mark.parametrize("text", [json.dumps(RUN), json.dumps(RUN, indent=1), yaml.safe_dump(RUN), "", "{broken: [1]}"])
def test_a_run_s_file_is_read_as_mlrun_reads_it(text: str, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(text)
    context = MLClientCtx(tmp=str(file))
    assert speed._reading_json(MLClientCtx._read_tmpfile)(context) == context._read_tmpfile()


def test_frames_tell_the_same_files() -> None:
    frame = inspect.currentframe()
    ours, theirs = speed._Frames().getouterframes(frame), inspect.getouterframes(frame)
    assert [each.filename for each in ours] == [each.filename for each in theirs]
    assert speed._Frames().signature is inspect.signature


def _plain(folder: Path) -> None:
    folder.mkdir()


def _repository(folder: Path) -> None:
    made = git.Repo.init(folder)
    made.create_remote("origin", "https://example.org/code.git")


def _bare(folder: Path) -> None:
    git.Repo.init(folder, bare=True)


def _below_a_repository(folder: Path) -> None:
    git.Repo.init(folder.parent)
    folder.mkdir()


def _absent(folder: Path) -> None:
    pass


@pytest.mark.parametrize("make", [_plain, _repository, _bare, _below_a_repository, _absent])
def test_a_project_s_repository_is_found_as_by_mlrun(make: Any, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    make(folder)
    module: Any = type("module", (), {"init_repo": staticmethod(project.init_repo)})
    speed._without_git(module)
    found, expected = (init(str(folder), "given", False) for init in (module.init_repo, project.init_repo))
    assert (found[0] and found[0].git_dir, found[1]) == (expected[0] and expected[0].git_dir, expected[1])


def test_a_repository_is_made_where_it_is_asked_for(tmp_path: Path) -> None:
    module: Any = type("module", (), {"init_repo": staticmethod(project.init_repo)})
    speed._without_git(module)
    assert module.init_repo(str(tmp_path), "", True)[0].git_dir == str(tmp_path / ".git")


NOTIFIED = """
import sys, warnings
warnings.simplefilter("ignore")
from mlrun_wrapper.executor.later import putting_off
with putting_off():
    import mlrun
from mlrun_wrapper.executor import speed
speed.install()
from mlrun.utils.notifications.notification.ipython import IPythonNotification
quick = IPythonNotification("n", {"a": 1}, {"b": 2})
told = [quick.active, quick.name, quick.params, "IPython" in sys.modules]
import IPython
told.append(IPythonNotification().active)
print(told)
"""


def test_a_notebook_is_looked_for_only_where_one_can_be() -> None:
    ended = subprocess.run([sys.executable, "-c", NOTIFIED], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[False, 'n', {'b': 2, 'a': 1}, False, False]"
