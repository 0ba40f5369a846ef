"""Kubeconfigs as kubectl reads them, up to what a real server and a real proxy see of them."""

import base64
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from kubernetes.aio.config import ConfigException
from support.forwardproxy import ForwardProxy
from support.servers import Authority

from mlrun_operator.cluster.connection import connect, connect_context
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.cluster.kube_context import access
from mlrun_operator.cluster.user_client import UserApiClient

Values = dict[str, Any]


def written(
    file: Path,
    current: str | None = None,
    clusters: dict[str, Values] | None = None,
    users: dict[str, Values] | None = None,
    contexts: dict[str, Values] | None = None,
) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": values} for name, values in (clusters or {}).items()],
        "users": [{"name": name, "user": values} for name, values in (users or {}).items()],
        "contexts": [{"name": name, "context": values} for name, values in (contexts or {}).items()],
        **({} if current is None else {"current-context": current}),
    }
    file.write_text(yaml.safe_dump(config))
    return file


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """No current context; the cluster `c` and the user `u` are in both files."""
    return written(
        tmp_path / "one",
        "",
        {"c": {"server": "https://one"}},
        {"u": {"token": "t1"}},
        {
            "good": {"cluster": "c", "user": "u", "namespace": "ns1"},
            "userless": {"cluster": "c", "user": "missing"},
            "clusterless": {"cluster": "missing", "user": "u"},
            "anonymous": {"cluster": "c"},
        },
    )


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return written(
        tmp_path / "two",
        "two",
        {"c": {"server": "https://two", "tls-server-name": "x"}, "d": {"server": "https://three"}},
        {"u": {"token": "t2", "as": "jane"}},
        {"two": {"cluster": "d", "user": "u"}, "good": {"cluster": "d", "user": "u"}},
    )


def server_of(context: str | None, *paths: Path | str) -> tuple[str, str, str]:
    """The server, the user's token and the namespace that a context stands for."""
    found = access(context, None, {"KUBECONFIG": ":".join(map(str, paths))})
    user = found.config["users"][0]["user"]
    return found.config["clusters"][0]["cluster"]["server"], user.get("token", ""), found.namespace


def test_of_several_files_the_first_that_names_something_decides_it_whole(one: Path, two: Path) -> None:
    assert server_of(None, one, two) == ("https://three", "t1", "default")
    assert server_of(None, two, one) == ("https://three", "t2", "default")
    assert server_of("good", one, two) == ("https://one", "t1", "ns1")
    assert server_of("good", two, one) == ("https://three", "t2", "default")
    # Nothing of the second file's cluster `c` is added to the first one's.
    assert access("good", f"{one}:{two}").server_name is None


def test_the_first_current_context_counts(tmp_path: Path, two: Path) -> None:
    first = written(tmp_path / "zero", "dead", {"z": {"server": "https://zero"}}, {}, {"dead": {"cluster": "z"}})
    assert server_of(None, first, two)[0] == "https://zero"
    assert server_of(None, two, first)[0] == "https://three"


