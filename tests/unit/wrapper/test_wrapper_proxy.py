"""The platform's proxy is in the variables that clients read, and never in the way of the run's own."""

from mlrun_operator.api.contract.fetching import ProxyInfo
from mlrun_wrapper.proxy import proxied

PROXY = "http://proxy.example.org:3128"
DIRECT = "localhost,127.0.0.1,::1,.svc,.cluster.local"


def test_both_spellings_are_set_and_the_cluster_is_reached_directly() -> None:
    assert proxied(ProxyInfo(http=PROXY, https=PROXY, no_proxy=".corp,10.1.2.3"), {}) == {
        "http_proxy": PROXY,
        "HTTP_PROXY": PROXY,
        "https_proxy": PROXY,
        "HTTPS_PROXY": PROXY,
        "no_proxy": f"{DIRECT},.corp,10.1.2.3",
        "NO_PROXY": f"{DIRECT},.corp,10.1.2.3",
    }


def test_what_the_run_sets_itself_stays_in_whichever_spelling() -> None:
    own = {"HTTPS_PROXY": "http://mine:1", "no_proxy": "*"}
    assert proxied(ProxyInfo(http=PROXY, https=PROXY), own) == {"http_proxy": PROXY, "HTTP_PROXY": PROXY}


def test_a_proxy_of_https_alone_says_nothing_of_http() -> None:
    assert set(proxied(ProxyInfo(https=PROXY), {})) == {"https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"}
