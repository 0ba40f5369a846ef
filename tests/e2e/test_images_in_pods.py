"""Images that are not ours, in real pods: another user, root by default, an older mlrun, no mlrun, no Python."""

import pytest
from support.gitserver import GitServer
from support.kube import Kube, Object, function, run

LOOK = """
import multiprocessing
import os
import pathlib
import sys
import tempfile

import mlrun
import pandas as pd


def handler(context, n: int = 1):
    context.log_result("mlrun", mlrun.__version__)
    context.log_result("python", sys.executable)
    context.log_result("user", [os.getuid(), os.getgid()])
    context.log_result("path", [entry for entry in sys.path if entry.startswith("/opt/mlrun-wrapper")])
    context.log_result("ours", [name for name in sys.modules if name.startswith(("mlrun_wrapper", "mlrun_operator"))])
    context.log_result("shared_memory", os.statvfs("/dev/shm").f_blocks > 0)
    for name in ("HOME", "MPLCONFIGDIR"):
        folder = pathlib.Path(os.environ[name])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "file").write_text("x")
    for folder in ("/tmp", "/var/tmp", os.getcwd()):
        (pathlib.Path(folder) / "file").write_text("x")
    context.log_result("temporary", tempfile.gettempdir())
    with multiprocessing.get_context("fork").Pool(2) as pool:
        context.log_result("squares", pool.map(abs, [-1, -2]))
    context.log_dataset("table", df=pd.DataFrame({"n": [n, n + 1]}))
"""


def reference(name: str) -> str:
    return f"localhost/mlrun-operator/test-{name}:dev"


def look(kube: Kube, image: str) -> Object:
    kube.apply(function("looker", code=LOOK, image=reference(image)), run("look", "looker", parameters={"n": 7}))
    status = kube.finished("look")
    assert status["phase"] == "Succeeded", status["message"]
    assert status["image"] == {"requested": reference(image), "resolved": reference(image)}
    assert status["outputs"]["table"]["preview"]["cols"][0]["value"] == [7, 8]
    results = dict(status["results"])
    assert results["user"] == [65532, 65532]
    assert (results["path"], results["ours"]) == ([], [])
    assert results["shared_memory"] is True
    assert results["temporary"] == "/work/tmp"
    assert results["squares"] == [1, 2]
    return results


def test_an_image_with_its_own_user_python_and_an_older_mlrun(kube: Kube) -> None:
    results = look(kube, "old")
    assert (results["mlrun"], results["python"]) == ("1.10.0", "/srv/old/bin/python3")


def test_an_image_that_is_root_by_default(kube: Kube) -> None:
    results = look(kube, "root")
    assert results["mlrun"].startswith("1.12.")
    assert results["python"] == "/opt/mlrun/bin/python3"


def test_a_repository_for_an_image_that_has_no_git(kube: Kube, git_server: GitServer) -> None:
    repository = git_server.repository("other.git")
    commit = repository.commit({"pipeline.py": "def handler():\n    return 7\n"})
    git_server.credentials["other.git"] = ("oauth2", "glpat-secret")
    source = {"source": f"git+{git_server.url}/other.git", "handler": "pipeline.py"}
    token = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "git"},
        "stringData": {"GIT_TOKEN": "glpat-secret"},
    }
    made = function("fetched", source=source, image=reference("root"))
    kube.apply(token, made, run("good", "fetched", secrets=["git"]), run("bad", "fetched"))
    good, bad = kube.finished("good"), kube.finished("bad")
    assert good["phase"] == "Succeeded", good["message"]
    assert (good["source"], good["results"]["return"]) == ({"commit": commit}, 7)
    assert (bad["phase"], bad["reason"]) == ("Failed", "PermissionDenied")
    assert bad["attempts"][0]["exitCode"] == 77
    assert "GIT_TOKEN" in bad["message"]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("bare", "the function's image has no mlrun that can be imported: No module named 'mlrun'"),
        ("nothing", "it has no Python that user 65532 may run"),
    ],
)
def test_an_image_that_cannot_run_mlrun_says_so(kube: Kube, image: str, words: str) -> None:
    kube.apply(function("fn", image=reference(image)), run("r", backoffLimit=3))
    status = kube.finished("r")
    assert (status["phase"], status["reason"]) == ("Failed", "InvalidRun"), status["message"]
    assert words in status["message"]
    assert [attempt["exitCode"] for attempt in status["attempts"]] == [64]
