"""`CLUSTER=current`: the cluster that the caller's kubectl points at. Nothing of it is started or stopped here."""

from collections.abc import Sequence

from devcluster import facts, paths, progress, shell
from devcluster.external import command, external_facts, say_store
from devcluster.images import build, engine
from devcluster.images.build import Image


def up() -> None:
    """Copy the current context into `.cluster/kubeconfig` and check that its cluster answers."""
    kubectl = command("kubectl")
    view = ["config", "view", "--raw", "--flatten", "--minify"]
    text = shell.run([kubectl, *view], hint="`kubectl config use-context NAME` chooses a cluster")
    context = shell.run([kubectl, "config", "current-context"]).strip()
    facts.prepare_folder()
    paths.KUBECONFIG.touch(mode=0o600)
    paths.KUBECONFIG.write_text(text)
    with progress.step(f"cluster of context {context} answers"):
        shell.run([kubectl, f"--kubeconfig={paths.KUBECONFIG}", "get", "--raw=/readyz"], hint="is it running?")
    facts.write(external_facts("current", context))
    say_store()


def down() -> None:
    """Forget the copy of the kubeconfig. The cluster stays as it is; `helm uninstall` removes the operator."""
    facts.forget()
    progress.say("✓ forgot the kubeconfig; your cluster was not touched")


def images(wanted: Sequence[Image]) -> None:
    """Build the images. How they get into somebody's cluster is not for us to guess."""
    for image in wanted:
        build.ensure(image, engine.find())
    progress.say("Push them to a registry that the cluster pulls from, and set the chart's image values to it.")
