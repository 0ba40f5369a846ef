"""The connection pool to the API server.

Credentials come from the official client's configuration: the pod's service account, or else the kube context. The
token is added to each request when it is sent, so that a rotated token is used at once. Everything else that a kube
context says of the way to its server is in `kube_context.Access`.
"""

from dataclasses import dataclass
from typing import Final

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from multidict import CIMultiDict

from mlrun_operator.cluster.kube_context import Access, access
from mlrun_operator.version import __version__

USER_AGENT: Final = f"mlrun-operator/{__version__}"


@dataclass(frozen=True, slots=True)
class Connection:
    """The URL of the API server, and the HTTP session for it."""

    server: str
    session: aiohttp.ClientSession
    client: ApiClient

    async def close(self) -> None:
        """Close the connection pool."""
        await self.client.close()


async def connect(*middlewares: aiohttp.ClientMiddlewareType) -> Connection:
    """Connect with the pod's service account or the current kube context.

    Raises kubernetes' ConfigException if there is neither.
    """
    configuration = Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
        return _open(configuration, *middlewares)
    except config.ConfigException:
        return (await connect_context(None, None, *middlewares))[0]


async def connect_context(
    context: str | None = None, kubeconfig: str | None = None, *middlewares: aiohttp.ClientMiddlewareType
) -> tuple[Connection, str, str]:
    """Connect with a kube context, by default the current one.

    Return the connection and the context's name and namespace. Raises kubernetes' ConfigException.
    """
    found = access(context, kubeconfig)
    configuration = Configuration()
    await config.load_kube_config_from_dict(found.config, client_configuration=configuration)
    return _open(configuration, *middlewares, found=found), found.context, found.namespace


def _open(
    configuration: Configuration, *middlewares: aiohttp.ClientMiddlewareType, found: Access | None = None
) -> Connection:
    named = (_server_name(found.server_name),) if found and found.server_name else ()
    configuration.client_session_kwargs = {
        "middlewares": (*middlewares, *named, _authorization(configuration)),
        "trust_env": False,
        "proxy": found.proxy if found else None,
        "headers": CIMultiDict([("User-Agent", USER_AGENT), *(found.headers if found else ())]),
    }
    configuration.connection_pool_maxsize = 0
    # Python 3.13 and later refuse certificates without an Authority Key Identifier. Some clusters have such
    # certificates and kubectl accepts them. The chain, the name and the dates are still verified.
    configuration.disable_strict_ssl_verification = True
    client = ApiClient(configuration)
    session = client.rest_client.pool_manager = client.rest_client._create_pool_manager()
    return Connection(configuration.host, session, client)


def _server_name(name: str) -> aiohttp.ClientMiddlewareType:
    async def expect(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        request.server_hostname = name
        return await send(request)

    return expect


def _authorization(configuration: Configuration) -> aiohttp.ClientMiddlewareType:
    async def add_token(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        token = (await configuration.auth_settings()).get("BearerToken")
        if token and token["value"]:
            request.headers["Authorization"] = token["value"]
        return await send(request)

    return add_token
