"""A store in an S3 bucket of any server: AWS, seaweedfs, MinIO, Ceph.

Requests are path-style where an endpoint is given, and carry no checksums that only AWS understands. Credentials are
those that are handed over, else boto3's own chain finds them (environment, service account, instance); requests are
unsigned for an anonymous store. The server is the endpoint's and none that the environment names.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import botocore.exceptions as boto_errors
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.config import Config

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.store.base import Downloaded, Stat, Store, check_small, unwatched
from mlrun_operator.store.errors import (
    CredentialsMissingError,
    DeniedError,
    NotFoundError,
    StoreError,
    UnavailableError,
)
from mlrun_operator.store.s3_download import ObjectDownload

_MISSING: Final = {"404", "NoSuchKey", "NotFound"}
_DENIED: Final = {"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}
_LOST_RACE: Final = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}
_CHANGED: Final = {"412", "PreconditionFailed"}
_NO_CONDITIONS: Final = {"501", "NotImplemented"}
# 16 MiB parts, four at a time: bounded memory, and the wire is full on an ordinary network.
_TRANSFER: Final = TransferConfig(multipart_threshold=16 << 20, multipart_chunksize=16 << 20, max_concurrency=4)


class S3Store(Store):
    """`s3://bucket/prefix`. `keys` are boto3's arguments for credentials, and go before the environment's."""

    def __init__(
        self,
        root: str,
        info: StoreInfo,
        *,
        attempts: int,
        beside: "S3Store | None" = None,
        keys: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(root)
        parts = urlsplit(root)
        self.bucket = parts.netloc
        self.prefix = parts.path.strip("/")
        self.client: Any = _client(info, attempts, keys) if beside is None else beside.client
        self._attempts = attempts

    def read(self, path: str) -> bytes:
        """See `Store.read`."""
        return self.read_version(path)[0]

    def read_version(self, path: str) -> tuple[bytes, str]:
        """See `Store.read_version`; the token is the ETag."""
        with self._errors(path):
            answer = self.client.get_object(Bucket=self.bucket, Key=self._key(path))
            with contextlib.closing(answer["Body"]) as body:
                check_small(self.uri(path), answer["ContentLength"])
                return body.read(), answer["ETag"]

    def write(self, path: str, data: bytes) -> None:
        """See `Store.write`."""
        with self._errors(path):
            self.client.put_object(Bucket=self.bucket, Key=self._key(path), Body=data)

    def replace(self, path: str, data: bytes, version: str | None) -> bool:
        """See `Store.replace`. A server without conditional writes gets a plain one."""
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            self.client.put_object(Bucket=self.bucket, Key=self._key(path), Body=data, **condition)
        except boto_errors.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _LOST_RACE:
                return False
            if code not in _NO_CONDITIONS:
                raise self._translated(path, error) from error
            self.write(path, data)
        except boto_errors.BotoCoreError as error:
            raise self._translated(path, error) from error
        return True

    def upload(self, path: str, file: Path) -> None:
        """See `Store.upload`."""
        with self._errors(path):
            self.client.upload_file(str(file), self.bucket, self._key(path), Config=_TRANSFER)

    def download(self, path: str, file: Path, watch: Callable[[int], None] = unwatched) -> Downloaded:
        """See `Store.download`."""
        with self._errors(path):
            return ObjectDownload(
                self.client, (self.bucket, self._key(path)), file, attempts=self._attempts, watch=watch
            ).fetch()

    def list(self, prefix: str) -> Iterator[Stat]:
        """See `Store.list`."""
        skip = len(self.prefix) + 1 if self.prefix else 0
        with self._errors(prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self._key(prefix))
            for page in pages:
                for item in page.get("Contents", ()):
                    yield Stat(item["Key"][skip:], item["Size"], item["LastModified"].timestamp())

    def folders(self, prefix: str) -> Iterator[str]:
        """See `Store.folders`."""
        below, listing = self._key(prefix), self.client.get_paginator("list_objects_v2")
        with self._errors(prefix):
            for page in listing.paginate(Bucket=self.bucket, Prefix=below, Delimiter="/"):
                for found in page.get("CommonPrefixes", ()):
                    yield found["Prefix"][len(below) : -1]

    def delete(self, path: str) -> None:
        """See `Store.delete`."""
        with self._errors(path):
            self.client.delete_object(Bucket=self.bucket, Key=self._key(path))

    def _key(self, path: str) -> str:
        return f"{self.prefix}/{path}" if self.prefix else path

    @contextlib.contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        try:
            yield
        except (boto_errors.ClientError, boto_errors.BotoCoreError, boto3.exceptions.Boto3Error) as error:
            raise self._translated(path, error) from error

    def _translated(self, path: str, error: Exception) -> StoreError:
        uri, endpoint = self.uri(path), self.client.meta.endpoint_url
        if isinstance(error, boto3.exceptions.S3UploadFailedError) and isinstance(error.__context__, Exception):
            error = error.__context__
        if isinstance(error, boto_errors.NoCredentialsError | boto_errors.PartialCredentialsError):
            return CredentialsMissingError(f"{uri}: {endpoint} needs credentials and there are none")
        if not isinstance(error, boto_errors.ClientError):
            return UnavailableError(f"{uri}: {error}")
        code, text = (error.response.get("Error", {}).get(key, "") for key in ("Code", "Message"))
        status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
        if code == "NoSuchBucket":
            return NotFoundError(f"the bucket {self.bucket!r} of {uri} does not exist at {endpoint}")
        if code in _MISSING or status == "404":
            return NotFoundError(f"{uri} does not exist at {endpoint}")
        if code in _DENIED or status in _DENIED:
            return DeniedError(f"{uri}: {endpoint} refuses: {code} {text}".rstrip())
        happened = "changed it while it was read" if code in _CHANGED else f"answered {status} {code} {text}".rstrip()
        return UnavailableError(f"{uri}: {endpoint} {happened}")


def _client(info: StoreInfo, attempts: int, keys: Mapping[str, str]) -> Any:
    config = Config(
        signature_version=UNSIGNED if info.anonymous else None,
        s3={"addressing_style": "path" if info.endpoint else "auto"},
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=16,  # several inputs at a time, several parts of each
        connect_timeout=10,
        read_timeout=60,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=True,  # a run's AWS_ENDPOINT_URL_S3 is for the run's own requests
    )
    try:
        session = boto3.session.Session()
        region = info.region or session.region_name or "us-east-1"
        return session.client("s3", endpoint_url=info.endpoint, region_name=region, config=config, **keys)
    except (boto_errors.NoCredentialsError, boto_errors.PartialCredentialsError) as error:
        raise CredentialsMissingError(f"{info.endpoint or 'AWS'}: {error}") from error
    except boto_errors.BotoCoreError as error:  # a profile that does not exist, say
        raise ValueError(str(error)) from error
