"""What is called: scripts, classes, modules of packages, coroutines; results and artifacts come back from each."""

import importlib.metadata
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pandas as pd
import pytest
from support.gitserver import GitServer
from support.servers import Authority, HttpsServer
from wrapper_runs import Ended, WrapperRun, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.v1alpha1.source import Source

Run = Callable[..., Ended]


def zipped(files: Mapping[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, dedent(content))
    return data.getvalue()


SCRIPT = """
    import mlrun
    import pandas as pd

    def doubled(value):
        return value * 2

    if __name__ == "__main__":
        context = mlrun.get_or_create_ctx("anything")
        table = context.get_input("table").as_df()
        context.log_result("rows", len(table) * doubled(context.get_param("factor", 1)))
        context.log_dataset("copy", df=table, format="parquet")
        context.log_artifact("note", body=b"noted", local_path="note.txt")
        context.log_model("model", body=b"model bytes", model_file="model.pkl", metrics={"score": 0.5})
        print("the script has run")
"""


def test_inline_code_keeps_the_name_of_its_file(run: Run, file_store: StoreInfo) -> None:
    """In messages, in `__file__` and in tracebacks; the module can be named before the handler."""
    code = "def where():\n    return [__name__, __file__.rpartition('/')[2]]\n\ndef fail():\n    raise KeyError('x')\n"
    source = Source(code=code, file_name="load-dataset.py")
    ended = run(envelope(source, "load_dataset:where", store=file_store))
    assert ended.result.results == {"return": ["load_dataset", "load_dataset.py"]}
    ended = run(envelope(source, "fail", store=file_store))
    assert "load_dataset.py" in (ended.result.traceback or "")
    ended = run(envelope(source, "were", store=file_store))
    assert "load_dataset.py has no handler 'were'; did you mean 'where'?" in ended.result.message
    assert "?. " not in ended.result.message


@pytest.mark.parametrize(
    ("file_name", "module", "reason"),
    [("json.py", "source_json", "Succeeded"), ("pandas.py", "pandas", "InvalidRun")],
)
def test_a_file_name_that_hides_a_module(
    run: Run, file_store: StoreInfo, file_name: str, module: str, reason: str
) -> None:
    """One of the standard library is prefixed; one that mlrun has imported is refused, as for any source."""
    source = Source(code="def where():\n    return __name__\n", file_name=file_name)
    ended = run(envelope(source, "where", store=file_store))
    assert ended.reason == reason
    if reason == "Succeeded":
        assert ended.result.results == {"return": module}
    else:
        assert "file name pandas.py hides the module 'pandas' that mlrun uses; rename it" in ended.result.message


@pytest.mark.parametrize("code", ["import mlrun.mlutils", "from mlrun.artifacts import ChartArtifact"])
def test_a_removed_part_of_mlrun_is_not_for_pip(run: Run, file_store: StoreInfo, code: str) -> None:
    ended = run(envelope(f"{code}\ndef handler():\n    return 1\n", "handler", store=file_store))
    assert ended.reason == "InvalidRun"
    assert f"which is not in mlrun {importlib.metadata.version('mlrun')}" in ended.result.message
    assert "pip" not in ended.result.message


def test_a_script_gives_results_artifacts_and_models(run: Run, file_store: StoreInfo, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n3,4\n")
    run_of_it = envelope(
        SCRIPT,
        None,
        store=file_store,
        inputs={"table": str(table)},
        outputs={"copy": "tables"},
        parameters={"factor": 5, "unused": 1},
    )
    ended = run(run_of_it)
    assert ended.reason == "Succeeded", ended.log
    assert ended.result.results["rows"] == 20
    assert {name: output.kind for name, output in ended.result.outputs.items()} == {
        "tables": "table",
        "note": "artifact",
        "model": "model",
    }
    stored = pd.read_parquet(ended.result.outputs["tables"].path.removeprefix("file://"))
    assert stored.to_dict("list") == {"a": [1, 3], "b": [2, 4]}
    assert any("does not mention 'unused'" in warning for warning in ended.result.warnings)
    assert "the script has run" in ended.log


def test_a_script_with_a_pool_of_processes(run: Run, file_store: StoreInfo) -> None:
    code = """
        import multiprocessing, sys
        import mlrun

        def square(value):
            return value * value

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                squares = pool.map(square, range(4))
            context = mlrun.get_or_create_ctx("x")
            context.log_result("squares", squares)
            context.log_result("argv", [len(sys.argv), sys.argv[0] == __file__])
    """
    ended = run(envelope(code, None, store=file_store))
    assert ended.reason == "Succeeded", ended.log
    assert ended.result.results["squares"] == [0, 1, 4, 9]
    assert ended.result.results["argv"] == [1, True]


@pytest.mark.parametrize(
    ("ending", "reason", "words"),
    [
        ("raise ValueError('boom')", "HandlerFailed", "ValueError: boom"),
        ("import sys; sys.exit(3)", "HandlerFailed", "sys.exit(3)"),
        ("import sys; sys.exit(0)", "Succeeded", ""),
        ("import os; os._exit(4)", "HandlerFailed", "exit code 4"),
    ],
)
def test_a_script_ends_as_a_handler_does(run: Run, file_store: StoreInfo, ending: str, reason: str, words: str) -> None:
    code = f"import mlrun\nmlrun.get_or_create_ctx('x').log_result('before', 1)\n{ending}"
    ended = run(envelope(code, None, store=file_store))
    assert (ended.reason, words in ended.result.message) == (reason, True)
    if "ValueError" in ending:
        assert "runpy" not in ended.result.traceback
        assert "line 3, in <module>" in ended.result.traceback
        assert ended.result.results == {"before": 1}


def test_a_script_that_is_stopped_keeps_what_it_has_logged(
    start: Callable[..., WrapperRun], file_store: StoreInfo
) -> None:
    code = "import mlrun, time\nmlrun.get_or_create_ctx('x').log_result('before', 1)\nprint('now')\ntime.sleep(60)"
    running = start(envelope(code, None, store=file_store))
    running.wait_for("now")
    running.terminate()
    ended = running.end()
    assert (ended.reason, ended.result.results) == ("Terminated", {"before": 1})


def test_returns_without_a_handler_mean_nothing(run: Run, file_store: StoreInfo) -> None:
    ended = run(envelope("print(1)", None, store=file_store, returns=["a"]))
    assert (ended.code, "`returns` needs a handler" in ended.result.message) == (64, True)


def test_a_script_that_a_handler_runs_brings_its_artifacts_back(run: Run, file_store: StoreInfo) -> None:
    child = """
import mlrun, pandas as pd
context = mlrun.get_or_create_ctx("child")
n = context.get_param("n")
context.log_result("double", 2 * n)
context.log_dataset("table", df=pd.DataFrame({"a": range(n)}), format="parquet")
try:
    mlrun.get_run_db().list_schedules("demo")
except Exception as error:
    context.log_result("refused", str(error))
if n > 5:
    raise ValueError("too large")
"""
    code = f"""
import os, pathlib, mlrun

def handler(context):
    pathlib.Path("child.py").write_text({child!r})
    function = mlrun.new_function("child", kind="local", command="child.py", project=context.project)
    made = function.run(params={{"n": 3}}, local=True)
    table = mlrun.get_dataitem(made.outputs["table"]).as_df()
    try:
        function.run(params={{"n": 6}}, local=True)
    except mlrun.runtimes.utils.RunError as error:
        failed = str(error)
    return [made.status.results, len(table), "ValueError: too large" in failed, "MLRUN_DBPATH" in os.environ]
"""
    ended = run(envelope(code, store=file_store))
    assert ended.reason == "Succeeded", ended.log
    results, rows, failed, left = ended.result.results["return"]
    assert (results["double"], rows, failed, left) == (6, 3, True, False)
    assert "needs an MLRun API server; this platform has none" in results["refused"]


METHODS = """
    import mlrun

    class Trainer:
        def __init__(self, context, rate=0.1, depth=1):
            self.name, self.rate, self.depth = context.name, rate, depth

        def fit(self, rows: int, extra=2):
            return [self.name, self.rate, self.depth, rows, extra]

        async def slowly(self, context):
            context.log_result("slow", True)

        @staticmethod
        def plain(rows):
            return rows

    CLASS = "Trainer"
"""


def test_a_method_of_an_object_that_is_made_for_the_run(run: Run, file_store: StoreInfo) -> None:
    given = {"rows": 7, "_init_args": {"rate": 0.5}}
    ended = run(envelope(METHODS, "Trainer::fit", store=file_store, parameters=given))
    assert ended.reason == "Succeeded", ended.log
    assert ended.result.results["return"] == ["my-run", 0.5, 1, 7, 2]


def test_a_coroutine_of_an_object(run: Run, file_store: StoreInfo) -> None:
    ended = run(envelope(METHODS, "Trainer::slowly", store=file_store))
    assert ended.result.results["slow"] is True, ended.log


@pytest.mark.parametrize(
    ("handler", "parameters", "words"),
    [
        ("Trainer::fot", {}, "no method 'fot'; did you mean 'fit'?"),
        ("Trianer::fit", {}, "no class 'Trianer'; did you mean 'Trainer'?"),
        ("Trainer::fit", {}, "fit needs 'rows'"),
        ("Trainer::fit", {"rows": 1, "extar": 3}, "no parameter 'extar'; did you mean 'extra'?"),
        ("Trainer::plain", {"row": 1}, "plain needs 'rows'"),
        ("Trainer", {}, "is a class; name one of its methods by Trainer::method"),
        ("CLASS::fit", {}, "'CLASS' is a str, not a class"),
    ],
)
def test_a_method_is_checked_as_a_function_is(
    run: Run, file_store: StoreInfo, handler: str, parameters: dict[str, object], words: str
) -> None:
    ended = run(envelope(METHODS, handler, store=file_store, parameters=parameters))
    assert (ended.code, words in ended.result.message) == (64, True), ended.result.message


def test_a_coroutine_is_awaited(run: Run, file_store: StoreInfo) -> None:
    code = """
        import asyncio

        async def handler(n):
            await asyncio.sleep(0.01)
            return n + 1
    """
    ended = run(envelope(code, store=file_store, parameters={"n": 1}))
    assert ended.result.results["return"] == 2


PACKAGE = {
    "pkg/__init__.py": "",
    "pkg/sub/__init__.py": "",
    "pkg/constants.py": "BASE = 40",
    "pkg/sub/train.py": """
        import concurrent.futures, multiprocessing, os
        from ..constants import BASE
        import pkg.constants

        def add(n):
            return BASE + n

        def handler(n):
            context = multiprocessing.get_context("spawn")
            with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
                return [pool.submit(add, n).result(), __name__, os.path.exists("pkg/constants.py")]
    """,
}


def test_a_module_of_a_package_in_an_archive(
    run: Run, file_store: StoreInfo, https: HttpsServer, authority: Authority
) -> None:
    source = Source(source=f"zip+{https.serve('/package.zip', zipped(PACKAGE))}")
    ended = run(
        envelope(source, "pkg.sub.train:handler", store=file_store, ca_bundle=authority.pem, parameters={"n": 2})
    )
    assert ended.reason == "Succeeded", ended.log
    assert ended.result.results["return"] == [42, "pkg.sub.train", True]
    assert len(ended.result.source.sha256) == 64


def test_a_file_in_a_repository_with_a_module_beside_it(
    run: Run, file_store: StoreInfo, git_server: GitServer, authority: Authority, tmp_path: Path
) -> None:
    repository = git_server.repository("one.git")
    files = {
        "src/pipeline.py": "import helpers, rooted, os\ndef handler(): return [helpers.X, rooted.Y, os.listdir()]",
        "src/helpers.py": "X = 1",
        "rooted.py": "Y = 2",
    }
    commit = repository.commit(files)
    git_server.credentials["one.git"] = ("oauth2", "github_pat_geheim")
    source = Source(source=git_server.source("one.git", commit[:10]), handler="src/pipeline.py")
    ended = run(
        envelope(source, store=file_store, ca_bundle=authority.pem),
        {"GIT_TOKEN": "github_pat_geheim"},
    )
    assert ended.reason == "Succeeded", ended.log
    assert ended.result.results["return"][:2] == [1, 2]
    assert sorted(ended.result.results["return"][2])[-2:] == ["helpers.py", "pipeline.py"]
    assert ended.result.source.commit == commit
    told = json.loads(Path(f"{ended.result.run_path.removeprefix('file://')}run.json").read_text())
    assert told["source"] == {"commit": commit}
    for text in (ended.log, ended.termination, json.dumps(told)):
        assert "geheim" not in text
    assert not [f for f in ended.work.rglob("*") if f.is_file() and b"geheim" in f.read_bytes()]


def test_a_source_that_takes_too_long(
    run: Run, file_store: StoreInfo, https: HttpsServer, authority: Authority
) -> None:
    source = Source(source=https.serve("/slow.py", "x", delay=300))
    ended = run(envelope(source, store=file_store, ca_bundle=authority.pem, fetch={"seconds": 1}))
    assert ended.reason == "SourceUnavailable"
    assert "not there within 1 s; the operator's setting sources.timeoutSeconds allows more" in ended.result.message
