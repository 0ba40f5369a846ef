"""The operator's chart as the release workflow packages it: its images are the pushed ones, by digest."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.charts import OPERATOR, Object

from chartgen.helm import helm, rendered
from release.digests import CHART, IMAGES, main

DIGESTS = {name: f"sha256:{number:064x}" for number, name in enumerate(IMAGES, 1)}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, made of a copy of the chart in the way of the workflow."""
    repository = tmp_path_factory.mktemp("released")
    shutil.copytree(OPERATOR, repository / CHART)
    main(repository, [f"{name}={digest}" for name, digest in DIGESTS.items()])
    helm("package", str(repository / CHART), "--destination", str(repository))
    (package,) = repository.glob("*.tgz")
    return package


def images(chart: Path, values: Object | None = None) -> dict[str, str]:
    """The images that the operator's pod runs and gives to runs."""
    made = [each for some in rendered(chart, values).values() for each in some]
    (pod,) = [each["spec"]["template"]["spec"] for each in made if each["kind"] == "Deployment"]
    (container,) = pod["containers"]
    told: dict[str, Any] = {entry["name"]: entry["value"] for entry in container["env"]}
    return {
        "operator": container["image"],
        "wrapper": told["MLRUN_OPERATOR_WRAPPER_IMAGE"],
        "wrapper-ml": told["MLRUN_OPERATOR_WRAPPER_ML_IMAGE"],
    }


def test_a_released_chart_follows_no_tag(package: Path) -> None:
    assert images(package) == {name: f"ghcr.io/mlrun-operator/{name}@{DIGESTS[name]}" for name in IMAGES}


def test_every_use_of_an_image_is_by_digest(package: Path) -> None:
    """The pod of `helm test` and what people's SDK is told, too."""
    text = helm("template", "mlrun-operator", str(package))
    assert text.count("ghcr.io/mlrun-operator/") == text.count("@sha256:") == 6


def test_a_mirror_has_the_same_digest(package: Path) -> None:
    found = images(package, {"image": {"repository": "mirror.example.org/operator"}})
    assert found["operator"] == f"mirror.example.org/operator@{DIGESTS['operator']}"


@pytest.mark.parametrize(
    ("said", "reference"),
    [
        ({"tag": "1.2.3"}, ":1.2.3"),
        ({"digest": f"sha256:{'a' * 64}"}, f"@sha256:{'a' * 64}"),
        ({"tag": "1.2.3", "digest": f"sha256:{'a' * 64}"}, f"@sha256:{'a' * 64}"),
    ],
    ids=["a tag", "a digest", "both"],
)
def test_what_the_values_say_goes_before_the_release(said: Object, reference: str, package: Path) -> None:
    found = images(package, {"wrapper": said})
    assert found["wrapper"] == f"ghcr.io/mlrun-operator/wrapper{reference}"
    assert found["operator"].endswith(DIGESTS["operator"])


def test_no_digest_is_among_the_values(package: Path) -> None:
    """`helm upgrade --reuse-values` takes the earlier release's values, with the digests that they would have."""
    assert helm("show", "values", str(package)).strip() == (OPERATOR / "values.yaml").read_text().strip()


def test_the_chart_of_the_repository_keeps_tags() -> None:
    version = yaml.safe_load((OPERATOR / "Chart.yaml").read_text())["appVersion"]
    assert images(OPERATOR) == {name: f"ghcr.io/mlrun-operator/{name}:{version}" for name in IMAGES}
