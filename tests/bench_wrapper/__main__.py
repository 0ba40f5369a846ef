"""Paired runs of the whole wrapper and of a bare script that does the same with mlrun, as a table."""

import argparse
import io
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from support.servers import OPEN_BUCKET
from support.wheels import find_links, wheel
from wrapper_runs import envelope

from bench_wrapper.measure import Measured
from bench_wrapper.pairs import HEAD, ROW, line, pairs
from bench_wrapper.world import World, environment
from mlrun_operator.api.contract.fetching import PipInfo
from mlrun_operator.api.v1alpha1.source import Source

NOTHING = """
import pandas as pd

def handler():
    return pd.DataFrame({"a": range(1000)})
"""
COUNT = """
import os
import pandas as pd

def handler(data: str):
    return pd.DataFrame({"size": [os.path.getsize(data)]})
"""
SCRIPT = """
import mlrun
import pandas as pd

context = mlrun.get_or_create_ctx("script")
context.log_dataset("frame", df=pd.DataFrame({"a": range(1000)}))
"""
NEEDS = NOTHING.replace("import pandas", "import tinypkg\nimport pandas")
FIRST_LINE = """
import time

def handler():
    print(f"first line at {time.monotonic()}.", flush=True)
"""
PACKED = "code.zip"


def handler_without_input(world: World, runs: int, mib: int) -> None:
    """The price of the wrapper as such."""
    ours, theirs = pairs(
        runs,
        lambda: world.wrapper(envelope(NOTHING, store=world.info, returns=["frame"])),
        lambda: world.bare(code=NOTHING),
    )
    print(line("no input, s", [m.seconds for m in ours], [m.seconds for m in theirs], ("+<=", 0.3)))
    print(line("no input, MiB", [m.mib for m in ours], [m.mib for m in theirs], ("+<=", 80)))


def first_line(world: World, runs: int, mib: int) -> None:
    """From the start of the container's process to the handler's first line, beside mlrun alone."""
    ours, theirs = pairs(
        runs, lambda: world.wrapper(envelope(FIRST_LINE, store=world.info)), lambda: world.plain(FIRST_LINE)
    )
    waited = [[_waited(run) for run in side] for side in (ours, theirs)]
    print(line("to the handler's first line, s", *waited, ("<=", 0.65)))


def _waited(run: Measured) -> float:
    found = re.search(r"first line at ([\d.]+)\.", run.output)
    assert found, run.output
    return float(found[1]) - run.began


def handler_with_input(world: World, runs: int, mib: int) -> None:
    """Where the import overlaps with the fetch."""
    key = world.put("input.bin", 256)
    content = envelope(COUNT, store=world.info, inputs={"data": f"s3://{OPEN_BUCKET}/{key}"}, returns=["frame"])
    ours, theirs = pairs(
        runs, lambda: world.wrapper(content), lambda: world.bare(code=COUNT, inputs={"data": (OPEN_BUCKET, key)})
    )
    print(line("S3 input of 256 MiB, s", [m.seconds for m in ours], [m.seconds for m in theirs], ("<=", 1)))
    print(line("S3 input of 256 MiB, MiB", [m.mib for m in ours], [m.mib for m in theirs], ("+<=", 80)))


def download(world: World, runs: int, mib: int) -> None:
    """A large object alone, beside boto3's own multipart download, which hashes nothing."""
    key = world.put("large.bin", mib)
    ours, theirs = pairs(runs, lambda: world.download("wrapper", key), lambda: world.download("boto3", key))
    speeds = [[mib / m["seconds"] for m in side] for side in (ours, theirs)]
    print(line(f"S3 object of {mib} MiB, MiB/s", *speeds, (">=", 0.8)))
    print(line("  CPU s", [m["cpu"] for m in ours], [m["cpu"] for m in theirs]))
    print(line("  memory above the start, MiB", [m["mib"] for m in ours], [m["mib"] for m in theirs]))
    world.client.delete_object(Bucket=OPEN_BUCKET, Key=key)


def script(world: World, runs: int, mib: int) -> None:
    """A file without a handler; mlrun's own way starts a second Python for it."""
    ours, theirs = pairs(
        runs,
        lambda: world.wrapper(envelope(SCRIPT, None, store=world.info)),
        lambda: world.bare(code=SCRIPT, script=True),
    )
    print(line("script, s", [m.seconds for m in ours], [m.seconds for m in theirs], ("<=", 1)))


