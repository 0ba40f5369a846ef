"""The `source` of a function: the location of its code."""

import base64
import binascii
from typing import Final, Self

from pydantic import Field, field_validator, model_validator
from pydantic.config import JsonDict

from mlrun_operator.api import bounds
from mlrun_operator.api.base import Model, StartsNothing
from mlrun_operator.api.cel import cel
from mlrun_operator.api.rules import checked, validations
from mlrun_operator.api.values.handlers import FILE_NAME_RULES, FILE_RULES
from mlrun_operator.api.values.source_uri import SOURCE_RULES, SourceURI

MAX_INLINE_BYTES: Final = bounds.INLINE_CODE.limit
TOO_LARGE: Final = "inline code is limited to 128 KiB of UTF-8; put it at an https:// URL and set source.source"
ONE_SOURCE: Final = "set exactly one of source, code and base64"
FILE_WITHOUT_ARCHIVE: Final = (
    "source.handler is the path of a file inside a repository or archive: it needs a source that starts with git+ or "
    "zip+; set the function to call in handler, beside source"
)
FILE_NAME_WITHOUT_CODE: Final = (
    "source.fileName is the name of inline code: set it with code or base64; a file at a URI keeps its own name"
)


def _object_rules(*rules: tuple[str, str]) -> JsonDict:
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}


class Source(Model):
    """The location of the code: exactly one of `source` (a URI), `code` and `base64`."""

    model_config = {
        "json_schema_extra": _object_rules(
            ("[has(self.source), has(self.code), has(self.base64)].exists_one(x, x)", ONE_SOURCE),
            (r"!has(self.handler) || (has(self.source) && self.source.matches(r'^(git|zip)\+'))", FILE_WITHOUT_ARCHIVE),
            ("!has(self.fileName) || !has(self.source)", FILE_NAME_WITHOUT_CODE),
        )
    }

    source: str | None = Field(
        None,
        min_length=1,
        max_length=2048,
        description="URI of the code: a repository (git+https, git+ssh, with #branch, tag or commit), a zip archive "
        "(zip+https, zip+http, zip+s3) or one .py file (https, http, s3).",
        json_schema_extra=validations(SOURCE_RULES),
    )
    handler: str | None = Field(
        None,
        min_length=4,
        max_length=512,
        description="Path of the file inside the repository or archive. Default: the module that the function's "
        "handler names, or else the only .py file at the root.",
        json_schema_extra=validations(FILE_RULES),
    )
    code: str | None = Field(
        None,
        min_length=1,
        max_length=1_000_000,
        description="Python code, at most 128 KiB of UTF-8.",
        json_schema_extra=cel(f"size(bytes(self)) <= {MAX_INLINE_BYTES}", TOO_LARGE),
    )
    base64: str | None = Field(
        None,
        min_length=4,
        max_length=1_000_000,
        pattern=r"^[A-Za-z0-9+/\r\n]+={0,2}[\r\n]*$",
        description="Python code in standard base64, at most 128 KiB when decoded.",
        json_schema_extra=cel(f"size(self) <= {MAX_INLINE_BYTES * 11 // 8}", TOO_LARGE),
    )
    file_name: StartsNothing[str | None] = Field(
        None,
        min_length=4,
        max_length=255,
        description="Name of the .py file that the inline code is from. Messages, tracebacks and __file__ have it.",
        json_schema_extra=validations(FILE_NAME_RULES),
    )
    lang: StartsNothing[str | None] = Field(
        None,
        max_length=32,
        description="Language of the code, for highlighting: python.",
        json_schema_extra=cel("self == 'python'", "lang: only python is supported"),
    )

    @property
    def uri(self) -> SourceURI | None:
        """Return the parts of the URI; None for inline code."""
        return SourceURI.parse(self.source) if self.source is not None else None

    def inline(self) -> bytes:
        """Return the inline code; empty if the source is a URI."""
        if self.base64 is not None:
            return base64.b64decode("".join(self.base64.split()))
        return (self.code or "").encode()

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(v is not None for v in (self.source, self.code, self.base64)) != 1:
            raise ValueError(ONE_SOURCE)
        if self.handler is not None and (self.uri is None or self.uri.kind == "file"):
            raise ValueError(FILE_WITHOUT_ARCHIVE)
        if self.file_name is not None and self.source is not None:
            raise ValueError(FILE_NAME_WITHOUT_CODE)
        return self

    @field_validator("source")
    @classmethod
    def _is_a_uri(cls, text: str | None) -> str | None:
        if text is not None:
            SourceURI.parse(text)
        return text

    @field_validator("handler")
    @classmethod
    def _is_a_path(cls, text: str | None) -> str | None:
        return checked(text, FILE_RULES)

    @field_validator("file_name")
    @classmethod
    def _is_a_file_name(cls, text: str | None) -> str | None:
        return checked(text, FILE_NAME_RULES)

    @field_validator("code")
    @classmethod
    def _code_size(cls, code: str | None) -> str | None:
        if code is not None and len(code.encode()) > MAX_INLINE_BYTES:
            raise ValueError(TOO_LARGE)
        return code

    @field_validator("base64")
    @classmethod
    def _base64_decodes(cls, text: str | None) -> str | None:
        if text is None:
            return None
        try:
            size = len(base64.b64decode("".join(text.split()), validate=True))
        except binascii.Error as error:
            raise ValueError(f"not valid base64: {error}") from None
        if size > MAX_INLINE_BYTES:
            raise ValueError(TOO_LARGE)
        return text

    @field_validator("lang")
    @classmethod
    def _only_python(cls, lang: str | None) -> str | None:
        if lang not in (None, "python"):
            raise ValueError("lang: only python is supported")
        return lang
