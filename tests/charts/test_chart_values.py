"""Every value is in the schema, every one in the schema is a value, each is documented, and nonsense is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.charts import CRDS, OPERATOR, objects, one

from chartgen.helm import helm
from devcluster.errors import DevClusterError
from docgen.chart_page import rows, section

BOTH = pytest.mark.parametrize("chart", [OPERATOR, CRDS], ids=lambda chart: chart.name)
# What Helm gives to every chart.
HELMS_OWN = {"global"}


def known(schema: Any, path: str = "") -> set[str]:
    """Paths of the values in a schema."""
    found: set[str] = set()
    for name, said in schema["properties"].items():
        here = f"{path}.{name}" if path else name
        found |= {here} | (known(said, here) if section(said) else set())
    return found


@BOTH
def test_the_schema_knows_the_values_and_no_other(chart: Path) -> None:
    schema = json.loads((chart / "values.schema.json").read_text())
    assert {path for path, *_ in rows(chart)} == known(schema) - HELMS_OWN


@BOTH
def test_every_value_is_documented(chart: Path) -> None:
    assert [path for path, *_, meaning in rows(chart) if not meaning] == []


@BOTH
def test_no_map_takes_a_value_that_nobody_knows(chart: Path) -> None:
    schema = json.loads((chart / "values.schema.json").read_text())

    def closed(part: Any) -> bool:
        if not isinstance(part, dict) or "properties" not in part:
            return True
        return "additionalProperties" in part and all(map(closed, part["properties"].values()))

    assert schema["additionalProperties"] is False
    assert closed(schema)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"replica": 2}, "additional properties 'replica' not allowed"),
        ({"image": {"tagg": "1"}}, "additional properties 'tagg' not allowed"),
        ({"runDefaults": {"nodeselector": {}}}, "additional properties 'nodeselector' not allowed"),
        ({"replicas": 3}, "/replicas"),
        ({"image": {"digest": "abc"}}, "/image/digest"),
        ({"namespaces": ["Team"]}, "/namespaces/0"),
        ({"logLevel": "debug"}, "/logLevel"),
        ({"store": {"root": "gs://bucket"}}, "/store/root"),
        ({"proxy": {"https": "http://me:geheim@proxy:3128"}}, "/proxy/https"),
        ({"store": {"credentials": {"accessKeyId": "a"}}}, "needs store.credentials.secretAccessKey"),
        ({"store": {"credentials": {"accessKeyId": "a", "secretAccessKey": "b"}}}, "which namespaces get the Secret"),
        ({"seaweedfs": {"enabled": True}, "store": {"root": "file:///data"}}, "needs a store.root that begins with s3"),
        (
            {"seaweedfs": {"enabled": True}, "store": {"endpoint": "https://s3.example.org"}},
            "leave store.endpoint empty, or seaweedfs.enabled false",
        ),
        ({"runNetworkPolicy": {"dnsPorts": []}}, "/runNetworkPolicy/dnsPorts"),
    ],
    ids=lambda case: json.dumps(case) if isinstance(case, dict) else "",
)
def test_a_value_that_would_not_do_is_refused_with_words(values: dict[str, Any], words: str) -> None:
    with pytest.raises(DevClusterError) as caught:
        objects(values)
    assert words in f"{caught.value} {caught.value.detail}"


@BOTH
def test_helm_finds_nothing_to_criticize(chart: Path) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(chart))


def test_openshift_names_no_user() -> None:
    values = yaml.safe_load((OPERATOR / "values-openshift.yaml").read_text())
    made = objects({**values, "seaweedfs": {"enabled": True}})
    pods = [each["spec"]["template"]["spec"] for each in made if each["kind"] in ("Deployment", "StatefulSet")]
    pods += [each["spec"] for each in made if each["kind"] == "Pod"]
    assert len(pods) == 3
    for pod in pods:
        assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_openshift_asks_its_own_name_servers() -> None:
    values = yaml.safe_load((OPERATOR / "values-openshift.yaml").read_text())
    values["networkPolicy"]["limitEgress"] = True
    values["runNetworkPolicy"]["namespaces"] = ["team-a"]
    (dns, _) = one("NetworkPolicy", values, "mlrun-operator-egress")["spec"]["egress"]
    (_, of_runs, _) = one("NetworkPolicy", values, "mlrun-operator-runs")["spec"]["egress"]
    for rule in (dns, of_runs):
        assert [(port["port"], port["protocol"]) for port in rule["ports"]] == [
            *((53, "UDP"), (53, "TCP")),
            *((5353, "UDP"), (5353, "TCP")),
        ]
    (there,) = of_runs["to"]
    assert there["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "openshift-dns"}


def test_openshift_s_own_prometheus_scrapes() -> None:
    values = yaml.safe_load((OPERATOR / "values-openshift.yaml").read_text())
    (metrics, _) = one("NetworkPolicy", values)["spec"]["ingress"]
    labels = [peer["namespaceSelector"]["matchLabels"] for peer in metrics["from"]]
    assert labels == [{"network.openshift.io/policy-group": "monitoring"}, {"metrics": "enabled"}]


def test_runs_may_ask_the_name_server_of_their_node_and_nothing_else_there() -> None:
    """NodeLocal DNSCache listens where clouds hand out credentials, too: it is that address, and its port."""
    values = {"runNetworkPolicy": {"namespaces": ["team-a"]}}
    (_, dns, elsewhere) = one("NetworkPolicy", values, "mlrun-operator-runs")["spec"]["egress"]
    assert {"ipBlock": {"cidr": "169.254.20.10/32"}} in dns["to"]
    assert {port["port"] for port in dns["ports"]} == {53}
    assert elsewhere["to"][0]["ipBlock"]["except"] == ["169.254.0.0/16"]
