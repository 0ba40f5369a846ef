"""The kustomize base and its components hold what the charts hold, and kustomize itself reads them so."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.charts import CRDS, OPERATOR, Object
from support.kube import facts

from chartgen.__main__ import main
from chartgen.components import COMPONENTS, added
from chartgen.helm import rendered
from devcluster.paths import REPOSITORY

HELMS = ("helm.sh/chart", "app.kubernetes.io/managed-by")


def built(folder: str | Path) -> dict[tuple[str, str], Object]:
    """What `kubectl kustomize` makes of a folder; a relative one is of kustomize/."""
    command = [facts()["kubectl"], "kustomize", str(REPOSITORY / "kustomize" / folder)]
    text = subprocess.run(command, text=True, capture_output=True, check=True).stdout
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text)}


def without_helm(made: Any) -> Any:
    """The object without Helm's labels, wherever there are labels; what selects by them stays."""
    if isinstance(made, dict):
        return {
            key: {name: each for name, each in value.items() if name not in HELMS} if key == "labels" else value
            for key, value in ((key, without_helm(value)) for key, value in made.items())
        }
    return [without_helm(each) for each in made] if isinstance(made, list) else made


def test_the_files_are_current() -> None:
    assert main(["--check"]) == 0


def charts(values: Object | None = None) -> dict[tuple[str, str], Object]:
    """What the chart makes of values, without what only Helm has a use for."""
    made = [each for some in rendered(OPERATOR, values).values() for each in some]
    return {
        (each["kind"], each["metadata"]["name"]): without_helm(json.loads(json.dumps(each)))
        for each in made
        if "helm.sh/hook" not in each["metadata"].get("annotations", {})
    }


def kustomization(folder: Path, *names: str, **more: Any) -> Path:
    """The folder, with a kustomization of these components."""
    below = REPOSITORY / "kustomize" / "components"
    paths = [os.path.relpath(below / name, folder) for name in names]
    (folder / "kustomization.yaml").write_text(json.dumps({"kind": "Kustomization", "components": paths, **more}))
    return folder


def test_the_base_has_the_same_objects_as_the_chart_and_a_namespace() -> None:
    base = built("base")
    namespace = base.pop(("Namespace", "mlrun-system"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert base == charts()


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_adds_to_the_base_what_its_values_add_to_the_chart(name: str, tmp_path: Path) -> None:
    base = os.path.relpath(REPOSITORY / "kustomize" / "base", tmp_path)
    found = built(kustomization(tmp_path, name, resources=[base]))
    del found["Namespace", "mlrun-system"]
    wanted = charts(COMPONENTS[name])
    if name == "run-network-policy":
        del wanted["NetworkPolicy", "mlrun-operator-runs"]["metadata"]["namespace"]
    assert found == wanted != charts()


def test_the_network_policy_of_runs_is_for_the_namespace_that_takes_it(tmp_path: Path) -> None:
    (made,) = built(kustomization(tmp_path, "run-network-policy", namespace="team-a")).values()
    assert made["metadata"]["namespace"] == "team-a"


def test_all_components_go_together(tmp_path: Path) -> None:
    base = os.path.relpath(REPOSITORY / "kustomize" / "base", tmp_path)
    found = built(kustomization(tmp_path, *COMPONENTS, resources=[base]))
    assert len(found) == len(built("base")) + sum(len(charts(v)) - len(charts()) for v in COMPONENTS.values())


def test_each_component_is_told_of() -> None:
    told = (REPOSITORY / "docs/install.md").read_text()
    assert [name for name in COMPONENTS if f"`{name}`" not in told] == []


def test_a_component_takes_nothing_away() -> None:
    base = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "1"}, "list": [1]}
    more = {**base, "data": {"a": "1", "b": "2"}}
    patch = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"b": "2"}}
    assert added([base], [more, {**base, "metadata": {"name": "b"}}]) == (
        [{**base, "metadata": {"name": "b"}}],
        [patch],
    )
    with pytest.raises(ValueError, match="take away"):
        added([base], [])
    with pytest.raises(ValueError, match="take away"):
        added([more], [base])
    with pytest.raises(TypeError, match="part of the list"):
        added([base], [{**base, "list": [1, 2]}])


def test_the_crds_are_the_same() -> None:
    made = [each for some in rendered(CRDS).values() for each in some]
    crds = built("crds")
    assert {name: crd["spec"] for (_, name), crd in crds.items()} == {c["metadata"]["name"]: c["spec"] for c in made}
