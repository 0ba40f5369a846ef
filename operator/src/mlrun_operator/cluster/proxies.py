"""The HTTP proxy between this machine and an API server, as kubectl finds it in the environment."""

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from kubernetes.aio.config import ConfigException

_PORTS: Final = {"http": 80, "https": 443}


def proxy_of_environment(server: str, environment: Mapping[str, str]) -> str | None:
    """Return what HTTPS_PROXY (for an http server HTTP_PROXY) names, unless NO_PROXY has the server; None for none.

    This machine itself is never asked by way of a proxy.

    >>> corporate = {"HTTPS_PROXY": "proxy:3128", "NO_PROXY": "10.0.0.0/8, .corp"}
    >>> proxy_of_environment("https://api.example", corporate)
    'http://proxy:3128'
    >>> proxy_of_environment("https://10.1.2.3:6443", corporate), proxy_of_environment("https://api.corp", corporate)
    (None, None)
    """
    url = urlsplit(server)
    proxy = _either_case(f"{url.scheme}_proxy", environment)
    host, port = (url.hostname or "").rstrip("."), url.port or _PORTS.get(url.scheme, 0)
    if not proxy or _is_here(host) or _is_excepted(host, port, _either_case("no_proxy", environment)):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def usable_proxy(proxy: str) -> str:
    """Return the proxy's URL. Raises kubernetes' ConfigException for one that this program cannot use."""
    if urlsplit(proxy).scheme not in _PORTS or not urlsplit(proxy).hostname:
        shown = proxy.rpartition("@")[2]
        raise ConfigException(f"the proxy {shown} cannot be used: proxies of http:// and https:// can")
    return proxy


def _either_case(name: str, environment: Mapping[str, str]) -> str:
    return environment.get(name.upper()) or environment.get(name.lower()) or ""


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_here(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    return any(_excepts(text.strip().lower(), host, port) for text in exceptions.split(","))


def _excepts(exception: str, host: str, port: int) -> bool:
    """Whether an item of NO_PROXY means the host: an address, a range, or a domain with all below it."""
    if exception == "*":
        return True
    address = _address(host)
    if "/" in exception:
        return address is not None and _is_in(exception, address)
    name, only_port = _apart(exception)
    if not name or only_port not in ("", str(port)):
        return False
    if (excepted := _address(name)) is not None:
        return excepted == address
    suffix = name.removeprefix("*")
    return host.endswith(suffix) if suffix.startswith(".") else host == suffix or host.endswith(f".{suffix}")


def _is_in(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _apart(exception: str) -> tuple[str, str]:
    """Host and port, which is empty where there is none.

    >>> _apart("[fd00::1]:443"), _apart("fd00::1"), _apart("corp:80"), _apart(".corp")
    (('fd00::1', '443'), ('fd00::1', ''), ('corp', '80'), ('.corp', ''))
    """
    host, colon, port = exception.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return exception.strip("[]"), ""
    return host.strip("[]"), port
