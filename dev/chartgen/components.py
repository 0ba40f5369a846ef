"""The kustomize components: what a value of the chart adds to the base, each by itself."""

from typing import Any, Final

from mlrun_operator.api.objects import Object

# Component → the values that make it. Those with lists of names of your own (images, hosts, labels) have no sensible
# default: they are rendered from the chart.
COMPONENTS: Final[dict[str, Object]] = {
    "dashboard": {"dashboard": {"enabled": True}},
    "kueue": {"kueue": {"enabled": True}},
    "network-policy-egress": {"networkPolicy": {"limitEgress": True}},
    "pod-monitor": {"metrics": {"podMonitor": {"enabled": True}}},
    "policy-env": {"policies": {"env": {"deny": ["PYTHON*", "PIP_*", "LD_*"]}}},
    "policy-functions": {"policies": {"functions": {"inRuns": False}}},
    "policy-limits": {"policies": {"limits": ["memory"]}},
    "policy-pod-template": {"policies": {"podTemplate": False}},
    "policy-sources": {"policies": {"sources": {"inline": False}}},
    "policy-volumes": {"policies": {"volumes": {"deny": ["configMap", "image"]}}},
    "prometheus-rule": {"metrics": {"prometheusRule": {"enabled": True}}},
    "run-network-policy": {"runNetworkPolicy": {"namespaces": ["default"]}},
    "service-monitor": {"metrics": {"serviceMonitor": {"enabled": True}}},
    "two-replicas": {"replicas": 2},
}


def added(base: list[Object], made: list[Object]) -> tuple[list[Object], list[Object]]:
    """The objects that the base has not, and patches of those that it has otherwise.

    Raises ValueError where something of the base is gone: a component only adds.
    """
    there = {_key(each): each for each in base}
    if gone := set(there) - {_key(each) for each in made}:
        raise ValueError(f"a component cannot take away {gone}")
    new = [each for each in made if _key(each) not in there]
    patches = [_patch(there[_key(each)], each) for each in made if there.get(_key(each), each) != each]
    return new, patches


def _key(made: Object) -> tuple[str, str, str]:
    meta = made["metadata"]
    return made["kind"], meta.get("namespace", ""), meta["name"]


def _patch(old: Object, new: Object) -> Object:
    """A strategic merge patch: what names the object, and what differs."""
    place = {name: new["metadata"][name] for name in ("name", "namespace") if name in new["metadata"]}
    return {"apiVersion": new["apiVersion"], "kind": new["kind"], "metadata": place, **_difference(old, new)}


def _difference(old: Object, new: Object) -> dict[str, Any]:
    if gone := set(old) - set(new):
        raise ValueError(f"a component cannot take away {gone}")
    found: dict[str, Any] = {}
    for name, value in new.items():
        before = old.get(name)
        if value == before:
            continue
        if isinstance(before, list):
            raise TypeError(f"a component cannot change a part of the list {name}")
        found[name] = _difference(before, value) if isinstance(before, dict) else value
    return found
