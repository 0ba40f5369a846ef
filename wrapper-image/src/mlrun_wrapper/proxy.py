"""The platform's proxy, in the variables that every client of both processes reads: Python, boto3, git, pip, curl."""

from collections.abc import Mapping
from typing import Final

from mlrun_operator.api.contract.fetching import ProxyInfo

# What only the pod and its cluster can reach.
DIRECT: Final = ("localhost", "127.0.0.1", "::1", ".svc", ".cluster.local")


def proxied(info: ProxyInfo, env: Mapping[str, str]) -> dict[str, str]:
    """The variables, in both spellings, as clients differ in which they read; what the run itself sets stays."""
    direct = ",".join((*DIRECT, *([info.no_proxy] if info.no_proxy else [])))
    wanted = {"http_proxy": info.http, "https_proxy": info.https, "no_proxy": direct}
    return {
        spelling: value
        for name, value in wanted.items()
        if value and not (env.get(name) or env.get(name.upper()))
        for spelling in (name, name.upper())
    }
