"""The operator's settings: environment variables `MLRUN_OPERATOR_<NAME>`, one field each."""

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.contract.fetching import FetchRules, PipInfo, PlainUrl, ProxyInfo, ProxyUrl
from mlrun_operator.api.contract.platform import MAX_GROUP, ImageRule, Platform
from mlrun_operator.api.v1alpha1.options import RunOptions


class Settings(BaseSettings):
    """How this operator runs, and what it gives to every run."""

    model_config = SettingsConfigDict(env_prefix="MLRUN_OPERATOR_", extra="forbid", frozen=True)

    namespaces: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Namespaces to watch, separated by commas; empty: all."
    )
    workers: int = Field(16, ge=1, le=256, description="Runs that are reconciled at the same time.")
    listen: str = Field("0.0.0.0:8080", description="Address of /healthz and /readyz.")
    metrics_listen: str = Field("0.0.0.0:8081", description="Address of /metrics; empty: none.")
    metrics_by_namespace: bool = Field(
        default=False, description="Whether metrics of runs tell their namespace: where there are hundreds at most."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged.")
    log_format: Literal["text", "json"] = Field("text", description="Lines for people, or a JSON object a line.")
    watch_silence_seconds: float = Field(
        180, gt=80, description="How long a watch may receive nothing, not even a bookmark, before it counts as silent."
    )
    resync_seconds: float = Field(600, gt=0, description="How often the index is compared with a listing.")
    wrapper_image: str = Field("mlrun-operator/wrapper:dev", description="Image of the wrapper.")
    wrapper_ml_image: str | None = Field(
        None, description="Image that runs for mlrun/mlrun, with its machine learning packages; default: the wrapper's."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When nodes pull the wrapper's image."
    )
    image_rewrites: tuple[ImageRule, ...] = Field(
        (),
        description="Images that run in the place of others, as JSON: a list of {from, to}, where a `*` in `from` is "
        "any text, which the `*` of `to` takes over. The first that fits counts.",
    )
    image_allow: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Images that may run besides the wrapper's, separated by commas, `*` for any text; empty: all."
    )
    run_as_user: int = Field(
        65532, ge=0, description="User and group of the runs' pods; 0: the cluster chooses them, as OpenShift does."
    )
    store_root: str = Field(
        "s3://mlrun/{namespace}", pattern=r"^(s3://|file:///).+", description="The artifact store's root."
    )
    store_endpoint: str | None = Field(None, description="URL of an S3 server other than AWS.")
    store_region: str | None = Field(None, description="Region of the S3 server, where it has any.")
    store_anonymous: bool = Field(default=False, description="Unsigned requests, for trial stores without credentials.")
    store_secret: str = Field("mlrun-operator-store", description="Secret with the store's keys, in each namespace.")
    source_seconds: int = Field(600, ge=1, description="How long fetching a function's source may take.")
    source_max_mib: int = Field(512, ge=1, description="Size of a source's file or archive, in MiB.")
    source_max_unpacked_mib: int = Field(
        2048, ge=1, description="Size of the files of an archive or a repository, in MiB."
    )
    source_max_files: int = Field(50_000, ge=1, description="Number of files of an archive or a repository.")
    source_max_ratio: int = Field(200, ge=1, description="How many times its own size an archive may unpack to.")
    input_max_unpacked_mib: int = Field(
        32 * 1024, ge=1, description="Size of what the gzipped files of one input unpack to, in MiB."
    )
    input_max_ratio: int = Field(
        200, ge=1, description="How many times its own size a gzipped input may unpack to, above 1 GiB."
    )
    source_link_local: bool = Field(
        default=False,
        description="Whether sources and inputs may be at link-local addresses, where clouds hand out credentials.",
    )
    pip_index_url: PlainUrl = Field(None, description="Index for `requirements` in the place of pip's own.")
    pip_find_links: PlainUrl = Field(
        None, description="Page of wheels for `requirements`; without an index beside it, pip asks nothing else."
    )
    pip_seconds: int = Field(900, ge=1, description="How long installing `requirements` may take.")
    ca_bundle: str | None = Field(None, description="PEM certificates that runs trust besides the image's own.")
    http_proxy: ProxyUrl = Field(None, description="Proxy of the runs for http.")
    https_proxy: ProxyUrl = Field(None, description="Proxy of the runs for https.")
    no_proxy: str | None = Field(
        None,
        description="Hosts that runs reach without it, separated by commas, besides `localhost`, `.svc` and "
        "`.cluster.local`.",
    )
    run_defaults: RunOptions | None = Field(
        None, description="Options, as JSON, that a run has where neither it nor its function says otherwise."
    )
    backoff_limit: int = Field(0, ge=0, description="Retries of a run that does not say how many.")
    max_disruptions: int = Field(
        10,
        ge=0,
        description="How many evictions and preemptions of a run, or of each of its replicas or points, are borne.",
    )
    pending_deadline_seconds: int | None = Field(
        None, ge=1, description="How long no pod of a run may start before the run fails; default: for ever."
    )
    max_concurrent_runs_per_namespace: int | None = Field(
        None, ge=1, description="How many runs of a namespace may run at once, until their pods are gone; default: any."
    )
    host_aliases: bool = Field(default=True, description="Whether runs may set `hostAliases`.")
    min_fs_group: int = Field(1, ge=1, description="Smallest `fsGroup` that a run may set.")
    max_fs_group: int = Field(MAX_GROUP, ge=1, description="Largest `fsGroup` that a run may set.")
    gpu_resource: str = Field("nvidia.com/gpu", description="What the resource `gpu` of a run stands for.")
    lease_namespace: str | None = Field(
        None, description="Namespace of the Lease for leader election; without it this process leads at once."
    )

    @field_validator("namespaces", "image_allow", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def platform(self) -> Platform:
        """The part that rendering needs."""
        return Platform(
            wrapper_image=self.wrapper_image,
            wrapper_ml_image=self.wrapper_ml_image or None,
            image_rewrites=self.image_rewrites,
            image_allow=self.image_allow,
            run_as_user=self.run_as_user or None,
            image_pull_policy=self.image_pull_policy,
            store=StoreInfo(
                root=self.store_root,
                endpoint=self.store_endpoint or None,
                region=self.store_region or None,
                anonymous=self.store_anonymous,
                secret=self.store_secret,
            ),
            fetch=FetchRules(
                seconds=self.source_seconds,
                max_mib=self.source_max_mib,
                max_unpacked_mib=self.source_max_unpacked_mib,
                max_files=self.source_max_files,
                max_ratio=self.source_max_ratio,
                input_max_unpacked_mib=self.input_max_unpacked_mib,
                input_max_ratio=self.input_max_ratio,
                link_local=self.source_link_local,
            ),
            pip=PipInfo(index_url=self.pip_index_url, find_links=self.pip_find_links, seconds=self.pip_seconds),
            proxy=self._proxy,
            ca_bundle=self.ca_bundle,
            run_defaults=self.run_defaults,
            backoff_limit=self.backoff_limit,
            max_disruptions=self.max_disruptions,
            pending_deadline_seconds=self.pending_deadline_seconds,
            max_concurrent_runs=self.max_concurrent_runs_per_namespace,
            host_aliases=self.host_aliases,
            min_fs_group=self.min_fs_group,
            max_fs_group=self.max_fs_group,
            gpu_resource=self.gpu_resource,
        )

    @property
    def _proxy(self) -> ProxyInfo | None:
        if not (self.http_proxy or self.https_proxy):
            return None
        return ProxyInfo(http=self.http_proxy, https=self.https_proxy, no_proxy=self.no_proxy or None)
