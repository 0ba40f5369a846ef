"""Rule `link-local`: no spelling of a refused address gets by, also where a proxy connects in our place."""

import http.server
import itertools
import threading
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.reasons import Reason
from mlrun_wrapper.errors import StepError, input_purpose
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.guards.addresses import check_host, check_url, is_refused
from mlrun_wrapper.http import download
from mlrun_wrapper.opener import Manners

METADATA = IPv4Address("169.254.169.254")
REFUSED = st.integers(0, 0xFFFF).map(lambda low: IPv4Address((169 << 24) + (254 << 16) + low)) | st.sampled_from(
    [IPv4Address("100.100.100.200"), IPv4Address("192.0.0.192"), IPv4Address("168.63.129.16")]
)
FORMATS = ["{}", "0{:o}", "00{:o}", "0x{:x}", "0X{:X}", "0x00{:x}", "0{}", "000{}"]
PARTS = st.lists(st.sampled_from(FORMATS), min_size=1, max_size=4)


def spelled(address: IPv4Address, formats: list[str]) -> str:
    """The address in as many parts as there are formats, the last of which holds what is left."""
    octets, count = address.packed, len(formats)
    numbers = [*octets[: count - 1], int.from_bytes(octets[count - 1 :], "big")]
    return ".".join(each.format(number) for each, number in zip(formats, numbers, strict=True))


def carriers(address: IPv4Address) -> list[IPv6Address]:
    """IPv6 addresses that lead to the IPv4 address."""
    number, high, low = int(address), int(address) >> 16, int(address) & 0xFFFF
    nat64 = int(IPv6Address("64:ff9b:1::"))
    numbers = [
        number,
        (0xFFFF << 32) + number,
        (0xFFFF << 48) + number,
        (0x2002 << 112) + (number << 80),
        int(IPv6Address("64:ff9b::")) + number,
        nat64 + number,
        nat64 + (0xABCD << 64) + number,
        nat64 + (high << 64) + (low << 40),  # the prefix has 48 bits
        nat64 + (0xAB << 72) + ((number >> 24) << 64) + ((number & 0xFFFFFF) << 32),  # 56
        nat64 + (0xABCD << 64) + (number << 24),  # 64
    ]
    return [IPv6Address(each) for each in numbers]


@given(REFUSED, PARTS)
def test_every_numeric_spelling_is_refused(address: IPv4Address, formats: list[str]) -> None:
    host = spelled(address, formats)
    escaped = f"%{ord(host[0]):x}{host[1:]}"
    for written in (host, f"{host}.", escaped, host.replace(".", "%2e"), host.replace(".", "\u3002")):
        with pytest.raises(GuardError, match="'link-local'"):
            check_host(written)


@given(REFUSED)
def test_every_ipv6_address_that_carries_one_is_refused(address: IPv4Address) -> None:
    for carrier in carriers(address):
        assert is_refused(str(carrier))
        for host in (f"[{carrier}]", carrier.exploded, f"[{carrier}%25eth0]", f"[{carrier}%25a9]"):
            with pytest.raises(GuardError):
                check_host(host)
    assert is_refused(f"::{address}")
    assert is_refused(f"::ffff:{address}")


