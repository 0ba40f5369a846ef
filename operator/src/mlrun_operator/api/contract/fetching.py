"""How runs fetch from the network: limits for sources, the package index of pip, and the proxy."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from mlrun_operator.api.base import Model


def _without_credentials(variable: str) -> Callable[[str | None], str | None]:
    """Return a check that refuses credentials in a URL. `variable` names the alternative for the message."""

    def check(url: str | None) -> str | None:
        if url and urlsplit(url).username is not None:
            raise ValueError(
                f"carries credentials, which would be visible in every pod; give runs {variable} from a Secret instead"
            )
        return url or None

    return check


def _http_url(url: str | None) -> str | None:
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise ValueError("is not the URL of a proxy; write http://HOST:PORT")
    return url


PlainUrl = Annotated[str | None, AfterValidator(_without_credentials("PIP_INDEX_URL"))]
ProxyUrl = Annotated[str | None, AfterValidator(_without_credentials("HTTPS_PROXY")), AfterValidator(_http_url)]


class FetchRules(Model):
    """Limits for sources and inputs. When the wrapper refuses one, its message names the setting to change."""

    seconds: int = Field(600, ge=1, description="Time limit for the whole source.")
    max_mib: int = Field(512, ge=1, description="Maximum download size of a file or an archive.")
    max_unpacked_mib: int = Field(
        2048, ge=1, description="Maximum total size of the files in an archive or a repository."
    )
    max_files: int = Field(50_000, ge=1, description="Maximum number of files in an archive or a repository.")
    max_ratio: int = Field(200, ge=1, description="Maximum ratio of an archive's unpacked size to its size.")
    input_max_unpacked_mib: int = Field(
        32 * 1024, ge=1, description="Maximum total size of what the gzipped files of one input unpack to."
    )
    input_max_ratio: int = Field(
        200, ge=1, description="Maximum ratio of an input's unpacked size to its size, above 1 GiB."
    )
    link_local: bool = Field(default=False, description="Whether requests to link-local addresses are allowed.")


class PipInfo(Model):
    """The package index that pip uses, and its time limit."""

    index_url: PlainUrl = Field(None, description="Index to use instead of pip's default.")
    find_links: PlainUrl = Field(None, description="A page or directory of wheels. Without indexUrl, no index is used.")
    seconds: int = Field(900, ge=1, description="Time limit for all requirements together.")


class ProxyInfo(Model):
    """The proxy of runs. Proxy variables in a run's own environment override it."""

    http: ProxyUrl = Field(None, description="Proxy for http.")
    https: ProxyUrl = Field(None, description="Proxy for https.")
    no_proxy: str | None = Field(
        None, description="Hosts to reach without the proxy, in addition to the cluster's names."
    )
