"""What the chart makes of values, over a matrix of them: objects that every supported Kubernetes takes, and no more."""

import json
from functools import cache
from typing import Any

import kubernetes_validate
import pytest
import yaml
from support.charts import EVERYTHING, MATRIX, OPERATOR, Object, objects, one

from chartgen.helm import rendered
from devcluster.paths import REPOSITORY
from mlrun_operator.controller.settings import Settings
from mlrun_operator.sdk.backends.published import Published

KUBERNETES = [f"1.{minor}" for minor in range(30, 38)]
EACH = pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)


def environment(values: Object) -> dict[str, str]:
    (container,) = one("Deployment", values, values.get("fullnameOverride", "mlrun-operator"))["spec"]["template"][
        "spec"
    ]["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"]}


def pods(made: list[Object]) -> list[Any]:
    return [
        each["spec"]["template"]["spec"] if "template" in each["spec"] else each["spec"]
        for each in made
        if each["kind"] in ("Deployment", "StatefulSet", "Pod")
    ]


@pytest.fixture(scope="module")
def distinct() -> list[Object]:
    """Every object of the matrix once, Prometheus' own kinds apart; a schema is read once."""
    kubernetes_validate.utils.schema_contents = cache(kubernetes_validate.utils.schema_contents)
    made = {json.dumps(each, sort_keys=True) for values in MATRIX.values() for each in objects(values)}
    return [each for each in map(json.loads, sorted(made)) if "coreos" not in each["apiVersion"]]


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_supported_kubernetes_knows_all_fields(version: str, distinct: list[Object]) -> None:
    for each in distinct:
        kubernetes_validate.validate(each, version, strict=True)


def test_all_those_versions_are_really_compared() -> None:
    have = {".".join(version.split(".")[:2]) for version in kubernetes_validate.utils.all_versions()}
    assert set(KUBERNETES) <= have


