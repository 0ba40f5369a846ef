"""Where a function's code is: `git+https://…#ref`, `git+ssh://…#ref`, `zip+https://…`, `zip+s3://…`, a single `.py`.

The rules are patterns that the API server (RE2) and Python read alike, so both refuse the same URIs in the same words.
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
    Rule("source must hold no blanks; in a URL a blank is %20", never=r"[\x00-\x20\x7f]"),
    Rule(
        "source carries credentials: give GIT_TOKEN, or GIT_USERNAME and GIT_PASSWORD, by the run's environment",
        where=r"^[a-z0-9+]+://[^/?#]*@",
        must=r"^git\+ssh://[^/?#:@]+@[^/?#@]+",
    ),
    Rule(
        "source: a repository has the form git+https://host[:port]/owner/repository.git#branch, tag or commit",
        where=r"^git\+",
        must=rf"^git\+[a-z]+://([^/?#]*@)?{_HOST}(/[^/?#]+)+/?(#.*)?$",
    ),
    Rule(
        r"source: what follows # is no branch, tag or commit: it must not start with - nor hold any of ~ ^ : ? * [ \ #",
        where=r"^git\+[^#]*#",
        must=r"^[^#]*#[^-~^:?*\[\\#][^~^:?*\[\\#]*$",
    ),
    Rule(
        "source names no bucket: the form is s3://bucket/key, with zip+ before it for an archive",
        where=r"^(zip\+)?s3://",
        must=r"://[^/]",
    ),
    Rule(
        "source names no object in the bucket: the form is s3://bucket/key, with zip+ before it for an archive",
        where=r"^(zip\+)?s3://[^/]",
        must=r"://[^/]+/.*[^/]$",
    ),
    Rule(
        "source: a URL has a host and a path and nothing after #",
        where=r"^(zip\+)?https?://",
        must=rf"^(zip\+)?https?://([^/?#]*@)?{_HOST}/[^#]+$",
    ),
    Rule(
        "source: a single file must end in .py; an archive is zip+https:// or zip+s3://, a repository git+https://; "
        "a notebook becomes a .py by `jupyter nbconvert --to script`",
        where=r"^(https?|s3)://",
        must=r"^https?://[^?]*\.py(\?.*)?$|^s3://.*\.py$",
    ),
)


@dataclass(frozen=True, slots=True)
class SourceURI:
    """A source's URI, taken apart. `url` is what is fetched: without `git+` or `zip+` and without the ref."""

    kind: Literal["git", "zip", "file"]
    url: str
    ref: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The URI in `text`. Raises ValueError with the words of the first rule that it breaks."""
        for rule in SOURCE_RULES:
            rule.check(text)
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
        """How it is fetched: https, http, s3 or ssh."""
        return self.url.partition("://")[0]

    @property
    def bucket(self) -> str:
        """Of an s3:// URL."""
        return self.url.removeprefix("s3://").partition("/")[0]

    @property
    def key(self) -> str:
        """Of an s3:// URL: the object's key, without a slash before it."""
        return self.url.removeprefix("s3://").partition("/")[2]

    @property
    def name(self) -> str:
        """The last part of the path."""
        path = self.key if self.scheme == "s3" else unquote(urlsplit(self.url).path)
        return PurePosixPath(path).name

    def __str__(self) -> str:
        """As it may be shown: without the query, which may hold a signature."""
        shown = self.url if self.scheme == "s3" else re.sub(r"\?.*", "?…", self.url)
        prefix = "" if self.kind == "file" else f"{self.kind}+"
        return f"{prefix}{shown}{f'#{self.ref}' if self.ref else ''}"
