"""The URI of a function's code: `git+https://…#ref`, `git+ssh://…#ref`, `zip+https://…`, `zip+s3://…`, a single `.py`.

The patterns of the rules mean the same for the API server (RE2) and Python, so both refuse the same URIs with the same
messages.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal, Self
from urllib.parse import unquote, urlsplit

from mlrun_operator.api.rules import Rule

SCHEMES: Final = ("git+https", "git+ssh", "zip+https", "zip+http", "zip+s3", "https", "http", "s3")
_HOST: Final = r"([A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"

SOURCE_RULES: Final = (
    Rule(
        f"source: the scheme must be one of {', '.join(SCHEMES)}",
        must=r"^(git\+https|git\+ssh|zip\+https?|zip\+s3|https?|s3)://",
    ),
    Rule("source must not contain spaces or control characters; write a space as %20", never=r"[\x00-\x20\x7f]"),
    Rule(
        "source carries credentials: set GIT_TOKEN, or GIT_USERNAME and GIT_PASSWORD, in the run's environment instead",
        applies_to=r"^[a-z0-9+]+://[^/?#]*@",
        must=r"^git\+ssh://[^/?#:@]+@[^/?#@]+",
    ),
    Rule(
        "source: a repository has the form git+https://host[:port]/owner/repository.git#branch, tag or commit",
        applies_to=r"^git\+",
        must=rf"^git\+[a-z]+://([^/?#]*@)?{_HOST}(/[^/?#]+)+/?(#.*)?$",
    ),
    Rule(
        r"source: the text after # is not a branch, tag or commit: it cannot start with - or contain ~ ^ : ? * [ \ #",
        applies_to=r"^git\+[^#]*#",
        must=r"^[^#]*#[^-~^:?*\[\\#][^~^:?*\[\\#]*$",
    ),
    Rule(
        "source has no bucket: the form is s3://bucket/key, with zip+ before it for an archive",
        applies_to=r"^(zip\+)?s3://",
        must=r"://[^/]",
    ),
    Rule(
        "source has no object key: the form is s3://bucket/key, with zip+ before it for an archive",
        applies_to=r"^(zip\+)?s3://[^/]",
        must=r"://[^/]+/.*[^/]$",
    ),
    Rule(
        "source: a URL must have a host and a path, and nothing after #",
        applies_to=r"^(zip\+)?https?://",
        must=rf"^(zip\+)?https?://([^/?#]*@)?{_HOST}/[^#]+$",
    ),
    Rule(
        "source: a single file must end in .py; write zip+https:// or zip+s3:// for an archive, git+https:// for a "
        "repository; convert a notebook with `jupyter nbconvert --to script`",
        applies_to=r"^(https?|s3)://",
        must=r"^https?://[^?]*\.py(\?.*)?$|^s3://.*\.py$",
    ),
)


@dataclass(frozen=True, slots=True)
class SourceURI:
    """The parts of a source's URI. `url` is fetched: it has no `git+` or `zip+`, and no ref."""

    kind: Literal["git", "zip", "file"]
    url: str
    ref: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a source URI. Raises ValueError with the message of the first rule that it breaks."""
        for rule in SOURCE_RULES:
            rule.check(text)
        _check_address(text)
        url, ref = text, None
        if text.startswith("git+"):
            url, _, fragment = text.removeprefix("git+").partition("#")
            ref = fragment or None
            return cls("git", url, ref)
        if text.startswith("zip+"):
            return cls("zip", url.removeprefix("zip+"))
        return cls("file", url)

    @property
    def scheme(self) -> str:
        """Return the protocol: https, http, s3 or ssh."""
        return self.url.partition("://")[0]

    @property
    def bucket(self) -> str:
        """Return the bucket of an s3:// URL."""
        return self.url.removeprefix("s3://").partition("/")[0]

    @property
    def key(self) -> str:
        """Return the object key of an s3:// URL, without a leading slash."""
        return self.url.removeprefix("s3://").partition("/")[2]

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        path = self.key if self.scheme == "s3" else unquote(urlsplit(self.url).path)
        return PurePosixPath(path).name

    def __str__(self) -> str:
        """Return the URI for display, without the query, which may contain a signature."""
        public_url = self.url if self.scheme == "s3" else re.sub(r"\?.*", "?…", self.url)
        prefix = "" if self.kind == "file" else f"{self.kind}+"
        return f"{prefix}{public_url}{f'#{self.ref}' if self.ref else ''}"


def _check_address(text: str) -> None:
    """Refuse a host in brackets that is no IPv6 address, and a port beyond 65535, which no rule's pattern can tell."""
    if text.startswith(("s3://", "zip+s3://")):
        return
    try:
        _ = urlsplit(text).port
    except ValueError as error:
        raise ValueError(f"source: the URL has a wrong host or port: {error}") from None
