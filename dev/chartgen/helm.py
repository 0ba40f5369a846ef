"""Rendering a chart with the helm of the development cluster, which needs no cluster for it."""

import json
from pathlib import Path

import yaml

from devcluster import paths, shell
from devcluster.tools import HELM
from mlrun_operator.api.objects import Object

CHARTS = paths.REPOSITORY / "charts"
RELEASE, NAMESPACE = "mlrun-operator", "mlrun-system"


def helm(*arguments: str, stdin: str | None = None) -> str:
    """What helm prints. Raises DevClusterError where it fails; builds helm where that was not done yet."""
    HELM.ensure()
    return shell.run([str(HELM.binary("helm")), *arguments], stdin=stdin)


def rendered(chart: Path, values: Object | None = None, namespace: str = NAMESPACE) -> dict[str, list[Object]]:
    """Template → the objects that it makes of these values, those of tests included."""
    text = helm(
        *("template", RELEASE, str(chart), f"--namespace={namespace}", "--values=-"), stdin=json.dumps(values or {})
    )
    found: dict[str, list[Object]] = {}
    source = ""
    for document in text.split("\n---\n"):
        lines = [line for line in document.splitlines() if line.startswith("# Source: ")]
        source = lines[0].rpartition("/templates/")[2] if lines else source
        if made := yaml.safe_load(document):
            found.setdefault(source, []).append(made)
    return found
