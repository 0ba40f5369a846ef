"""Everything that the chart runs keeps the restricted Pod Security profile, in the words of the API server itself.

The pods of runs are held to it elsewhere: every namespace of the integration and end-to-end tests enforces it.
"""

import json
import subprocess
from typing import Any

import pytest
import yaml
from support.kube import REPOSITORY, Kube, Object, Refused

EVERYTHING: Object = {"seaweedfs": {"enabled": True}, "replicas": 2, "tests": {"enabled": True}}
KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod")


def workloads(kube: Kube, *arguments: str) -> list[Object]:
    command = [kube.facts["helm"], "template", "mlrun-operator", str(REPOSITORY / "charts/mlrun-operator")]
    command += [f"--namespace={kube.namespace}", "--values=-", *arguments]
    done = subprocess.run(command, input=json.dumps(EVERYTHING), text=True, capture_output=True, check=True)
    return [each for each in yaml.safe_load_all(done.stdout) if each and each["kind"] in KINDS]


def admitted(kube: Kube, obj: Object) -> None:
    """Raises Refused where the API server refuses a pod, or warns that the pods of a template would be refused."""
    kube.kubectl("apply", "--dry-run=server", "--warnings-as-errors", "-f", "-", stdin=json.dumps(obj))


@pytest.fixture
def strict(kube: Kube) -> Kube:
    """A namespace that also warns of templates, which are taken although their pods would not be."""
    kube.kubectl("label", "namespace", kube.namespace, "pod-security.kubernetes.io/warn=restricted")
    return kube


@pytest.mark.parametrize("values", [(), ("--values", str(REPOSITORY / "charts/mlrun-operator/values-openshift.yaml"))])
def test_every_workload_of_the_chart_is_restricted(strict: Kube, values: tuple[str, ...]) -> None:
    found = workloads(strict, *values)
    assert {each["kind"] for each in found} >= {"Deployment", "Pod"}
    for each in found:
        admitted(strict, each)


def test_the_api_server_would_say_so_if_one_were_not(strict: Kube) -> None:
    (operator,) = (each for each in workloads(strict) if each["metadata"]["name"] == "mlrun-operator")
    container: dict[str, Any] = operator["spec"]["template"]["spec"]["containers"][0]
    container["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(Refused, match="allowPrivilegeEscalation"):
        admitted(strict, operator)
