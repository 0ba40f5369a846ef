"""The handler's surroundings: its output, its processes, its modules, and mlrun's own services without a server."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from wrapper_runs import Ended, WrapperRun, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_operator.store import open_store


def test_output_appears_at_once_and_in_order(start: Callable[..., WrapperRun], file_store: StoreInfo) -> None:
    code = """
        import os, subprocess, sys, time

        def handler():
            print("to stdout")
            print("to stderr", file=sys.stderr)
            os.write(1, b"by descriptor\\n")
            subprocess.run(["echo", "by a subprocess"])
            time.sleep(3)
            return [sys.stdout.isatty(), sys.stdout.fileno(), sys.stderr.fileno(), sys.argv[0].endswith(".py")]
    """
    running = start(envelope(code, store=file_store))
    running.wait_for("by a subprocess")
    seen = time.monotonic()
    ended = running.end()

    assert time.monotonic() - seen > 2
    lines = [line for line in ended.log.splitlines() if line.startswith(("to ", "by "))]
    assert lines == ["to stdout", "to stderr", "by descriptor", "by a subprocess"]
    assert ended.result.results["return"] == [False, 1, 2, True]


def test_a_flood_of_output_costs_no_memory_and_leaves_head_and_tail_in_the_store(
    tmp_path: Path, start: Callable[..., WrapperRun], file_store: StoreInfo
) -> None:
    code = """
        import os, resource, time

        def handler():
            line = "x" * 1023 + "\\n"
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print("the first line")
            for _ in range(int(os.environ["FLOOD_MIB"])):
                print(line * 1024, end="")
            print("the last line")
            while not os.path.exists(os.environ["LOOKED"]):
                time.sleep(0.02)
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    """
    # FLOOD_MIB=1024 is the whole of what is promised; the usual tests print less.
    looked = tmp_path / "looked"
    env = {"FLOOD_MIB": os.environ.get("FLOOD_MIB", "200"), "LOOKED": str(looked)}
    running = start(envelope(code, store=file_store), env)
    running.wait_for("the first line")
    before = memory_kib(running.process.pid)
    running.wait_for("the last line", seconds=300)
    after = memory_kib(running.process.pid)
    looked.touch()
    ended = running.end()

    assert ended.code == 0
    assert after - before < 8 * 1024
    assert ended.result.results["return"] < 16 * 1024
    stored = open_store(file_store).read((ended.result.run_path or "").removeprefix(f"{file_store.root}/") + "log.txt")
    assert len(stored) < 3 << 20
    assert b"the first line" in stored
    assert b"the last line" in stored
    assert b"bytes left out" in stored


def memory_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def test_a_progress_bar_becomes_few_lines(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = """
        import sys, time

        def handler():
            for step in range(101):
                print(f"\\rstep {step}%", end="", file=sys.stderr)
                time.sleep(0.02)
            print()
    """
    ended = run(envelope(code, store=file_store))

    lines = [line for line in ended.log.splitlines() if "step " in line]
    assert 2 <= len(lines) <= 5
    assert lines[-1] == "step 100%"


def test_a_spawned_pool_can_use_the_handler_s_module(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = """
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        print("module loaded in", multiprocessing.current_process().name)

        def square(number):
            return number * number

        def handler():
            with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
                return list(pool.map(square, range(5)))
    """
    ended = run(envelope(code, store=file_store))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [0, 1, 4, 9, 16]
    assert ended.log.count("module loaded in MainProcess") == 1


def test_the_module_s_folder_is_the_current_one_and_on_the_path(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = """
        import os, subprocess, sys, __main__

        def handler():
            here = os.path.dirname(os.path.abspath(__file__))
            child = subprocess.run([sys.executable, "-c", f"import {__name__}"], cwd="/")
            ours = [name for name in sys.modules if name.startswith("mlrun_wrapper")]
            return [os.getcwd() == here, sys.path[0] == here, child.returncode, ours, __name__ in sys.modules]
    """
    ended = run(envelope(code, store=file_store))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [True, True, 0, [], True]


def test_code_in_base64_runs_as_code_does(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    source = Source(base64="ZGVmIGhhbmRsZXIoKTogcmV0dXJuICLwn5qAIg==")
    ended = run(envelope(source, store=file_store))

    assert ended.result.results == {"return": "🚀"}
    assert ended.result.source is not None
    assert len(ended.result.source.sha256 or "") == 64


def test_the_users_environment_reaches_the_handler_and_leaves_the_wrapper_alone(
    tmp_path: Path, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrapper read the PYTHONPATH')")
    (tmp_path / "mine.py").write_text("VALUE = 5")
    code = "import os, mine\ndef handler(): return [mine.VALUE, os.environ['MY_VARIABLE'], os.environ['PYTHONPATH']]"
    (tmp_path / "json.py").unlink()
    ended = run(envelope(code, store=file_store), {"PYTHONPATH": str(tmp_path), "MY_VARIABLE": "x"})

    assert ended.code == 0, ended.log
    value, variable, path = ended.result.results["return"]
    assert (value, variable) == (5, "x")
    assert path.split(os.pathsep)[1] == str(tmp_path)


def test_mlruns_services_work_without_a_server(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = """
        import mlrun

        def child(context, n):
            context.log_result("double", 2 * n)

        def handler(context):
            project = context.get_project_object()
            nested = mlrun.new_function("nested").run(handler=child, params={"n": 4}, project=context.project)
            context.log_dataset("frame", df=__import__("pandas").DataFrame({"a": [1]}))
            db = mlrun.get_run_db()
            try:
                db.list_pipelines(context.project)
            except mlrun.errors.MLRunBadRequestError as error:
                refused = str(error)
            return {
                "project": project.name,
                "param": context.get_project_param("x", "default"),
                "secret": context.get_secret("MY_SECRET"),
                "same context": mlrun.get_or_create_ctx("other") is context,
                "nested": nested.status.results,
                "artifact": context.get_artifact("frame").key,
                "rows": len(mlrun.get_dataitem(context.artifacts[0]["spec"]["target_path"]).as_df()),
                "runs": len(db.list_runs(project=context.project)),
                "refused": refused,
            }
    """
    ended = run(envelope(code, store=file_store), {"MY_SECRET": "s"})

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == {
        "project": "demo",
        "param": "default",
        "secret": "s",
        "same context": True,
        "nested": {"double": 8},
        "artifact": "frame",
        "rows": 1,
        "runs": 2,
        "refused": "list_pipelines needs an MLRun API server, and this platform has none",
    }


def test_an_async_handler_is_awaited(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = "import asyncio\nasync def handler(n):\n  await asyncio.sleep(0.01)\n  return n + 1"
    ended = run(envelope(code, store=file_store, parameters={"n": 1}))

    assert ended.result.results == {"return": 2}


def test_a_handler_starts_without_what_it_does_not_need(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    """A third of the time to its first line is in these packages (`make bench-wrapper`)."""
    code = f"""
        import sys

        LOADED = [name for name in {HEAVY} if name in sys.modules]

        def handler():
            return [LOADED, [name for name in {HEAVY} if name in sys.modules]]
    """
    ended = run(envelope(code, store=file_store))
    assert ended.result.results["return"] == [[], []]


HEAVY = ("IPython", "git", "deepdiff", "aiohttp", "jwt", "ipykernel", "kubernetes.config")
