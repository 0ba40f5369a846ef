"""Host aliases and groups: schema, model and renderer take and refuse the same, whatever the platform allows."""

import re
from ipaddress import ip_address
from typing import Any, Final

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrun_operator.api import bounds
from mlrun_operator.api.contract.fetching import PipInfo, ProxyInfo
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.api.words import in_words
from mlrun_operator.render.envelope import PinnedFunction
from mlrun_operator.render.job import build_job
from mlrun_operator.schema.crds import run_crd

Object = dict[str, Any]
_SPEC: Final[Object] = run_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
_QUIET: Final = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
_LABELS: Final = st.text("ab0-", min_size=1, max_size=4)
_NAMES: Final = st.one_of(
    st.lists(_LABELS, min_size=1, max_size=4).map(".".join),
    st.text("aZ0.-_:% \n\r\t\x00éß\u212a\uff53", max_size=8),
    st.sampled_from(["a" * 63 + ".b", "a." * 127, "a." * 126 + "a", "localhost", "::1", "10.0.0.1", "*", "a\n", "A"]),
)
_ADDRESSES: Final = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded.upper()),
    st.ip_addresses(v=6).map(lambda address: f"{address}%eth0"),
    st.ip_addresses(v=4).map(lambda address: f"::ffff:{address}"),
    st.text("0123456789abcdef:.%/\n ", max_size=46),
    st.sampled_from(["", "01.2.3.4", "1.2.3", "1.2.3.4\n", "0x7f000001", "localhost", "\uff11.2.3.4", "[::1]"]),
)
_OTHERS: Final = st.sampled_from([None, True, 0, 1.5, "", "x", [], {}, [None], {"ip": 1}, {"a": "b"}])
_ALIASES: Final = st.one_of(
    st.lists(
        st.fixed_dictionaries({"ip": _ADDRESSES, "hostnames": st.lists(_NAMES, max_size=3)}),
        min_size=1,
        max_size=3,
    ),
    st.lists(_OTHERS, min_size=1, max_size=2),
    st.lists(st.fixed_dictionaries({}, optional={"ip": _ADDRESSES | _OTHERS, "hostnames": _OTHERS}), min_size=1),
)
_GROUPS: Final = st.one_of(
    st.integers(),
    st.sampled_from([-1, 0, 1, bounds.GROUP.limit, bounds.GROUP.limit + 1, 2**63, 1.0, 7.0, 7.5, -0.0, 1e300]),
    _OTHERS.filter(lambda value: value is not None),
    st.text("0123456789", min_size=1, max_size=3),
)


def is_taken(field: str, value: Any) -> bool:
    """Return whether the API server takes the field, by the CRD's schema."""
    return jsonschema.Draft7Validator(_as_re2(_SPEC["properties"][field])).is_valid(value)