@EACH
def test_the_operator_takes_all_that_the_chart_tells_it(values: Object, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(values).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    published = Published.read(one("ConfigMap", values, "mlrun-operator-settings")["data"]["settings.json"])
    assert published.platform == settings.platform, "the SDK would render other Jobs than the operator"


@EACH
def test_every_pod_is_one_that_the_restricted_profile_takes(values: Object) -> None:
    for pod in pods(objects(values)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


@EACH
def test_what_selects_the_operator_selects_nothing_else(values: Object) -> None:
    made = objects(values)
    labels = [
        (each["spec"].get("template", each))["metadata"]["labels"]
        for each in made
        if each["kind"] in ("Deployment", "StatefulSet", "Pod")
    ]
    name = values.get("fullnameOverride", "mlrun-operator")
    selectors = [one("Service", values, name)["spec"]["selector"]]
    for each in made:
        if each["kind"] in ("PodDisruptionBudget", "Deployment", "ServiceMonitor", "PodMonitor"):
            selectors.append(each["spec"]["selector"]["matchLabels"])
        if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] in (name, f"{name}-egress"):
            selectors.append(each["spec"]["podSelector"]["matchLabels"])
    for selector in selectors:
        assert sum(selector.items() <= each.items() for each in labels) == 1


def test_a_list_of_namespaces_gives_the_same_rights_in_each_and_none_elsewhere() -> None:
    everywhere = one("ClusterRole")["rules"]
    listed = objects(MATRIX["two namespaces"])
    roles = [each for each in listed if each["kind"] == "Role" and each["metadata"]["name"] == "mlrun-operator"]
    assert {each["metadata"]["namespace"] for each in roles} == {"team-a", "team-b"}
    assert all(each["rules"] == everywhere for each in roles)
    cluster_wide = {each["metadata"]["name"] for each in listed if each["kind"].startswith("ClusterRole")}
    assert cluster_wide == {"mlrun-operator-view", "mlrun-operator-user"}, "for people only"


def test_the_operator_reads_no_secret_and_writes_no_users_object() -> None:
    for rule in one("ClusterRole")["rules"]:
        assert not {"secrets", "*"} & {*rule["resources"], *rule["verbs"]}
        if "mlrunfunctions" in rule["resources"]:
            assert rule["verbs"] == ["list", "watch"]


def test_the_operator_may_delete_a_pod_and_set_its_conditions() -> None:
    rules = {
        (group, name): rule["verbs"]
        for rule in one("ClusterRole")["rules"]
        for group in rule["apiGroups"]
        for name in rule["resources"]
    }
    assert rules["", "pods"] == ["delete", "list", "watch"]
    assert rules["", "pods/status"] == ["patch"]


@pytest.mark.parametrize(
    ("values", "kind", "namespaces"),
    [({}, "ClusterRole", [None]), ({"namespaces": ["team-a", "team-b"]}, "Role", ["team-a", "team-b"])],
    ids=["everywhere", "listed namespaces"],
)
def test_rights_to_kueues_workloads_are_granted_on_request(
    values: Object, kind: str, namespaces: list[str | None]
) -> None:
    def roles(values: Object) -> list[Object]:
        return [obj for obj in objects(values) if obj["metadata"]["name"] == "mlrun-operator-kueue"]

    assert roles(values) == []
    granted = roles({**values, "kueue": {"enabled": True}})
    assert [obj["metadata"].get("namespace") for obj in granted if obj["kind"] == kind] == namespaces
    rules = {json.dumps(obj["rules"]) for obj in granted if obj["kind"] == kind}
    assert rules == {
        json.dumps([{"apiGroups": ["kueue.x-k8s.io"], "resources": ["workloads"], "verbs": ["list", "patch"]}])
    }
    bindings = [obj for obj in granted if obj["kind"] == f"{kind}Binding"]
    assert [obj["roleRef"]["kind"] for obj in bindings] == [kind] * len(namespaces)


def test_a_digest_takes_the_place_of_the_tag() -> None:
    (pod,) = [each["spec"]["template"]["spec"] for each in objects(EVERYTHING) if each["kind"] == "Deployment"]
    assert pod["containers"][0]["image"] == f"ghcr.io/mlrun-operator/operator@sha256:{'a' * 64}"
    told = environment(EVERYTHING)
    assert told["MLRUN_OPERATOR_WRAPPER_IMAGE"] == f"ghcr.io/mlrun-operator/wrapper@sha256:{'b' * 64}"
    assert told["MLRUN_OPERATOR_WRAPPER_ML_IMAGE"] == "ghcr.io/mlrun-operator/wrapper-ml:1.2.3"


def test_the_stores_keys_are_in_the_secrets_of_the_listed_namespaces_and_nowhere_else() -> None:
    made = objects(EVERYTHING)
    secrets = [each for each in made if each["kind"] == "Secret"]
    assert {each["metadata"]["namespace"] for each in secrets} == {"team-a", "team-b"}
    assert secrets[0]["stringData"] == {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "geheim"}
    assert "geheim" not in json.dumps([each for each in made if each["kind"] != "Secret"])


def test_two_pods_are_spread_and_kept_and_one_is_not() -> None:
    two = objects({"replicas": 2})
    assert [each["spec"]["maxUnavailable"] for each in two if each["kind"] == "PodDisruptionBudget"] == [1]
    (spread,) = one("Deployment", {"replicas": 2})["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    assert not [each for each in objects() if each["kind"] == "PodDisruptionBudget"]
    assert "topologySpreadConstraints" not in one("Deployment")["spec"]["template"]["spec"]


def test_a_start_of_some_minutes_is_not_killed() -> None:
    (container,) = one("Deployment")["spec"]["template"]["spec"]["containers"]
    startup = container["startupProbe"]
    assert startup["httpGet"] == container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "health"}
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 300


def test_the_trial_store_is_where_the_operator_looks() -> None:
    values = {"seaweedfs": {"enabled": True}, "store": {"root": "s3://trial/x/{namespace}"}}
    told = environment(values)
    assert told["MLRUN_OPERATOR_STORE_ENDPOINT"] == "http://mlrun-operator-seaweedfs.mlrun-system.svc:8333"
    assert told["MLRUN_OPERATOR_STORE_ANONYMOUS"] == "true"
    (container,) = one("StatefulSet", values, "mlrun-operator-seaweedfs")["spec"]["template"]["spec"]["containers"]
    assert "-bucket=trial" in container["args"]


def test_prometheus_finds_the_metrics_and_the_alerts() -> None:
    values = {"metrics": {"serviceMonitor": EVERYTHING["metrics"]["serviceMonitor"]}}
    assert one("ServiceMonitor", values) == {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {
            "name": "mlrun-operator",
            "namespace": "mlrun-system",
            "labels": {**one("Service")["metadata"]["labels"], "release": "prometheus"},
        },
        "spec": {
            "selector": {"matchLabels": one("Service")["spec"]["selector"]},
            "endpoints": [{"port": "metrics", "path": "/metrics", "interval": "30s"}],
        },
    }
    values = {"metrics": {"podMonitor": EVERYTHING["metrics"]["podMonitor"]}}
    assert one("PodMonitor", values)["spec"] == {
        "selector": {"matchLabels": one("Service")["spec"]["selector"]},
        "podMetricsEndpoints": [
            {"port": "metrics", "path": "/metrics", "relabelings": [{"action": "labeldrop", "regex": "pod"}]}
        ],
    }
    rules = yaml.safe_load((OPERATOR / "files/rules.yaml").read_text())
    assert one("PrometheusRule", {"metrics": {"prometheusRule": {"enabled": True}}})["spec"] == rules
    ports = {port["name"] for port in one("Service")["spec"]["ports"]}
    (container,) = one("Deployment")["spec"]["template"]["spec"]["containers"]
    assert ports == {port["name"] for port in container["ports"]} == {"health", "metrics"}


def reached(values: Object | None = None) -> dict[int, list[Object] | None]:
    """The ports at which the operator is reached, each with who may; None is everybody."""
    policy = one("NetworkPolicy", values)["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    return {rule["ports"][0]["port"]: rule.get("from") for rule in policy["ingress"]}


def test_metrics_are_for_labelled_namespaces_by_default() -> None:
    assert reached()[8081] == [{"namespaceSelector": {"matchLabels": {"metrics": "enabled"}}}]
    assert reached({"networkPolicy": {"metricsFrom": []}})[8081] is None
    peers = [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]
    assert reached({"networkPolicy": {"metricsFrom": peers}})[8081] == peers


def test_only_the_pod_of_helm_test_asks_whether_it_is_ready() -> None:
    """The kubelet does so from the pod's node, which every network lets through."""
    (peer,) = reached()[8080] or ()
    wanted = peer["podSelector"]["matchLabels"].items()
    pods = [each for each in objects() if each["kind"] == "Pod"]
    assert [wanted <= pod["metadata"]["labels"].items() for pod in pods] == [True]
    assert "namespaceSelector" not in peer
    assert set(reached()) == {8080, 8081}


def test_the_ports_of_the_policy_are_those_of_the_container() -> None:
    (container,) = one("Deployment")["spec"]["template"]["spec"]["containers"]
    assert {port["containerPort"] for port in container["ports"]} == set(reached())
    settings = Settings()
    assert {int(address.rpartition(":")[2]) for address in (settings.listen, settings.metrics_listen)} == set(reached())


def test_what_the_operator_reaches_is_bounded_on_request() -> None:
    policies = [each["metadata"]["name"] for each in objects() if each["kind"] == "NetworkPolicy"]
    assert policies == ["mlrun-operator"]
    policy = one("NetworkPolicy", {"networkPolicy": {"limitEgress": True}}, "mlrun-operator-egress")["spec"]
    assert policy["policyTypes"] == ["Egress"]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [[53, 53], [443, 6443]]


def test_the_crds_of_the_chart_are_the_crds() -> None:
    made = [crd for each in rendered(REPOSITORY / "charts/mlrun-operator-crds").values() for crd in each]
    assert [crd["metadata"]["annotations"] for crd in made] == [{"helm.sh/resource-policy": "keep"}] * 2
    ours = _crds()
    assert {crd["metadata"]["name"]: crd["spec"] for crd in made} == {c["metadata"]["name"]: c["spec"] for c in ours}
    values = {"keep": False, "annotations": {"argocd.argoproj.io/sync-wave": "-1"}}
    unkept = rendered(REPOSITORY / "charts/mlrun-operator-crds", values)
    assert all(crd["metadata"]["annotations"] == values["annotations"] for each in unkept.values() for crd in each)


def _crds() -> list[Object]:
    return [yaml.safe_load(file.read_text()) for file in sorted((REPOSITORY / "crds").glob("*.yaml"))]


@pytest.mark.parametrize("aggregate", [True, False])
def test_kubernetes_own_roles_have_the_users_rights_or_not(aggregate: bool) -> None:
    roles = [
        one("ClusterRole", {"userRoles": {"aggregate": aggregate}}, f"mlrun-operator-{who}") for who in ("view", "user")
    ]
    joined = {label for role in roles for label in role["metadata"]["labels"] if "aggregate-to" in label}
    wanted = {f"rbac.authorization.k8s.io/aggregate-to-{role}" for role in ("view", "edit", "admin")}
    assert joined == (wanted if aggregate else set())
    assert all(role["rules"] for role in roles)
