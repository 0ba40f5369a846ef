"""Ports for the tests' own servers."""

import random
import socket

# Below the ports that the kernel gives to outgoing connections (32768 and up) and those of NodePorts (30000 and up), so
# that nothing takes a port between its choice and its use; and half as many, since seaweedfs speaks gRPC on each
# port + 10000 as well: the two ranges do not overlap.
_PORTS = range(11000, 19999)
_GRPC_OFFSET = 10000


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on, each with its gRPC port free as well."""
    ports = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if _free(port) and _free(port + _GRPC_OFFSET):
            ports.append(port)
        if len(ports) == count:
            return ports
    raise RuntimeError(f"no {count} free ports between {_PORTS.start} and {_PORTS.stop}")


def free_port() -> int:
    """One port that nobody listens on."""
    return free_ports(1)[0]


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
