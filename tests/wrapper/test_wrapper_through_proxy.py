"""One setting for the proxy and one for the company's CA reach all that a run fetches and stores."""

from collections.abc import Callable, Iterator

import pytest
from support.forwardproxy import ForwardProxy
from support.gitserver import GitServer
from support.servers import OPEN_BUCKET, Authority, HttpsServer, S3Server
from support.wheels import find_links, wheel
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.fetching import PipInfo, ProxyInfo
from mlrun_operator.api.v1alpha1.source import Source

CODE = """
import os, urllib.request
import corppkg

def handler(context, text, url: str):
    context.log_artifact("copy", body=text.get())
    return [corppkg.VERSION, urllib.request.urlopen(url).read().decode(), os.environ["no_proxy"]]
"""


@pytest.fixture
def proxy() -> Iterator[ForwardProxy]:
    made = ForwardProxy()
    yield made
    made.stop()


def test_git_pip_http_and_s3_go_by_the_proxy_in_wrapper_and_handler(  # noqa: PLR0917 - the servers of a company
    run: Callable[..., Ended],
    proxy: ForwardProxy,
    authority: Authority,
    git_server: GitServer,
    https: HttpsServer,
    s3: S3Server,
) -> None:
    def at(host: str, url: str) -> str:
        """The URL by a name that only the proxy knows."""
        return url.replace("localhost", f"{host}.corp.test").replace("127.0.0.1", f"{host}.corp.test")

    git_server.repository("one.git").commit({"pipeline.py": CODE})
    source = Source(source=at("git", git_server.source("one.git")), handler="pipeline.py")
    page = find_links(https, wheel("corppkg", "1.0"))
    root = f"s3://{OPEN_BUCKET}/by-proxy"
    ended = run(
        envelope(
            source,
            store=StoreInfo(root=root, endpoint=at("s3", s3.endpoint), anonymous=True),
            inputs={"text": at("input", https.serve("/proxied/input.txt", "hello"))},
            outputs={"copy": "copy"},
            parameters={"url": at("handler", https.serve("/proxied/handler.txt", "by the handler"))},
            requirements=["corppkg"],
            pip=PipInfo(find_links=at("wheels", page)),
            proxy=ProxyInfo(http=proxy.url, https=proxy.url, no_proxy=".intern"),
            ca_bundle=authority.pem,
        )
    )
    assert ended.reason == "Succeeded", ended.log
    direct = "localhost,127.0.0.1,::1,.svc,.cluster.local,.intern"
    assert ended.result.results["return"] == ["1.0", "by the handler", direct]
    asked = {host.removesuffix(".corp.test") for host in proxy.hosts}
    assert asked == {"git", "s3", "input", "handler", "wheels"}
