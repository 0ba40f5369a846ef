"""What functions written for mlrun do besides returning: process pools, runs in a run, the project, fancy output."""

import json
from collections.abc import Callable

from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.store import open_store

POOLS = """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    from joblib import Parallel, delayed

    def square(number):
        return number * number

    def handler():
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            spawned = list(pool.map(square, range(5)))
        return {
            "spawn": spawned,
            "loky": Parallel(n_jobs=2, backend="loky")(delayed(square)(n) for n in range(5)),
            "fork": multiprocessing.get_context("fork").Pool(2).map(square, range(5)),
        }
"""
FORKS = """
    import os
    import signal
    import time

    def forked():
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        os.kill(child, signal.SIGTERM)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def handler():
        return sorted({forked() for _ in range(300)})
"""
NESTED = """
    import mlrun

    def child(context, n):
        context.log_result("double", 2 * n)
        context.log_artifact("note", body=f"n is {n}")
        if n > 5:
            raise ValueError("too large")

    def handler(context):
        project = context.get_project_object()
        project.spec.params = {"threshold": 7}
        project.set_function(__file__, name="child", kind="job", image="any/image", handler="child")
        made = project.run_function("child", params={"n": 4})
        context.log_artifact("note", body="the handler's own")
        try:
            mlrun.run_function("child", params={"n": 6}, project_object=project)
        except mlrun.runtimes.utils.RunError as error:
            failed = str(error)
        note = mlrun.get_dataitem(made.outputs["note"]).get(encoding="utf-8")
        return {
            "double": made.status.results["double"],
            "note": note,
            "failed": failed,
            "threshold": context.get_project_param("threshold"),
            "default": context.get_project_param("other", 3),
            "secret": [context.get_secret("MY_SECRET"), mlrun.get_secret_or_env("MY_SECRET")],
        }
"""
OUTPUT = """
    import sys

    from rich.console import Console
    from rich.progress import track
    from tqdm import tqdm

    def handler():
        Console().print("[bold]rich[/bold] says", {"a": 1})
        for _ in track(range(20), description="rich bar"):
            pass
        for _ in tqdm(range(2000), desc="tqdm bar", mininterval=0):
            pass
        print("to stderr", file=sys.stderr)
        return [sys.stdout.isatty(), sys.stdout.fileno(), sys.stdout.encoding]
"""


def test_process_pools_of_every_kind(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    ended = run(envelope(POOLS, store=file_store))

    assert ended.code == 0, ended.log
    squares = [0, 1, 4, 9, 16]
    assert ended.result.results["return"] == {"spawn": squares, "loky": squares, "fork": squares}


def test_a_process_that_the_handler_forks_ends_by_sigterm_at_once(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    """As the workers of a pool must; one that went on, or told the wrapper that the run was stopped, would be ours."""
    ended = run(envelope(FORKS, store=file_store))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [-15]


def test_a_run_in_a_run_is_a_child(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    ended = run(envelope(NESTED, store=file_store), {"MY_SECRET": "s"})

    assert ended.code == 0, ended.log
    told = ended.result.results["return"]
    assert told == {
        "double": 8,
        "note": "n is 4",
        "failed": "too large",
        "threshold": 7,
        "default": 3,
        "secret": ["s", "s"],
    }
    own = ended.result.outputs["note"].path.removeprefix(f"{file_store.root}/")
    assert open_store(file_store).read(own) == b"the handler's own"
    path = (ended.result.run_path or "").removeprefix(f"{file_store.root}/")
    stored = json.loads(open_store(file_store).read(f"{path}run.json"))
    children = [(c["state"], c["parameters"], c["results"], c["artifacts"]) for c in stored["children"]]
    assert children == [
        ("completed", {"n": 4}, {"double": 8}, ["note"]),
        ("error", {"n": 6}, {"double": 12}, ["note"]),
    ]
    assert "too large" in stored["children"][1]["error"]
    assert {"wrapper", "python", "mlrun", "pandas"} <= set(stored["versions"])


def test_rich_and_tqdm_print_into_a_log(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    ended = run(envelope(OUTPUT, store=file_store))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [False, 1, "utf-8"]
    assert "rich says\n" in ended.log
    assert "rich bar" in ended.log
    bars = [line for line in ended.log.splitlines() if line.startswith("tqdm bar")]
    assert 1 <= len(bars) <= 5
    assert "2000/2000" in bars[-1]
    assert "\x1b" not in ended.log
    assert "\r" not in ended.log
    assert "to stderr" in ended.log


def test_a_class_is_made_with_its_arguments_and_its_method_called(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = """
        class Trainer:
            def __init__(self, context, factor=1):
                self.project, self.factor = context.project, factor

            def train(self, context, n):
                context.log_result("product", self.factor * n)
                return self.project
    """
    parameters = {"n": 2, "_init_args": {"factor": 3}}
    ended = run(envelope(code, "Trainer::train", store=file_store, parameters=parameters))

    assert ended.code == 0, ended.log
    assert ended.result.results == {"product": 6, "return": "demo"}


def test_mlruns_own_keys_and_its_feature_store_in_a_handler(run: Callable[..., Ended], file_store: StoreInfo) -> None:
    code = """
        import mlrun
        import mlrun.feature_store as fstore

        def told(call):
            try:
                call()
            except Exception as error:
                return str(error)

        def handler():
            return {
                "key": told(lambda: mlrun.get_dataitem("store://artifacts/pub/train")),
                "vector": told(lambda: mlrun.get_dataitem("store://feature-vectors/pub/v")),
                "object": told(lambda: fstore.get_feature_vector("pub/v")),
            }
    """
    results = run(envelope(code, store=file_store)).result.results["return"]
    assert "project pub has no artifact train, and this run has not logged it" in results["key"]
    assert "MLRun's feature store" in results["vector"]
    assert "to_parquet" in results["object"]
