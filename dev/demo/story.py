"""The demo from its first to its last line."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import fileserver
from demo import dataset, nextsteps, readback
from demo.console import Chapters, indented, say, styled
from demo.follow import Follower
from demo.terminal import Terminal
from deploy import Target, deploy
from devcluster import clusters, progress
from devcluster.errors import DevClusterError, MissingRequirementError
from devcluster.images import build
from mlrun_operator.api.objects import Object

NAMESPACE = "mlrun-demo"
EXAMPLE = "examples/01-hello-downloader"
RUN = "download-weather"
ADDRESS_VARIABLE = "MLRUN_DEMO_ADDRESS"
# The same at each demo where it is free, so that the run's input, and with it what runs, stays the same.
PORT = 8443


def tell() -> None:
    """Run the whole demo. Raises DevClusterError where a step fails."""
    chapters, cluster = Chapters(), clusters.chosen()
    say(styled("mlrun-operator: a function becomes a Job, a pod, a dataset in S3 and a status", "bold"))
    with chapters.chapter("A Kubernetes and an S3 store", "cluster"):
        cluster.up()
    with chapters.chapter("Two images: the operator's, and the wrapper's with mlrun in it", "images"):
        cluster.images(build.product())
    target = Target.here()
    with chapters.chapter("The operator", "operator"):
        deploy(target)
    terminal = Terminal(target.environment)
    with chapters.chapter("A function and a run of it", "run"):
        run = _run(target, terminal)
    with chapters.chapter("What Kubernetes knows of it", "status"):
        _show_status(terminal, run)
    with chapters.chapter("What is in the store", "comparison"):
        _show_dataset(target, run)
    say(f"\n{styled('How long it took', 'bold')}")
    indented("\n".join(chapters.table()))
    nextsteps.show(target, NAMESPACE, RUN)


def _run(target: Target, terminal: Terminal) -> Object:
    """Apply the example's two files and follow the run to its end."""
    _ensure_namespace(target, terminal)
    with _served(target) as url:
        say(f"  {dataset.NAME} is served at {url} with a certificate of the demo's own CA,")
        say("  which the operator was given as its caBundle. That URL takes the place of the example's public one:")
        before = _generation(target)
        started = time.monotonic()
        terminal.run(f"kubectl apply -n {NAMESPACE} -f {EXAMPLE}/function.yaml")
        replace = f"s|{dataset.PUBLIC_FOLDER}|{url}|"
        terminal.run(f"sed '{replace}' {EXAMPLE}/run.yaml | kubectl apply -n {NAMESPACE} -f -")
        generation = _generation(target)
        if generation == before:
            generation = _rerun(target, terminal)
        run = Follower(target, NAMESPACE, RUN, started).to_the_end(generation)
    if run["status"]["phase"] != "Succeeded":
        hint = f"`kubectl describe mlr {RUN} -n {NAMESPACE}` shows all of it; the pod's log is above"
        raise DevClusterError(f"the run failed: {run['status'].get('message', '')}", hint=hint)
    return run


def _rerun(target: Target, terminal: Terminal) -> int:
    """Ask for another execution of the unchanged run, and return the generation that asks for it."""
    say("  The same YAML again is no news: a finished run stays finished. A new value of spec.rerun runs it again:")
    text = time.strftime("demo of %Y-%m-%d %H:%M:%S")
    patch = f'{{"spec":{{"rerun":"{text}"}}}}'
    terminal.run(f"kubectl patch mlr {RUN} -n {NAMESPACE} --type=merge -p '{patch}'")
    return _generation(target)


def _ensure_namespace(target: Target, terminal: Terminal) -> None:
    """A namespace under the strictest Pod Security standard."""
    if not target.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found"):
        terminal.run(f"kubectl create namespace {NAMESPACE}")
        terminal.run(f"kubectl label namespace {NAMESPACE} pod-security.kubernetes.io/enforce=restricted")


def _generation(target: Target) -> int:
    """The generation of the run's spec, 0 where there is no run."""
    text = target.kubectl(
        "get", "mlr", RUN, f"--namespace={NAMESPACE}", "--ignore-not-found", "--output=jsonpath={.metadata.generation}"
    )
    return int(text or 0)


@contextmanager
def _served(target: Target) -> Iterator[str]:
    """Serve the data set where pods reach it, and yield the URL of its folder."""
    address = target.facts.bridge_ip or os.environ.get(ADDRESS_VARIABLE)
    if address is None:
        hint = f"set {ADDRESS_VARIABLE} to an address of this machine that your cluster's pods reach"
        raise MissingRequirementError("the demo serves its input from this machine, and pods must reach it", hint=hint)
    with ExitStack() as stack:
        try:
            url = stack.enter_context(fileserver.serve(dataset.folder(), address=address, port=PORT))
        except OSError:
            url = stack.enter_context(fileserver.serve(dataset.folder(), address=address))
        yield url


def _show_status(terminal: Terminal, run: Object) -> None:
    terminal.run(f"kubectl get mlr -n {NAMESPACE} -o wide")
    terminal.run(f"kubectl events -n {NAMESPACE} --for=mlrunrun/{RUN} | tail -n 3")
    say(f"  {styled('status.outputs', 'bold')}")
    for name, output in run["status"]["outputs"].items():
        for field in ("key", "path", "size", "sha256"):
            say(f"    {name}.{field:7} {output[field]}")


def _show_dataset(target: Target, run: Object) -> None:
    """Print the first rows of what is stored, and compare it with what went in."""
    output = run["status"]["outputs"]["dataset"]
    assert target.facts.s3_host_endpoint is not None
    with progress.step(f"read {output['path'].rpartition('/')[2]} from S3; its SHA-256 is the one in the status"):
        table = readback.stored_table(target.facts.s3_host_endpoint, output["path"], output["sha256"])
    indented(table.head().to_string())
    say(f"  … {len(table)} rows")
    with progress.step(f"equal to pandas.read_csv({dataset.NAME}) by assert_frame_equal, dtypes included"):
        readback.compare(table, dataset.folder() / dataset.NAME)
