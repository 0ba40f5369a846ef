"""Rule `link-local`: nothing is fetched from addresses at which clouds hand out their credentials.

Checked on the very addresses that are connected to, so neither a redirect nor a name that resolves there gets by.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from mlrun_wrapper.guards import GuardError, setting

RULE: Final = "link-local"

_REFUSED: Final = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local: the metadata services of AWS, Azure, Google Cloud, OpenStack
        "fe80::/10",  # link-local
        "fd00:ec2::/32",  # AWS
        "fd20:ce::/32",  # Google Cloud
        "100.100.100.200/32",  # Alibaba Cloud
        "192.0.0.192/32",  # Oracle Cloud
        "168.63.129.16/32",  # Azure's own channel to its machines
    )
)
_NAT64: Final = ip_network("64:ff9b::/96")

# One answer of getaddrinfo.
AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


def is_refused(address: str) -> bool:
    """Whether the IP address, or the IPv4 address that it carries, is one of them."""
    ip = ip_address(address.partition("%")[0])
    return any(one in network for one in _with_carried(ip) for network in _REFUSED if one.version == network.version)


def check_host(host: str) -> None:
    """Raise GuardError for a host that is written as such an address. A name passes; it is checked when resolved."""
    try:
        refused = is_refused(host.strip("[]"))
    except ValueError:
        return
    if refused:
        raise _error(host, host)


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


def _with_carried(ip: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address, and the IPv4 addresses inside of it."""
    if isinstance(ip, IPv4Address):
        return [ip]
    carried = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64:
        carried.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return [ip, *(one for one in carried if one is not None)]


def _error(host: str, address: str) -> GuardError:
    what = host if host == address else f"{host} is at {address}: it"
    return GuardError(RULE, f"{what} is an address at which a cloud may hand out its credentials", setting("linkLocal"))