@pytest.mark.parametrize(
    "host",
    [
        *("2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "169.16689662", "0xA9.0376.169.254"),
        *("0169.0254.0169.0254", "425.510.425.510", "7147006462", "169.254.169.254."),
        *("169%2E254%2e169%2E254", "%31%36%39.254.169.254", "169%252e254%252e169%252e254"),
        *("\uff11\uff16\uff19.254.169.254", "169\u3002254\u3002169\u3002254", "169\uff0e254\uff0e169\uff0e254"),
        *("fd00:ec2::254", "fd00:42::42", "fd20:ce::254", "[fe80::1%25eth0]", "::169.254.169.254", "::a9fe:a9fe"),
        *("64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::", "::ffff:0:a9fe:a9fe"),
    ],
)
def test_a_spelling_that_was_found_is_refused(host: str) -> None:
    with pytest.raises(GuardError, match=r"sources\.linkLocal allows it"):
        check_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "8.8.8.8", "010.8.8.8", "1", "0", "255.255.255.255", "169.253.169.254", "170.254.169.254"),
        *("::1", "fd00::1", "2001:db8::a9fe:a9fe", "64:ff9b::808:808", "fd00:42::43", ""),
        *(
            "example.org",
            "a9fea9fe",
            "0xa9fea9fe.example.org",
            "169.254.169.254.example.org",
            "1.2.3.4.5",
            "169-254-1-1",
        ),
        *("169-254-1-1", "0x", ".", "..", "1..2", "9" * 5000, "%", "[", "metadata.google.internal"),
    ],
)
def test_other_addresses_and_names_pass(host: str) -> None:
    check_host(host)


@given(st.text(max_size=40) | st.text(st.sampled_from("0123456789abcdefx.:%[]"), max_size=40))
def test_whatever_a_host_is_it_is_read_or_refused(host: str) -> None:
    try:
        check_host(host)
    except GuardError as refused:
        assert refused.rule == "link-local"  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254\\@ok.example/", "http://ok.example@169.254.169.254/", "http://a:b@2852039166:80/x"],
)
def test_a_url_that_parsers_take_apart_differently_is_refused(url: str) -> None:
    with pytest.raises(GuardError):
        check_url(url)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], list[str]]]:
    """A proxy that sends on to a target, and gives out what it would find there. It lists what it was asked for."""
    asked: list[str] = []
    target = [""]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            first = len(asked) == 1 and target[0]
            self.send_response(302 if first else 200)
            if first:
                self.send_header("Location", target[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_CONNECT(self) -> None:
            asked.append(self.path)
            self.send_error(502)

        def log_message(self, *_: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    for name, kind in itertools.product(("http_proxy", "https_proxy"), (str.lower, str.upper)):
        monkeypatch.setenv(kind(name), f"http://127.0.0.1:{server.server_address[1]}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")

    def redirecting(location: str = "") -> list[str]:
        target[0] = location
        return asked

    yield redirecting
    server.shutdown()
    server.server_close()


HOSTS = ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "169%2e254%2e169%2e254", "[::a9fe:a9fe]"]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", HOSTS)
def test_a_proxy_is_not_asked_for_such_an_address(
    host: str, scheme: str, proxy: Callable[[str], list[str]], tmp_path: Path
) -> None:
    asked = proxy("")
    with pytest.raises(StepError, match="'link-local'") as refused:
        download(f"{scheme}://{host}/latest", tmp_path / "x", input_purpose("x"), attempts=1)
    assert refused.value.reason is Reason.INVALID_RUN
    assert asked == []


@pytest.mark.parametrize("host", [*HOSTS, "169.254.169.254\\@ok.example"])
def test_a_proxy_is_not_sent_on_to_such_an_address(
    host: str, proxy: Callable[[str], list[str]], tmp_path: Path
) -> None:
    asked = proxy(f"http://{host}/latest")
    with pytest.raises(StepError, match="'link-local'"):
        download("http://data.example/x", tmp_path / "x", input_purpose("x"), attempts=1)
    assert asked == ["http://data.example/x"]


def test_a_name_is_the_proxy_s_to_guard(proxy: Callable[[str], list[str]], tmp_path: Path) -> None:
    asked = proxy("")
    download("http://metadata.google.internal/x", tmp_path / "x", input_purpose("x"), attempts=1)
    assert asked == ["http://metadata.google.internal/x"]


def test_the_setting_allows_such_an_address(proxy: Callable[[str], list[str]], tmp_path: Path) -> None:
    asked = proxy("")
    manners = Manners(link_local=True)
    download("http://2852039166/x", tmp_path / "x", input_purpose("x"), attempts=1, manners=manners)
    assert asked == ["http://2852039166/x"]
