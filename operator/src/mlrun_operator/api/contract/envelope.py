"""The envelope: all data that the wrapper needs, as one versioned JSON document in a pod annotation.

It is plain JSON up to 32 KiB. A larger one is gzipped and base64-encoded after a prefix. Equal envelopes are encoded to
equal texts.
"""

import base64
import gzip
import json
import zlib
from typing import Any, Final, Literal

from pydantic import Field

from mlrun_operator.api import bounds
from mlrun_operator.api.base import Model
from mlrun_operator.api.contract.fetching import FetchRules, PipInfo, ProxyInfo
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.inputs import ResolvedInput
from mlrun_operator.api.v1alpha1.options import NonRetryable
from mlrun_operator.api.v1alpha1.run import OutputRef
from mlrun_operator.api.v1alpha1.sweep import SweepInfo

PLAIN_LIMIT: Final = 32 * 1024
COMPRESSED_PREFIX: Final = "gzip+base64:"
# Of zlib: the format of gzip, without a name and a time.
_GZIP: Final = 16
_CHUNK_BYTES: Final = 64 * 1024
# Base64 writes four characters for three bytes.
_PACKED_LIMIT: Final = bounds.POD_ANNOTATIONS.limit * 3 // 4
# Kubernetes' default grace period.
GRACE_SECONDS: Final = 30


class RunInfo(Model):
    """The run. `name` is the original name, and `project` is resolved."""

    name: str
    namespace: str
    uid: str
    project: str
    execution: int


class FunctionInfo(Model):
    """The function, pinned when the execution started."""

    name: str
    uuid: str
    digest: str
    spec: FunctionSpec


class ScheduleInfo(Model):
    """The schedule of a pod. Without `time`, the slot is in the Job's name, in minutes of Unix time."""

    expression: str | None = None
    time_zone: str | None = None
    time: str | None = None


class StoreInfo(Model):
    """The artifact store: `s3://bucket/prefix` or `file:///dir`. Credentials come only from the pod's environment.

    `anonymous` sends unsigned requests, for trial stores without credentials.
    """

    root: str
    endpoint: str | None = None
    region: str | None = None
    anonymous: bool = False
    secret: str = "mlrun-operator-store"  # noqa: S105 - a Secret's name


class Envelope(Model):
    """The work of one pod."""

    version: Literal[1] = 1
    run: RunInfo
    function: FunctionInfo
    inputs: dict[str, ResolvedInput] = {}
    outputs: dict[str, OutputRef] = {}
    parameters: dict[str, Any] = {}
    float_parameters: list[str] | None = Field(
        None, description="Pointers to the parameters that are floats. None: the handler's hints decide."
    )
    values: list[str] | None = None
    returns: list[str | dict[str, Any]] | None = None
    non_retryable: NonRetryable | None = None
    schedule: ScheduleInfo | None = None
    sweep: SweepInfo | None = None
    store: StoreInfo
    fetch: FetchRules = FetchRules()
    pip: PipInfo = PipInfo()
    proxy: ProxyInfo | None = None
    ca_bundle: str | None = Field(None, description="PEM certificates to trust in addition to those of the image.")
    plain_image: bool | None = Field(
        None, description="Whether the wrapper's image runs instead of mlrun/mlrun, without its packages."
    )
    result_budget: int = Field(4096, description="Size limit of the termination message, in bytes.")
    grace_seconds: int = Field(GRACE_SECONDS, ge=0, description="Seconds between SIGTERM and SIGKILL.")


class EnvelopeTooLargeError(ValueError):
    """Code, parameters and settings do not fit into a pod's annotations.

    `size` is in bytes; None where only that it is too large is known.
    """

    def __init__(self, size: int | None = None) -> None:
        limit = f"{bounds.POD_ANNOTATIONS.limit // bounds.KIB} KiB"
        need = f"{size // bounds.KIB} KiB" if size is not None else f"more than {limit}"
        super().__init__(
            f"code, parameters and settings need {need} of pod annotations: the limit is {limit}. Put the code at a "
            "URL, or move a large parameter to an input."
        )


def encode(envelope: Envelope) -> str:
    """Return the envelope as the text of the annotation. Raises EnvelopeTooLargeError."""
    text = json.dumps(envelope.wire(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if len(text.encode()) <= PLAIN_LIMIT:
        return text
    return COMPRESSED_PREFIX + base64.b64encode(_gzipped(text.encode())).decode()


def _gzipped(data: bytes) -> bytes:
    """Return the compressed data. Raises EnvelopeTooLargeError as soon as it is too large: the rest takes its time."""
    packer = zlib.compressobj(zlib.Z_BEST_COMPRESSION, wbits=zlib.MAX_WBITS | _GZIP)
    packed = bytearray()
    for start in range(0, len(data), _CHUNK_BYTES):
        packed += packer.compress(data[start : start + _CHUNK_BYTES])
        if len(packed) > _PACKED_LIMIT:
            raise EnvelopeTooLargeError
    return bytes(packed + packer.flush())


def decode(text: str) -> Envelope:
    """Parse the text of the annotation. Raises ValueError (also pydantic's) if it is not an envelope."""
    if text.startswith(COMPRESSED_PREFIX):
        try:
            text = gzip.decompress(base64.b64decode(text.removeprefix(COMPRESSED_PREFIX))).decode()
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"the compressed envelope is damaged: {error}") from error
    return Envelope.model_validate_json(text)
