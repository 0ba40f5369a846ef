"""One input: the entity behind its key, the provider for its path, a folder for its data."""

import itertools
import threading
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.inputs import InputRef
from mlrun_operator.api.v1alpha1.status import InputInfo
from mlrun_operator.api.values.keys import Key
from mlrun_operator.api.words import clauses
from mlrun_operator.store import CredentialsMissingError, Entity, StoreError
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError, from_store, input_purpose
from mlrun_wrapper.guards.sizes import UnpackedInput, input_limits
from mlrun_wrapper.inputs.base import FetchedInput, InputProvider, Request, Stores
from mlrun_wrapper.inputs.entities import as_artifact
from mlrun_wrapper.inputs.file import FileInput
from mlrun_wrapper.inputs.http import HttpInput
from mlrun_wrapper.inputs.meter import Meter
from mlrun_wrapper.inputs.s3 import S3Input
from mlrun_wrapper.inputs.sql import SqlInput
from mlrun_wrapper.opener import Manners
from mlrun_wrapper.progress import report_fetched

PROVIDERS: Final[tuple[InputProvider, ...]] = (HttpInput(), S3Input(), FileInput(), SqlInput())
_SCHEMES: Final = "http://, https://, s3://, file://, sql://, postgresql:// and absolute paths of mounted files"
_KEYS: Final = "give the run AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY by a Secret, or FSSPEC_S3_ANON=true"


@dataclass(frozen=True, slots=True)
class Fetched:
    """An input as it was read. `given` is what mlrun gets: a path, or the key by which it asks for the `artifact`."""

    info: InputInfo
    given: str
    artifact: dict[str, Any] | None


class Fetcher:
    """Fetches inputs of one run; may be called from several threads."""

    _numbers = itertools.count()

    def __init__(self, context: Context) -> None:
        self._context = context
        self._cancelled = threading.Event()
        settings = context.settings
        self._stores = Stores(context.catalogue.store, context.run.store, settings.attempts, context.elsewhere)

    def cancel(self) -> None:
        """End what still comes."""
        self._cancelled.set()

    def fetch(self, name: str, ref: InputRef) -> Fetched:
        """Fetch one input. Raises StepError."""
        start = time.monotonic()
        try:
            entity = self._context.catalogue.read(Key.parse(ref.key)) if ref.key is not None else None
            request = self._request(name, ref, entity)
            fetched = _empty(request, entity) or _provider(request).fetch(request)
        except CredentialsMissingError as error:
            # The store's own credentials have been used before.
            raise input_purpose(name).denied(clauses(str(error), _KEYS)) from error
        except StoreError as error:
            run = self._context.run
            raise from_store(error, input_purpose(name), run.store.secret, run.run.namespace) from error
        info = InputInfo(
            name=name[:256], key=request.key, path=request.shown[:2048], size=fetched.size, sha256=fetched.sha256
        )
        report_fetched(self._context.log, f"input {name!r}", fetched.size, fetched.sha256, time.monotonic() - start)
        if entity is not None:
            return Fetched(info, str(entity.key), as_artifact(entity, fetched.path))
        # get_model wants the folder
        is_file_of_model = request.kind == "model" and not fetched.path.endswith("/")
        return Fetched(info, f"{request.folder}/" if is_file_of_model else fetched.path, None)

    def _request(self, name: str, ref: InputRef, entity: Entity | None) -> Request:
        path = ref.path if entity is None else entity.path
        if not path:
            raise StepError(Reason.INPUT_NOT_FOUND, f"input {name!r}: {ref.key} has no path; it holds no data")
        _check_url(name, path)
        folder = self._context.settings.inputs / f"{next(self._numbers):03d}"
        folder.mkdir(parents=True, exist_ok=True)
        return Request(
            path=path,
            key=None if entity is None else str(entity.key),
            kind=ref.kind or (None if entity is None else entity.key.kind),
            format=ref.format,
            folder=folder,
            purpose=input_purpose(name),
            stores=self._stores,
            attempts=self._context.settings.attempts,
            watch=Meter(self._context.log, name, self._cancelled),
            manners=Manners(link_local=self._context.run.fetch.link_local),
            python=self._context.settings.executor_python,
            unpacked=UnpackedInput(input_limits(self._context.run.fetch)),
        )


def _check_url(name: str, path: str) -> None:
    """Raise StepError for what Python cannot take apart. The path is not told: it may hold a password."""
    try:
        parts = urlsplit(path) if "://" in path else None
        if parts is not None and parts.scheme != "sql":
            _ = parts.port
    except ValueError as error:
        text = f"input {name!r}: its path is not a URL; look at the host and the port"
        raise StepError(Reason.INVALID_RUN, text) from error


def _empty(request: Request, entity: Entity | None) -> FetchedInput | None:
    """An entity that is a folder without files: stores know no empty folders."""
    if entity is None or entity.status.get("files") != [] or not request.path.endswith("/"):
        return None
    return FetchedInput(f"{request.folder}/", 0, entity.status.get("sha256"))


def _provider(request: Request) -> InputProvider:
    for provider in PROVIDERS:
        if provider.serves(request.path):
            return provider
    raise StepError(Reason.INVALID_RUN, f"{request.purpose.what}: {request.path!r} is none of {_SCHEMES}")
