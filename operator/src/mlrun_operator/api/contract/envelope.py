"""The envelope: everything the wrapper needs to know, one versioned JSON document in a pod annotation.

Plain JSON up to 32 KiB; larger ones are gzipped and base64-encoded behind a prefix. Equal envelopes encode
to equal text.
"""

import base64
import gzip
import json
import zlib
from typing import Any, Final, Literal

from pydantic import Field

from mlrun_operator.api.base import Model
from mlrun_operator.api.contract.fetching import FetchRules, PipInfo, ProxyInfo
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.inputs import ResolvedInput
from mlrun_operator.api.v1alpha1.options import NonRetryable
from mlrun_operator.api.v1alpha1.run import OutputRef
from mlrun_operator.api.v1alpha1.sweep import SweepInfo

PLAIN_LIMIT: Final = 32 * 1024
COMPRESSED_PREFIX: Final = "gzip+base64:"
# Kubernetes' own, where nobody says anything.
GRACE_SECONDS: Final = 30


class RunInfo(Model):
    """Which run this is. `name` is the original one; `project` is resolved."""

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
    """Which schedule a pod belongs to. Without `time` its slot is in its Job's name, in minutes of Unix time."""

    expression: str | None = None
    time_zone: str | None = None
    time: str | None = None


class StoreInfo(Model):
    """The artifact store: `s3://bucket/prefix` or `file:///dir`. Credentials come by the pod's environment only.

    `anonymous` sends unsigned requests, for trial stores without credentials.
    """

    root: str
    endpoint: str | None = None
    region: str | None = None
    anonymous: bool = False
    secret: str = "mlrun-operator-store"  # noqa: S105 - a Secret's name


class Envelope(Model):
    """What one pod executes."""

    version: Literal[1] = 1
    run: RunInfo
    function: FunctionInfo
    inputs: dict[str, ResolvedInput] = {}
    outputs: dict[str, OutputRef] = {}
    parameters: dict[str, Any] = {}
    values: list[str] | None = None
    returns: list[str] | None = None
    non_retryable: NonRetryable | None = None
    schedule: ScheduleInfo | None = None
    sweep: SweepInfo | None = None
    store: StoreInfo
    fetch: FetchRules = FetchRules()
    pip: PipInfo = PipInfo()
    proxy: ProxyInfo | None = None
    ca_bundle: str | None = Field(None, description="PEM certificates trusted besides the image's own.")
    result_budget: int = Field(4096, description="Bytes the termination message may have.")
    grace_seconds: int = Field(GRACE_SECONDS, ge=0, description="From SIGTERM to the pod's death.")


def encode(envelope: Envelope) -> str:
    """The text of the annotation."""
    text = json.dumps(envelope.wire(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if len(text.encode()) <= PLAIN_LIMIT:
        return text
    return COMPRESSED_PREFIX + base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def decode(text: str) -> Envelope:
    """The envelope in an annotation's text. Raises ValueError (also pydantic's) where it is none."""
    if text.startswith(COMPRESSED_PREFIX):
        try:
            text = gzip.decompress(base64.b64decode(text.removeprefix(COMPRESSED_PREFIX))).decode()
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"the compressed envelope is damaged: {error}") from error
    return Envelope.model_validate_json(text)
