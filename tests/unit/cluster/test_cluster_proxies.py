"""The proxy between this machine and an API server: the environment as kubectl reads it."""

import pytest
from kubernetes.aio.config import ConfigException

from mlrun_operator.cluster.proxies import proxy_of_environment, usable_proxy

PROXY = "http://proxy.corp:3128"


@pytest.mark.parametrize(
    ("environment", "server", "expected"),
    [
        ({}, "https://api.example", None),
        ({"HTTPS_PROXY": PROXY}, "https://api.example:6443", PROXY),
        ({"https_proxy": PROXY}, "https://api.example", PROXY),
        ({"HTTPS_PROXY": "", "https_proxy": PROXY}, "https://api.example", PROXY),
        ({"HTTPS_PROXY": "proxy.corp:3128"}, "https://api.example", PROXY),
        ({"HTTP_PROXY": PROXY}, "https://api.example", None),
        ({"HTTP_PROXY": PROXY}, "http://api.example", PROXY),
        ({"ALL_PROXY": PROXY}, "https://api.example", None),
        ({"HTTPS_PROXY": PROXY}, "https://localhost:6443", None),
        ({"HTTPS_PROXY": PROXY}, "https://127.0.0.1:6443", None),
        ({"HTTPS_PROXY": PROXY}, "https://[::1]:6443", None),
    ],
)
def test_the_variable_of_the_servers_scheme_names_the_proxy(
    environment: dict[str, str], server: str, expected: str | None
) -> None:
    assert proxy_of_environment(server, environment) == expected


@pytest.mark.parametrize(
    ("no_proxy", "server", "is_asked"),
    [
        ("*", "https://api.example", False),
        ("example", "https://api.example", False),
        ("api.example", "https://api.example", False),
        ("pi.example", "https://api.example", True),
        (".example", "https://api.example", False),
        (".api.example", "https://api.example", True),
        ("*.example", "https://api.example", False),
        ("*.api.example", "https://api.example", True),
        ("other, API.example", "https://api.EXAMPLE", False),
        ("api.example:443", "https://api.example", False),
        ("api.example:6443", "https://api.example", True),
        ("10.0.0.0/8", "https://10.96.0.1", False),
        ("10.0.0.0/8", "https://11.0.0.1", True),
        ("10.0.0.0/8", "https://api.example", True),
        ("10.96.0.1", "https://10.96.0.1:6443", False),
        ("10.96.0.1:6443", "https://10.96.0.1:6443", False),
        ("10.96.0.1:443", "https://10.96.0.1:6443", True),
        ("fd00::/8", "https://[fd00::1]:6443", False),
        ("fd00::1", "https://[fd00::1]:6443", False),
        ("[fd00::1]:6443", "https://[fd00::1]:6443", False),
        ("no/range, ,:80", "https://api.example", True),
    ],
)
def test_no_proxy_takes_hosts_domains_ranges_and_ports(no_proxy: str, server: str, *, is_asked: bool) -> None:
    found = proxy_of_environment(server, {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy})
    assert found == (PROXY if is_asked else None)


@pytest.mark.parametrize("proxy", ["socks5://me:secret@proxy.corp:1080", "ftp://proxy.corp", "http://"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(proxy: str) -> None:
    with pytest.raises(ConfigException, match="cannot be used") as caught:
        usable_proxy(proxy)
    assert "secret" not in str(caught.value)
