"""Rule `link-local`: nothing is fetched from addresses at which clouds hand out their credentials.

Checked on the very addresses that are connected to, so neither a redirect nor a name that resolves there gets by. Where
a proxy connects in our place, only a host that is written as an address can be checked: names are the proxy's to guard.
"""

import itertools
import re
import socket
import unicodedata
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from mlrun_wrapper.guards import GuardError, setting

RULE: Final = "link-local"

_REFUSED: Final = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local: the metadata services of AWS, Azure, Google Cloud, OpenStack
        "fe80::/10",  # link-local
        "fd00:ec2::/32",  # AWS
        "fd20:ce::/32",  # Google Cloud
        "fd00:42::42/128",  # Scaleway
        "100.100.100.200/32",  # Alibaba Cloud
        "192.0.0.192/32",  # Oracle Cloud
        "168.63.129.16/32",  # Azure's own channel to its machines
    )
)
# What ends with an IPv4 address: IPv4-compatible, mapped, translated by SIIT, and by the well-known NAT64.
_ENDING_WITH_IPV4: Final = tuple(
    ip_network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
# The NAT64 of a site (RFC 8215) divides these as it likes; where the IPv4 address is then, RFC 6052 says.
_LOCAL_NAT64: Final = ip_network("64:ff9b:1::/48")
_LOCAL_NAT64_PREFIXES: Final = (48, 56, 64)
_IPV4_BITS: Final = 0xFFFFFFFF

# The parts of an address as `inet_aton`, and the parsers that differ from it, read them.
_HEXADECIMAL: Final = re.compile(r"0[xX]([0-9a-fA-F]*)")
_OCTAL: Final = re.compile(r"0[0-7]+")
_DECIMAL: Final = re.compile(r"[0-9]{1,4000}")  # Python itself reads few more
# urllib decodes a host once, and so may the proxy.
_MOST_DECODINGS: Final = 3

# Browsers read a backslash as a slash.
_HOST_ENDS: Final = re.compile(r"[@\\]")

# One answer of getaddrinfo.
AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


def is_refused(address: str) -> bool:
    """Return whether the rule refuses the IP address, or the IPv4 address that it carries."""
    return _is_refused(ip_address(address.partition("%")[0]))


def check_host(host: str) -> None:
    """Raise GuardError for a host that is such an address in any spelling. A name passes; who resolves it checks it."""
    if any(map(_is_refused, _addresses(_plain(host)))):
        raise _error(host, host)


def check_url(url: str) -> None:
    """Raise GuardError for a URL to such an address. Where parsers take different parts for its host, each counts."""
    for part in _HOST_ENDS.split(urlsplit(url).netloc):
        check_host(urlsplit(f"//{part}").hostname or "")


def resolved(host: str, port: int, *, link_local: bool) -> Sequence[AddressInfo]:
    """What the name stands for. Raises GuardError where one address is refused, OSError where there is none."""
    found: Sequence[AddressInfo] = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    for *_, address in found:
        if not link_local and is_refused(str(address[0])):
            raise _error(host, str(address[0]))
    return found


def connect(host: str, port: int, timeout: float, *, link_local: bool) -> socket.socket:
    """A connection to the first of its addresses that answers. Raises as `resolved`, and OSError."""
    problem: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in resolved(host, port, link_local=link_local):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(timeout)
            connection.connect(address)
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    raise problem


def _is_refused(ip: IPv4Address | IPv6Address) -> bool:
    carried = [ip, *(_carried(ip) if isinstance(ip, IPv6Address) else ())]
    return any(each in network for each in carried for network in _REFUSED if each.version == network.version)


def _carried(ip: IPv6Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses inside of an IPv6 address."""
    yield from (each for each in (ip.sixtofour, *(ip.teredo or ())) if each is not None)
    local = ip in _LOCAL_NAT64
    if local or any(ip in network for network in _ENDING_WITH_IPV4):
        yield IPv4Address(int(ip) & _IPV4_BITS)
    if local:
        without_byte_8 = (int(ip) >> 64 << 56) | (int(ip) & (1 << 56) - 1)
        for prefix in _LOCAL_NAT64_PREFIXES:
            yield IPv4Address(without_byte_8 >> (120 - 32 - prefix) & _IPV4_BITS)


def _plain(host: str) -> str:
    """Return the host without brackets, zone, escapes, wide characters and the root's dot."""
    for _ in range(_MOST_DECODINGS):
        if ":" in host:
            host = host.partition("%")[0]
        host = unicodedata.normalize("NFKC", unquote(host)).replace("\u3002", ".")
    return host.strip("[]").rstrip(".")


def _addresses(host: str) -> Iterator[IPv4Address | IPv6Address]:
    """Yield the addresses that somebody may read in the host; none for a name."""
    if ":" in host:
        try:
            yield ip_address(host)
        except ValueError:
            return
    parts = host.split(".")
    if len(parts) > 4:
        return
    for *first, last in itertools.product(*map(_readings, parts)):
        number = last & (1 << 8 * (4 - len(first))) - 1
        for place, value in enumerate(first):
            number |= (value & 0xFF) << 8 * (3 - place)
        yield IPv4Address(number)


def _readings(part: str) -> set[int]:
    """Return the numbers that a part of an address may be: `010` is 8 to some and 10 to others."""
    if match := _HEXADECIMAL.fullmatch(part):
        return {int(match[1] or "0", 16)}
    if not _DECIMAL.fullmatch(part):
        return set()
    return {int(part), int(part, 8)} if _OCTAL.fullmatch(part) else {int(part)}


def _error(host: str, address: str) -> GuardError:
    what = host if host == address else f"{host} is at {address}: it"
    return GuardError(RULE, f"{what} is an address at which a cloud may hand out its credentials", setting("linkLocal"))