def test_files_that_are_empty_or_not_there_are_passed_over(tmp_path: Path, two: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert server_of(None, "", tmp_path / "missing", empty, two, two)[0] == "https://three"


def test_a_context_is_found_where_none_is_current(one: Path) -> None:
    assert server_of("good", one) == ("https://one", "t1", "ns1")
    assert server_of("anonymous", one) == ("https://one", "", "default")


@pytest.mark.parametrize(
    ("context", "words"),
    [
        (None, "sets no current context; there are anonymous, clusterless, good, userless"),
        ("goood", "has no such context; there are anonymous, clusterless, good, userless"),
        ("userless", "the context 'userless' names the user 'missing', which is not in the kubeconfig"),
        ("clusterless", "the context 'clusterless' names the cluster 'missing', which is not in the kubeconfig"),
    ],
)
def test_a_context_that_leads_nowhere_is_told(one: Path, context: str | None, words: str) -> None:
    with pytest.raises(ConfigException) as caught:
        access(context, str(one))
    assert str(caught.value).removeprefix(f"{one} ") == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clusters: [\n}", "line 2 of FILE is not valid YAML: "),
        ("a: b: c", "line 1 of FILE is not valid YAML: "),
        ("\x00", "FILE is not valid YAML: "),
        ("[]", "FILE is no kubeconfig: it must be a YAML mapping with clusters, users and contexts"),
        ("clusters: {}\nusers: {a: b}", "FILE is no kubeconfig: users must be a list"),
        ("users: [{user: {}}]", "FILE is no kubeconfig: each of its users must have a name and a user"),
        ("users: [{name: a}, {name: a}]", "FILE has the user 'a' twice"),
    ],
)
def test_a_broken_file_is_told_in_one_sentence(tmp_path: Path, two: Path, text: str, words: str) -> None:
    broken = tmp_path / "broken"
    broken.write_text(text)
    with pytest.raises(ConfigException) as caught:
        access(None, f"{two}:{broken}")
    assert str(caught.value).startswith(words.replace("FILE", str(broken)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("cluster", "user", "words"),
    [
        ({}, {}, "has no server"),
        (
            {"server": "https://c", "insecure-skip-tls-verify": True, "certificate-authority": "ca"},
            {},
            "has both a certificate authority and insecure-skip-tls-verify",
        ),
        ({"server": "https://c", "proxy-url": "socks5://p:1"}, {}, "the proxy socks5://p:1 cannot be used"),
        ({"server": "https://c"}, {"as-groups": ["a"]}, "without `as`"),
        ({"server": "https://c"}, {"tokenFile": "missing"}, "the token file"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, cluster: Values, user: Values, words: str) -> None:
    file = written(tmp_path / "config", "x", {"c": cluster}, {"u": user}, {"x": {"cluster": "c", "user": "u"}})
    with pytest.raises(ConfigException, match=words):
        access(None, str(file))


@pytest.mark.parametrize(
    ("cluster", "server"),
    [
        ({"server": "c:6443"}, "http://c:6443"),
        ({"server": "c:6443", "insecure-skip-tls-verify": True}, "https://c:6443"),
        ({"server": "10.0.0.1", "certificate-authority-data": "eA=="}, "https://10.0.0.1"),
    ],
)
def test_a_server_without_a_scheme_has_the_one_of_kubectl(tmp_path: Path, cluster: Values, server: str) -> None:
    file = written(tmp_path / "config", "x", {"c": cluster}, {}, {"x": {"cluster": "c"}})
    assert access(None, str(file)).config["clusters"][0]["cluster"]["server"] == server


def test_a_plugin_by_a_relative_path_is_beside_its_file(tmp_path: Path) -> None:
    users = {"beside": {"exec": {"command": "./login"}}, "in-path": {"exec": {"command": "login"}}}
    contexts = {name: {"cluster": "c", "user": name} for name in users}
    file = written(tmp_path / "config", "beside", {"c": {"server": "https://c"}}, users, contexts)
    commands = [access(name, str(file)).config["users"][0]["user"]["exec"]["command"] for name in users]
    assert commands == [str(tmp_path / "login"), "login"]


class TlsServer:
    """An API server with a certificate of the authority, that notes the headers of each request."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self.authority = authority
        self.ca = folder / "ca.crt"
        self.ca.write_text(authority.pem)
        self.port = 0
        self.requests: list[web.BaseRequest] = []
        # The names that clients asked for in their TLS handshakes.
        self.names: list[str | None] = []

    async def answer(self, request: web.BaseRequest) -> web.Response:
        self.requests.append(request)
        return web.json_response({"who": "served"})

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.authority.certificate)
        context.sni_callback = lambda _, name, __: self.names.append(name)
        return context


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[TlsServer]:
    served = TlsServer(Authority(tmp_path), tmp_path)
    runner = web.ServerRunner(web.Server(served.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=served.context())
    await site.start()
    served.port = runner.addresses[0][1]
    yield served
    await runner.cleanup()


@pytest.fixture
def proxy() -> Iterator[ForwardProxy]:
    started = ForwardProxy()
    yield started
    started.stop()


async def asked(tmp_path: Path, cluster: Values, user: Values | None = None) -> None:
    """One request by a kubeconfig of this cluster and user."""
    file = written(tmp_path / "config", "x", {"c": cluster}, {"u": user or {}}, {"x": {"cluster": "c", "user": "u"}})
    connection, _, _ = await connect_context(None, str(file))
    try:
        assert await UserApiClient(connection).read_path("/version") == {"who": "served"}
    finally:
        await connection.close()


async def test_the_servers_certificate_is_checked_by_the_files_authority(tmp_path: Path, server: TlsServer) -> None:
    url = f"https://127.0.0.1:{server.port}"
    await asked(tmp_path, {"server": url, "certificate-authority": "ca.crt"})
    data = base64.b64encode(server.ca.read_bytes()).decode()
    await asked(tmp_path, {"server": url, "certificate-authority-data": data, "certificate-authority": "missing"})
    with pytest.raises(ApiError, match="CERTIFICATE_VERIFY_FAILED"):
        await asked(tmp_path, {"server": url})
    await asked(tmp_path, {"server": url, "insecure-skip-tls-verify": True})
    assert len(server.requests) == 3


async def test_the_certificate_may_have_another_name(tmp_path: Path, server: TlsServer) -> None:
    cluster = {"server": f"https://127.0.0.1:{server.port}", "certificate-authority": "ca.crt"}
    await asked(tmp_path, {**cluster, "tls-server-name": "api.corp.test"})
    assert server.names == ["api.corp.test"]
    with pytest.raises(ApiError, match="elsewhere"):
        await asked(tmp_path, {**cluster, "tls-server-name": "api.elsewhere"})


@pytest.mark.parametrize(
    ("user", "headers"),
    [
        ({}, []),
        ({"token": "t"}, [("Authorization", "Bearer t")]),
        ({"tokenFile": "token"}, [("Authorization", "Bearer of-file")]),
        ({"username": "me", "password": "pw"}, [("Authorization", "Basic bWU6cHc=")]),
        (
            {"token": "t", "as": "jane", "as-uid": "7", "as-groups": ["a", "b"]},
            [
                ("Authorization", "Bearer t"),
                ("Impersonate-User", "jane"),
                ("Impersonate-Uid", "7"),
                ("Impersonate-Group", "a"),
                ("Impersonate-Group", "b"),
            ],
        ),
        (
            {"as": "jane", "as-user-extra": {"example.org/why": ["1", "2"], "a%b": ["3"]}},
            [
                ("Impersonate-User", "jane"),
                ("Impersonate-Extra-example.org%2Fwhy", "1"),
                ("Impersonate-Extra-example.org%2Fwhy", "2"),
                ("Impersonate-Extra-a%25b", "3"),
            ],
        ),
    ],
    ids=["nobody", "token", "token-file", "password", "another", "with-extra"],
)
async def test_who_asks_is_in_the_headers(
    tmp_path: Path, server: TlsServer, user: Values, headers: list[tuple[str, str]]
) -> None:
    (tmp_path / "token").write_text("of-file\n")
    await asked(tmp_path, {"server": f"https://127.0.0.1:{server.port}", "certificate-authority": "ca.crt"}, user)
    sent = [(name, value) for name, value in server.requests[0].headers.items() if name.startswith(("Auth", "Imp"))]
    assert sorted(sent) == sorted(headers)


@pytest.mark.parametrize(("is_off", "accepted"), [(False, "gzip, deflate"), (True, "identity")])
async def test_compression_can_be_switched_off(
    tmp_path: Path, server: TlsServer, accepted: str, *, is_off: bool
) -> None:
    cluster = {"server": f"https://127.0.0.1:{server.port}", "insecure-skip-tls-verify": True}
    await asked(tmp_path, {**cluster, "disable-compression": is_off})
    assert server.requests[0].headers["Accept-Encoding"].startswith(accepted)


async def test_a_server_that_only_the_files_proxy_knows_is_reached(
    tmp_path: Path, server: TlsServer, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")  # is of the environment's proxy only
    cluster = {"server": f"https://api.corp.test:{server.port}", "certificate-authority": "ca.crt"}
    await asked(tmp_path, {**cluster, "proxy-url": proxy.url.replace("//", "//me:pw@")}, {"token": "t", "as": "jane"})
    assert proxy.hosts == ["api.corp.test"]
    assert server.requests[0].headers["Impersonate-User"] == "jane"
    await asked(tmp_path, {**cluster, "proxy-url": proxy.url, "tls-server-name": "localhost"})
    assert server.names == ["api.corp.test", "localhost"]


async def test_the_environments_proxy_is_used_but_for_its_exceptions(
    tmp_path: Path, server: TlsServer, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    cluster = {"server": f"https://api.corp.test:{server.port}", "certificate-authority": "ca.crt"}
    await asked(tmp_path, cluster)
    await asked(tmp_path, {**cluster, "server": f"https://127.0.0.1:{server.port}"})
    assert proxy.hosts == ["api.corp.test"]
    monkeypatch.setenv("NO_PROXY", ".corp.test")
    with pytest.raises(ApiError, match="Cannot connect"):
        await asked(tmp_path, cluster)


async def test_a_pod_without_an_account_takes_the_kubeconfig(
    tmp_path: Path, server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the operator does outside of a cluster."""
    cluster = {"server": f"https://127.0.0.1:{server.port}", "insecure-skip-tls-verify": True}
    first = written(tmp_path / "first", "x", {"c": cluster}, {}, {"x": {"cluster": "c"}})
    other = written(tmp_path / "other", "y", {"d": {"server": "https://127.0.0.1:1"}}, {}, {"y": {"cluster": "d"}})
    monkeypatch.setenv("KUBECONFIG", f"{first}:{other}")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    connection = await connect()
    try:
        assert connection.server == cluster["server"]
    finally:
        await connection.close()
