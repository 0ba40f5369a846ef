"""What the chart's policies refuse, and what they say: the API server's own answers, the operator has no part in it.

A policy counts within a second of its making, as soon as the API server has compiled it.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml
from support.kube import REPOSITORY, Kube, Object, Refused, eventually, fresh_namespace, function, run

PLATFORM = ("--as=ci", "--as-group=platform", "--as-group=system:masters")
SOMEBODY = ("--as=ada", "--as-group=system:masters")
VALUES = {
    "policies": {
        "images": {"allow": ["registry.example.org/team/*", "mlrun/mlrun*"]},
        "sources": {"hosts": ["git.example.org", "*.corp.example.org", "code-bucket"], "inline": False},
        "podTemplate": False,
        "env": {"deny": ["PYTHON*", "PIP_*", "LD_*"]},
        "volumes": {"deny": ["configMap"]},
        "functions": {"inRuns": False, "namespaceLabels": {"functions": "here"}, "groups": ["platform"]},
        "limits": ["memory"],
    }
}
GIT = {"source": "git+https://git.example.org/team/code.git#main"}
LIMITS = {"resources": {"limits": {"memory": "1Gi"}}}


def good(name: str = "fn", **spec: Any) -> Object:
    """A function that no policy minds."""
    return function(name, **{"source": GIT, "run": LIMITS, **spec})


def rendered(template: str, values: Object, kube: Kube) -> list[Object]:
    command = [kube.facts["helm"], "template", "mlrun-operator", str(REPOSITORY / "charts/mlrun-operator")]
    command += [f"--namespace={kube.namespace}", f"--show-only=templates/{template}", "--values=-"]
    text = subprocess.run(command, input=json.dumps(values), text=True, capture_output=True, check=True).stdout
    return [each for each in yaml.safe_load_all(text) if each]


def tried(kube: Kube, obj: Object, *by: str) -> str:
    """What the API server says to an object; nothing is stored."""
    try:
        kube.kubectl("apply", "--dry-run=server", *by, "-f", "-", stdin=json.dumps(obj))
    except Refused as refusal:
        return str(refusal)
    return ""


@contextmanager
def in_force(kube: Kube, values: Object, bad: dict[str, tuple[Any, ...]]) -> Iterator[None]:
    """The policies hold in this namespace, in no other, and under names of its own: each of the bad is refused."""
    policies = rendered("policies.yaml", {**values, "namespaces": [kube.namespace]}, kube)
    for each in policies:
        each["metadata"]["name"] += f"-{kube.namespace}"
        if "policyName" in each["spec"]:
            each["spec"]["policyName"] += f"-{kube.namespace}"
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": policies})
    try:
        kube.kubectl("apply", "--server-side", "-f", "-", stdin=text)
        for name, (obj, *by, _) in bad.items():
            eventually(lambda obj=obj, by=by: tried(kube, obj, *by), f"the policy minds {name}", timeout=30)
        yield
    finally:
        kube.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=text)


@pytest.fixture(scope="module")
def held() -> Iterator[Kube]:
    """A namespace in which all policies hold."""
    with fresh_namespace("policies") as kube:
        kube.kubectl("label", "namespace", kube.namespace, "functions=here")
        old = run("old", function=function("", image="docker.io/elsewhere/image:1")["spec"], suspend=True)
        del old["spec"]["functionRef"]
        kube.apply(old, function("old", image="docker.io/elsewhere/image:1"), good("fine"))
        with in_force(kube, VALUES, BAD):
            yield kube


def in_run(function_spec: Object, **spec: Any) -> Object:
    made = run("r", function=function_spec, **spec)
    del made["spec"]["functionRef"]
    return made


TEMPLATE = {"spec": {"containers": [{"name": "side", "image": "registry.example.org/team/side:1"}]}}
FOREIGN = {"spec": {"initContainers": [{"name": "side", "image": "docker.io/library/busybox"}]}}

CONFIG = {"name": "v", "mountPath": "/v", "configMap": {"name": "code"}}
IMAGE = {"name": "v", "mountPath": "/v", "image": {"reference": "docker.io/elsewhere/files:1"}}

# name: (object, who…, words)
BAD: dict[str, tuple[Any, ...]] = {
    "an image": (good(image="evil.example.org/registry.example.org/team/x:1"), *PLATFORM, "allowed are: registry"),
    "a host": (
        good(source={"source": "git+https://github.example.com/git.example.org/code.git"}),
        *PLATFORM,
        "allowed hosts are: git.example.org, *.corp.example.org, code-bucket",
    ),
    "a bucket": (good(source={"source": "s3://other-bucket/code.py"}), *PLATFORM, "s3://other-bucket/code.py"),
    "inline code": (good(source={"code": "print(1)"}), *PLATFORM, "put it into a Git repository"),
    "a run's pod template": (run("r", podTemplate=TEMPLATE), *PLATFORM, "podTemplate is not allowed here"),
    "a function's pod template": (
        good(run={**LIMITS, "podTemplate": TEMPLATE}),
        *PLATFORM,
        "podTemplate is not allowed here",
    ),
    "a run's image volume": (run("r", volumes=[IMAGE]), "docker.io/elsewhere/files:1 is not allowed here"),
    "a function's image volume": (
        good(run={**LIMITS, "volumes": [IMAGE]}),
        *PLATFORM,
        "docker.io/elsewhere/files:1 is not allowed here",
    ),
    "a run's volume": (run("r", volumes=[CONFIG]), "a volume of the kind configMap is not allowed here"),
    "a function's volume": (good(run={**LIMITS, "volumes": [CONFIG]}), *PLATFORM, "of the kind configMap"),
    "a run's variable": (run("r", env=[{"name": "PYTHONPATH", "value": "/v"}]), "PYTHONPATH is not allowed here"),
    "a function's variable": (
        good(run={**LIMITS, "env": [{"name": "A"}, {"name": "PIP_INDEX_URL", "value": "x"}]}),
        *PLATFORM,
        "PIP_INDEX_URL is not allowed here; refused are: PYTHON*, PIP_*, LD_*",
    ),
    "a function in a run": (in_run(good()["spec"]), *PLATFORM, "name an MlrunFunction in functionRef"),
    "somebody's function": (good(), *SOMEBODY, "ada may not write them"),
    "no limit": (good(run={"resources": {"limits": {"cpu": 1}}}), *PLATFORM, "a limit of memory is wanted here"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_policy_refuses_and_says_what_is_allowed(held: Kube, name: str) -> None:
    obj, *by, words = BAD[name]
    assert words in tried(held, obj, *by)


def test_the_images_of_a_pod_template_count(kube: Kube) -> None:
    """Where pod templates are allowed: of two policies that mind an object the API server names only one."""
    bad = {"its image": (run("r", podTemplate=FOREIGN), "docker.io/library/busybox is not allowed")}
    with in_force(kube, {"policies": {"images": VALUES["policies"]["images"]}}, bad):
        for obj, words in bad.values():
            assert words in tried(kube, obj)
        assert tried(kube, run("r", podTemplate=TEMPLATE)) == ""


@pytest.mark.parametrize(
    "obj",
    [
        good(),
        good(image="mlrun/mlrun:1.7.2"),
        good(image="registry.example.org/team/train:1", source={"source": "git+ssh://git@x.corp.example.org/a/b.git"}),
        good(source={"source": "s3://code-bucket/code.py"}),
        good(source={"source": "zip+https://GIT.example.org:8443/a.zip"}),
        run("r", resources={"limits": {"memory": "2Gi"}}),
        run("r", schedule="0 * * * *"),
    ],
    ids=lambda obj: json.dumps(obj["spec"])[:60],
)
def test_what_the_policies_allow_passes(held: Kube, obj: Object) -> None:
    assert tried(held, obj, *PLATFORM) == ""


def test_functions_are_made_in_labelled_namespaces_only(held: Kube) -> None:
    held.kubectl("label", "namespace", held.namespace, "functions-")
    try:
        words = "functions may be made only in namespaces labelled functions=here"
        eventually(lambda: words in tried(held, good(), *PLATFORM), words)
        assert tried(held, run("r"), *PLATFORM) == ""
    finally:
        held.kubectl("label", "namespace", held.namespace, "functions=here")
        eventually(lambda: not tried(held, good(), *PLATFORM), "it may again")


# Of several policies that mind an object the API server names one.
MINDED = r"not allowed here|wanted here|may not write"
STARTING: tuple[Object, ...] = (
    {"rerun": "again"},
    {"parameters": {"days": 3}},
    {"inputs": {"table": "s3://bucket/table.parquet"}},
    {"env": [{"name": "A", "value": "b"}]},
    {"replicas": 2},
    {"suspend": False},
    {"suspend": None},
    {"backoffLimit": 3},
)


def test_what_was_there_before_may_be_stopped_but_not_run_again(held: Kube) -> None:
    held.patch("old", activeDeadlineSeconds=60)
    held.kubectl("label", "mlr", "old", "seen=yes")
    for change in STARTING:
        with pytest.raises(Refused, match=MINDED):
            held.patch("old", **change)
    held.patch("old", stop=True)
    with pytest.raises(Refused, match=MINDED):
        held.patch("old", stop=False)


@pytest.mark.parametrize("change", [{"handler": "other"}, {"requirements": ["six"]}], ids=str)
def test_a_function_from_before_may_be_described_but_not_changed(held: Kube, change: Object) -> None:
    old = function("old", image="docker.io/elsewhere/image:1")
    assert tried(held, {**old, "spec": {**old["spec"], "description": "to be replaced"}}, *PLATFORM) == ""
    assert re.search(MINDED, tried(held, {**old, "spec": {**old["spec"], **change}}, *PLATFORM))


def test_what_is_there_and_would_be_refused_now_is_found_by_a_dry_run(held: Kube) -> None:
    found = held.kubectl("get", "mlf,mlr", "-o", "json")
    with pytest.raises(Refused) as refusal:
        held.kubectl("create", "--dry-run=server", *PLATFORM, "-f", "-", stdin=found)
    denied = [line for line in str(refusal.value).splitlines() if "denied request" in line]
    assert any('mlrunfunctions.mlrun-operator.dev "old"' in line for line in denied)
    assert any('mlrunruns.mlrun-operator.dev "old"' in line for line in denied)
    assert not any('"fine"' in line for line in denied)


def test_the_operators_own_runs_pass(held: Kube) -> None:
    child = in_run(good(image="docker.io/elsewhere/image:1")["spec"])
    operator = (f"--as=system:serviceaccount:{held.namespace}:mlrun-operator", "--as-group=system:masters")
    assert tried(held, child, *operator) == ""


def test_other_namespaces_are_left_alone(held: Kube, kube: Kube) -> None:
    assert tried(kube, function("fn", image="docker.io/elsewhere/image:1")) == ""


def test_without_values_there_are_no_policies(kube: Kube) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        rendered("policies.yaml", {}, kube)


def test_the_network_policy_of_runs_is_taken_by_the_api_server(kube: Kube) -> None:
    """That it is also enforced is the network's part, which the development cluster's does not do."""
    (policy,) = rendered("run-networkpolicy.yaml", {"runNetworkPolicy": {"namespaces": [kube.namespace]}}, kube)
    kube.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=json.dumps(policy))
    runs = {"podSelector": {"matchLabels": {"app.kubernetes.io/managed-by": "mlrun-operator"}}}
    assert policy["spec"]["podSelector"] == runs["podSelector"]
    assert policy["spec"]["ingress"] == [{"from": [runs]}]
    to_runs, to_names, elsewhere = policy["spec"]["egress"]
    assert to_runs == {"to": [runs]}
    assert {port["port"] for port in to_names["ports"]} == {53}
    assert elsewhere["to"][0]["ipBlock"] == {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}