def _as_re2(node: Any) -> Any:
    """Return the schema with patterns that end where those of Go do: not before a newline."""
    if isinstance(node, list):
        return [_as_re2(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: re.sub(r"\$$", r"\\Z", value) if key == "pattern" else _as_re2(value)
        for key, value in node.items()
        if key != "description"
    }


def is_valid(field: str, value: Any) -> bool:
    """Return whether the model takes the field."""
    try:
        RunOptions.model_validate({field: value})
    except ValueError:
        return False
    return True


def outcome_of(options: Object, platform: Platform, function: Object) -> Object | str:
    """Return the Job's pod, or what the run would be told."""
    run = {
        "metadata": {"name": "r", "namespace": "team", "uid": "u-1", "generation": 1},
        "spec": {"functionRef": {"name": "my-function"}, **options},
    }
    try:
        job = build_job(run, RunSpec.model_validate(run["spec"]), PinnedFunction.of_object(function), 1, platform)
    except ValueError as error:
        return in_words(error)
    return dict(job["spec"]["template"]["spec"])


def is_address(text: Any) -> bool:
    """Return whether Kubernetes takes the address of an alias."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


@settings(max_examples=1000, deadline=None, suppress_health_check=_QUIET)
@given(aliases=_ALIASES)
def test_schema_and_model_take_the_same_aliases(aliases: Any) -> None:
    """The schema says nothing of addresses: those are told by the run."""
    addresses = [alias["ip"] for alias in aliases] if is_taken("hostAliases", aliases) else [""]
    assert is_valid("hostAliases", aliases) == all(map(is_address, addresses))


@settings(max_examples=500, deadline=None, suppress_health_check=_QUIET)
@given(aliases=_ALIASES, is_allowed=st.booleans())
def test_aliases_are_rendered_as_they_are_or_told(
    aliases: Any, is_allowed: bool, platform: Platform, function: Object
) -> None:
    platform = platform.model_copy(update={"host_aliases": is_allowed})
    outcome = outcome_of({"hostAliases": aliases}, platform, function)
    if is_allowed and is_valid("hostAliases", aliases) and "s3" not in str(aliases):
        assert isinstance(outcome, dict)
        assert outcome["hostAliases"] == aliases
    elif isinstance(outcome, str):
        assert "hostAliases" in outcome
    else:
        assert is_allowed


@settings(max_examples=1000, deadline=None, suppress_health_check=_QUIET)
@given(group=_GROUPS)
def test_schema_and_model_take_the_same_groups(group: Any) -> None:
    """The model took "7" and true, which the API server refuses."""
    assert is_valid("fsGroup", group) == is_taken("fsGroup", group)


@settings(max_examples=300, deadline=None, suppress_health_check=_QUIET)
@given(group=_GROUPS, low=st.integers(1, 2**31 - 1), high=st.integers(1, 2**31 - 1))
def test_a_group_is_rendered_within_the_platforms_bounds(
    group: Any, low: int, high: int, platform: Platform, function: Object
) -> None:
    platform = platform.model_copy(update={"min_fs_group": low, "max_fs_group": high})
    outcome = outcome_of({"fsGroup": group}, platform, function)
    if is_taken("fsGroup", group) and low <= group <= high:
        assert isinstance(outcome, dict)
        assert outcome["securityContext"]["fsGroup"] == group
        assert outcome["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    else:
        assert isinstance(outcome, str)
        assert "fsGroup" in outcome


# The ways in which a name can be written that is looked up as the same.
_SPELLINGS: Final = {
    "as it is": lambda host: host,
    "large": str.upper,
    "mixed": str.title,
    "with a dot": lambda host: f"{host}.",
    "with dots": lambda host: f"{host.title()}..",
    "wide": lambda host: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in host),
}
_PLACES: Final = {
    "store": lambda url: {"store": Platform().store.model_copy(update={"endpoint": url})},
    "proxy": lambda url: {"proxy": ProxyInfo(http=url)},
    "secure proxy": lambda url: {"proxy": ProxyInfo(https=url)},
    "index": lambda url: {"pip": PipInfo(index_url=url)},
    "wheels": lambda url: {"pip": PipInfo(find_links=url)},
}
_HOSTS: Final = st.from_regex(r"\A[a-z]([a-z0-9-]{0,6}[a-z0-9])?(\.[a-z]([a-z0-9-]{0,6}[a-z0-9])?){0,3}\Z")


@settings(max_examples=600, deadline=None, suppress_health_check=_QUIET)
@given(
    host=_HOSTS,
    spellings=st.tuples(st.sampled_from(sorted(_SPELLINGS)), st.sampled_from(sorted(_SPELLINGS))),
    place=st.tuples(
        st.sampled_from(sorted(_PLACES)), st.sampled_from(["http://{}", "https://{}:9000/a/b?c=d", "HTTP://{}/"])
    ),
)
def test_no_spelling_of_a_platforms_host_is_an_alias(
    host: str, spellings: tuple[str, str], place: tuple[str, str], platform: Platform, function: Object
) -> None:
    """The store's keys would go to the address that the run names. A dot at the end of the setting let it pass."""
    setting, name = (_SPELLINGS[spelling](host) for spelling in spellings)
    option, url = place
    platform = platform.model_copy(update=_PLACES[option](url.format(setting)))
    outcome = outcome_of({"hostAliases": [{"ip": "203.0.113.7", "hostnames": ["other", name]}]}, platform, function)
    assert isinstance(outcome, str)
    assert "hostAliases" in outcome


@pytest.mark.parametrize(
    ("setting", "alias"),
    [
        ("http://S3.Example.org.:9000", "s3.example.org"),
        ("http://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example.org", "xn--bcher-kva.example.org"),
        ("s3.example.org:9000", "s3.example.org"),
        ("http://10.0.0.7:9000", "10.0.0.7"),
        ("http://user@s3.example.org", "s3.example.org"),
    ],
)
def test_a_host_is_compared_as_it_is_looked_up(setting: str, alias: str, platform: Platform, function: Object) -> None:
    platform = platform.model_copy(update=_PLACES["store"](setting))
    outcome = outcome_of({"hostAliases": [{"ip": "203.0.113.7", "hostnames": [alias]}]}, platform, function)
    assert outcome == f"hostAliases: {alias} is a host of the platform's settings; remove it"


def test_a_host_of_ipv6_is_no_name(platform: Platform, function: Object) -> None:
    """No alias can be written for it, and it keeps no other from being taken."""
    platform = platform.model_copy(update=_PLACES["store"]("http://[fd00::1]:9000"))
    refused = outcome_of({"hostAliases": [{"ip": "::1", "hostnames": ["fd00::1"]}]}, platform, function)
    assert "hostnames" in str(refused)
    assert isinstance(outcome_of({"hostAliases": [{"ip": "::1", "hostnames": ["a"]}]}, platform, function), dict)
