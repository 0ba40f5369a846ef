"""The kustomize base holds what the charts hold, and kustomize itself reads it so."""

import json
import subprocess
from typing import Any

import yaml
from support.charts import CRDS, OPERATOR, Object
from support.kube import facts

from chartgen.__main__ import main
from chartgen.helm import rendered
from devcluster.paths import REPOSITORY

HELMS = ("helm.sh/chart", "app.kubernetes.io/managed-by")


def built(folder: str) -> dict[tuple[str, str], Object]:
    """What `kubectl kustomize` makes of a folder."""
    command = [facts()["kubectl"], "kustomize", str(REPOSITORY / "kustomize" / folder)]
    text = subprocess.run(command, text=True, capture_output=True, check=True).stdout
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text)}


def without(made: Any, *names: str) -> Any:
    """The object without these keys, wherever they are."""
    if isinstance(made, dict):
        return {key: without(value, *names) for key, value in made.items() if key not in names}
    return [without(each, *names) for each in made] if isinstance(made, list) else made


def test_the_base_is_current() -> None:
    assert main(["--check"]) == 0


def test_the_base_has_the_same_objects_as_the_chart_and_a_namespace() -> None:
    made = [each for some in rendered(OPERATOR).values() for each in some]
    charts = {
        (each["kind"], each["metadata"]["name"]): without(json.loads(json.dumps(each)), *HELMS)
        for each in made
        if "helm.sh/hook" not in each["metadata"].get("annotations", {})
    }
    base = built("base")
    namespace = base.pop(("Namespace", "mlrun-system"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert base == charts


def test_the_crds_are_the_same() -> None:
    made = [each for some in rendered(CRDS).values() for each in some]
    crds = built("crds")
    assert {name: crd["spec"] for (_, name), crd in crds.items()} == {c["metadata"]["name"]: c["spec"] for c in made}
