"""How runs reach the world: limits of what is fetched, where pip looks, and the proxy in between."""

from collections.abc import Callable
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from mlrun_operator.api.base import Model

MIB: Final = 1 << 20


def _shown(variable: str) -> Callable[[str | None], str | None]:
    """Refuses credentials in a URL that every pod shows. `variable` is what a Secret may give to runs instead."""

    def check(url: str | None) -> str | None:
        if url and urlsplit(url).username is not None:
            raise ValueError(
                f"carries credentials, which every pod would show; give runs {variable} by a Secret instead"
            )
        return url or None

    return check


def _of_http(url: str | None) -> str | None:
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise ValueError("is no proxy's URL; write http://HOST:PORT")
    return url


PlainUrl = Annotated[str | None, AfterValidator(_shown("PIP_INDEX_URL"))]
ProxyUrl = Annotated[str | None, AfterValidator(_shown("HTTPS_PROXY")), AfterValidator(_of_http)]


class FetchRules(Model):
    """Limits of sources. The wrapper's refusals name the setting that would allow what was refused."""

    seconds: int = Field(600, ge=1, description="For the whole source.")
    max_mib: int = Field(512, ge=1, description="Size of a file or an archive as it is fetched.")
    max_unpacked_mib: int = Field(2048, ge=1, description="Size of the files of an archive or a repository.")
    max_files: int = Field(50_000, ge=1, description="Files of an archive or a repository.")
    max_ratio: int = Field(200, ge=1, description="How many times its size an archive may unpack to.")
    link_local: bool = Field(default=False, description="Whether link-local addresses may be asked for anything.")


class PipInfo(Model):
    """Where pip looks for packages, and how long it may take."""

    index_url: PlainUrl = Field(None, description="Index to use in the place of pip's own.")
    find_links: PlainUrl = Field(None, description="A page or folder of wheels; alone, no index is asked.")
    seconds: int = Field(900, ge=1, description="For all requirements together.")


class ProxyInfo(Model):
    """The proxy between runs and the world. What a run's own environment says of proxies goes before it."""

    http: ProxyUrl = Field(None, description="For http.")
    https: ProxyUrl = Field(None, description="For https.")
    no_proxy: str | None = Field(None, description="Hosts reached directly, besides the cluster's own names.")