def requirements(world: World, runs: int, mib: int) -> None:
    """One small package; the bare script has pip install it first."""
    page = find_links(world.https, wheel("tinypkg"))
    content = envelope(
        NEEDS,
        store=world.info,
        returns=["frame"],
        requirements=["tinypkg"],
        pip=PipInfo(find_links=page),
        ca_bundle=world.authority.pem,
    )
    (world.folder / "ca.pem").write_text(world.authority.pem)
    asked = {"requirement": "tinypkg", "page": page, "ca": str(world.folder / "ca.pem")}
    ours, theirs = pairs(runs, lambda: world.wrapper(content), lambda: world.bare(code=NEEDS, **asked))
    print(line("one requirement, s", [m.seconds for m in ours], [m.seconds for m in theirs], ("<=", 1)))
    print(line("  the step alone, s", [world.timings(ours[-1])["requirements"]]))


def sources(world: World, runs: int, mib: int) -> None:
    """1, 10 and 100 MiB by each transport: the step, beside the plain tool that does no checks and no hash."""
    for size in (1, 10, 100):
        files = {"main.py": NOTHING.encode(), "ballast.bin": os.urandom(size << 20)}
        for name, (uri, plain) in _served(world, files, size).items():
            source = Source(source=uri, handler="main.py")
            content = envelope(source, store=world.info, returns=["frame"], ca_bundle=world.authority.pem)
            whole: list[float] = []

            def step() -> float:
                run = world.wrapper(content)  # noqa: B023 - called within the turn
                whole.append(run.seconds)  # noqa: B023 - as above
                return world.timings(run)["source"]

            ours, theirs = pairs(runs, step, lambda: _timed(world, plain))  # noqa: B023 - as above
            print(line(f"source of {size} MiB by {name}, s", ours, theirs))
            print(line("  the whole process, s", whole[1:]), flush=True)


def _served(world: World, files: dict[str, bytes], size: int) -> dict[str, tuple[str, Callable[[Path], object]]]:
    """The source's URI by each transport, and what fetches it plainly into a folder."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    world.client.put_object(Bucket=OPEN_BUCKET, Key=PACKED, Body=packed.getvalue())
    url = world.https.serve(f"/{size}/{PACKED}", packed.getvalue())
    repository = world.git.repository(f"{size}.git")
    repository.commit(files)
    (world.folder / "ca.pem").write_text(world.authority.pem)
    tls = ssl.create_default_context(cafile=str(world.folder / "ca.pem"))

    def by_s3(folder: Path) -> None:
        world.client.download_file(OPEN_BUCKET, PACKED, str(folder / PACKED))
        zipfile.ZipFile(folder / PACKED).extractall(folder)

    def by_https(folder: Path) -> None:
        with urllib.request.urlopen(url, context=tls) as answer, (folder / PACKED).open("wb") as file:
            while data := answer.read(1 << 20):
                file.write(data)
        zipfile.ZipFile(folder / PACKED).extractall(folder)

    def by_git(folder: Path) -> None:
        env = {**environment(str(world.folder)), "GIT_SSL_CAINFO": str(world.folder / "ca.pem")}
        address = world.git.source(f"{size}.git").removeprefix("git+")
        subprocess.run(["git", "clone", "-q", "--depth=1", address, folder / "clone"], check=True, env=env)

    return {
        "zip+s3": (f"zip+s3://{OPEN_BUCKET}/{PACKED}", by_s3),
        "zip+https": (f"zip+{url}", by_https),
        "git+https": (world.git.source(f"{size}.git"), by_git),
    }


def _timed(world: World, action: Callable[[Path], object]) -> float:
    with tempfile.TemporaryDirectory(dir=world.folder) as folder:
        start = time.monotonic()
        action(Path(folder))
        return time.monotonic() - start


SECTIONS = {
    "start": first_line,
    "handler": handler_without_input,
    "input": handler_with_input,
    "download": download,
    "script": script,
    "requirements": requirements,
    "sources": sources,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="bench_wrapper", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="pairs of runs that count")
    parser.add_argument("--mib", type=int, default=1024, help="size of the large object")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="only this section; may be given again")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    print(f"{arguments.runs} pairs, {os.cpu_count()} CPUs, pandas {pd.__version__}")
    print(ROW.format(*HEAD))
    print(ROW.format(*["---"] * len(HEAD)))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        world = World(Path(folder))
        start = time.monotonic()
        try:
            for name in arguments.only or SECTIONS:
                SECTIONS[name](world, arguments.runs, arguments.mib)
        finally:
            world.stop()
    print(f"took {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
