"""What mlrun imports and a handler rarely uses is put off, and nothing but time is to be seen of it."""

import json
import subprocess
import sys
from textwrap import dedent
from typing import Any

BEGIN = """
import importlib, json, pkgutil, sys, warnings
warnings.simplefilter("ignore")
from mlrun_wrapper.executor.later import putting_off
with putting_off():
    import mlrun
"""
HEAVY = ("IPython.core.interactiveshell", "kubernetes.config", "git.repo", "deepdiff.diff", "wcwidth", "aiohttp", "jwt")


def told(code: str) -> Any:
    """What a process prints as JSON that has imported mlrun as the executor does."""
    program = f"{BEGIN}{dedent(code)}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_what_is_heavy_is_not_imported_with_mlrun() -> None:
    assert told(f"print(json.dumps([name for name in {HEAVY} if name in sys.modules]))") == []


def test_every_module_of_mlrun_is_imported_as_without_it() -> None:
    """Those that fail fail by what is not installed, the same ones."""
    code = """
        failed = {}
        for module in pkgutil.walk_packages(mlrun.__path__, "mlrun.", onerror=lambda name: None):
            try:
                importlib.import_module(module.name)
            except Exception as error:
                failed[module.name] = f"{type(error).__name__}: {error}"
        print()
        print(json.dumps(failed))
    """
    begin = "import importlib, json, pkgutil, sys, warnings\nwarnings.simplefilter('ignore')\nimport mlrun\n"
    plain = f"{begin}{dedent(code)}"
    ended = subprocess.run([sys.executable, "-c", plain], capture_output=True, text=True, check=True)
    assert told(code) == json.loads(ended.stdout.splitlines()[-1])


def test_each_package_is_there_when_mlrun_uses_it() -> None:
    code = """
        import nuclio, tabulate
        import mlrun.common.schemas.hub, mlrun.launcher.client, mlrun.projects.project, mlrun.utils.helpers
        from mlrun.frameworks.parallel_coordinates import HTML
        project = mlrun.projects.project
        found = {
            "IPython": type(mlrun.launcher.client.IPython.display.HTML("<b>x</b>")).__module__,
            "from IPython": HTML("<i>y</i>").data,
            "shell": mlrun.utils.helpers.IPython.core.getipython.get_ipython(),
            "deepdiff": list(mlrun.common.schemas.hub.deepdiff.DeepDiff({"a": 1}, {"a": 2})),
            "git": [project.git.Repo.__name__, issubclass(project.git.exc.GitCommandError, Exception)],
            "jwt": mlrun.auth.utils.jwt.encode({"a": 1}, "k" * 32)[:3],
            "aiohttp": [mlrun.errors.aiohttp.ClientSession.__name__, mlrun.utils.AsyncClientWithRetry.__name__],
            "wcwidth": tabulate.tabulate([["\\u4e2d", 1]], tablefmt="plain"),
            "nuclio": nuclio.magic.nuclio.__name__,
            "kubernetes": importlib.import_module("kubernetes").config.load_kube_config.__name__,
        }
        print(json.dumps(found))
    """
    assert told(code) == {
        "IPython": "IPython.core.display",
        "from IPython": "<i>y</i>",
        "shell": None,
        "deepdiff": ["values_changed"],
        "git": ["Repo", True],
        "jwt": "eyJ",
        "aiohttp": ["ClientSession", "AsyncClientWithRetry"],
        "wcwidth": "\u4e2d  1",
        "nuclio": "nuclio",
        "kubernetes": "load_kube_config",
    }


def test_the_users_code_gets_the_packages_themselves() -> None:
    code = """
        import aiohttp, deepdiff, git, IPython, kubernetes.dynamic
        from IPython.display import HTML
        from mlrun.utils.async_http import AsyncClientWithRetry
        import mlrun.errors, mlrun.frameworks.parallel_coordinates as drawn

        class Own(drawn.HTML):
            pass

        found = {
            "types": [type(each).__name__ for each in (aiohttp, deepdiff, git, IPython)],
            "class": [type(each).__name__ for each in (HTML, git.Repo, aiohttp.ClientSession, AsyncClientWithRetry)],
            "instances": [isinstance(HTML("x"), drawn.HTML), issubclass(HTML, drawn.HTML), isinstance(1, drawn.HTML)],
            "subclass": issubclass(Own, HTML),
            "unions": [str(drawn.HTML | None), str(None | drawn.HTML)],
            "dir": "load_config" in dir(__import__("kubernetes").config) and "dynamic" in dir(__import__("kubernetes")),
            "unknown": [hasattr(mlrun.errors.aiohttp, "no_such_name"), hasattr(__import__("nuclio"), "no_such_name")],
        }
        print(json.dumps(found))
    """
    found = told(code)
    assert found["types"] == ["module"] * 4
    assert set(found["class"]) <= {"type", "ABCMeta"}
    assert (found["instances"], found["subclass"]) == ([True, True, False], True)
    assert found["unions"] == ["IPython.core.display.HTML | None", "None | IPython.core.display.HTML"]
    assert found["dir"]
    assert found["unknown"] == [False, False]


def test_a_package_that_is_not_installed_is_missing_at_once() -> None:
    code = """
        import builtins
        from mlrun_wrapper.executor import later
        later._LATER["no_such_package"] = ()
        with later.putting_off():
            try:
                import no_such_package
            except ModuleNotFoundError as error:
                print(json.dumps(error.name))
    """
    assert told(code) == "no_such_package"


def test_another_version_of_mlrun_is_imported_as_it_is() -> None:
    code = """
        from mlrun_wrapper.executor import later
        later._version = lambda: "1.10.0"
        before = list(sys.meta_path)
        with later.putting_off():
            print(json.dumps(sys.meta_path == before))
    """
    assert told(code) is True
