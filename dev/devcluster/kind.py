"""`CLUSTER=kind`: a cluster in Docker, made by kind."""

from collections.abc import Sequence

from devcluster import facts, paths, progress, shell
from devcluster.external import command, external_facts, say_store
from devcluster.images import build, engine
from devcluster.images.build import Image

NAME = "mlrun-operator"


def up() -> None:
    """Create the cluster unless it exists, and write its kubeconfig."""
    kind = command("kind")
    engine.find()
    if not exists():
        with progress.step(f"kind cluster {NAME} created", during="kind pulls its node image and starts it"):
            shell.run([kind, "create", "cluster", f"--name={NAME}", "--wait=180s", f"--kubeconfig={paths.KUBECONFIG}"])
    facts.prepare_folder()
    shell.run([kind, "export", "kubeconfig", f"--name={NAME}", f"--kubeconfig={paths.KUBECONFIG}"])
    facts.write(external_facts("kind", f"kind-{NAME}"))
    say_store()


def down() -> None:
    """Delete the cluster."""
    with progress.step(f"kind cluster {NAME} deleted"):
        shell.run([command("kind"), "delete", "cluster", f"--name={NAME}", f"--kubeconfig={paths.KUBECONFIG}"])
        facts.forget()


def images(wanted: Sequence[Image]) -> None:
    """Build the images and load them into the node."""
    builder = engine.find()
    for image in wanted:
        build.ensure(image, builder)
        if exists():
            with progress.step(f"{image.reference} loaded"):
                archive = builder.save(image, paths.IMAGES / "kind" / f"{image.name}.tar")
                shell.run([command("kind"), "load", "image-archive", archive, f"--name={NAME}"])


def exists() -> bool:
    """Whether kind knows the cluster."""
    return NAME in shell.output_of(["kind", "get", "clusters"]).split()
