"""Where and how a run's pods run: the options that a function may give as defaults and a run may set."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from mlrun_operator.api.base import AsWritten, EmptyCounts, EmptyIsAbsent, HashMark, Model, StartsNothing
from mlrun_operator.api.cel import ANYTHING, FREE_FORM, INT_OR_STRING, cel
from mlrun_operator.api.v1alpha1.pod_template import checked_template

DnsName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
VolumeName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=256)]
ExceptionName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$", max_length=256)
]
MetaKey = Annotated[str, StringConstraints(max_length=317)]
QuantityText = Annotated[str | int, Field(json_schema_extra=INT_OR_STRING), HashMark.QUANTITY]

# Environment variables that are the platform's own.
RESERVED_ENV: Final = (
    "HOME",
    "TMPDIR",
    "MPLCONFIGDIR",
    "MLRUN_WORK_DIR",
    "MLRUN_ENVELOPE_FILE",
    "MLRUN_TERMINATION_LOG",
    "MLRUN_STORE_AWS_ACCESS_KEY_ID",
    "MLRUN_STORE_AWS_SECRET_ACCESS_KEY",
    "MLRUN_STORE_AWS_SESSION_TOKEN",
    "MLRUN_POD_NAME",
    "MLRUN_POD_UID",
    "MLRUN_JOB_NAME",
    "MLRUN_JOB_UID",
    "MLRUN_EXECUTOR_PYTHON",
    "MLRUN_REPLICA_INDEX",
    "MLRUN_REPLICA_COUNT",
    "MLRUN_REPLICA_HOST",
    "MLRUN_SWEEP_INDEX",
    "MLRUN_SWEEP_FAILURES",
)
_RESERVED: Final = f"{list(RESERVED_ENV)}"


class KeyToPath(Model):
    """One key of a ConfigMap or Secret as a file."""

    key: str = Field(max_length=253, description="The key.")
    path: str = Field(max_length=1024, description="Relative path of the file.")


class ConfigMapVolume(Model):
    """A ConfigMap as files."""

    name: DnsName = Field(description="Name of the ConfigMap.")
    items: EmptyIsAbsent[list[KeyToPath] | None] = Field(
        None, max_length=128, description="Only these keys; default: all."
    )
    optional: bool | None = Field(None, description="The pod starts without it.")


class SecretVolume(Model):
    """A Secret as files."""

    secret_name: DnsName = Field(description="Name of the Secret.")
    items: EmptyIsAbsent[list[KeyToPath] | None] = Field(
        None, max_length=128, description="Only these keys; default: all."
    )
    optional: bool | None = Field(None, description="The pod starts without it.")


class ClaimVolume(Model):
    """An existing PersistentVolumeClaim."""

    claim_name: DnsName = Field(description="Name of the PersistentVolumeClaim.")


class EmptyDirVolume(Model):
    """A folder that lives as long as the pod."""

    medium: EmptyIsAbsent[Literal["", "Memory"] | None] = Field(
        None, description="Memory for a RAM disk, which counts as memory."
    )
    size_limit: QuantityText | None = Field(None, description="Quantity at which the pod is evicted.")


class EphemeralVolume(Model):
    """A volume that is provisioned for the pod and deleted with it."""

    size: QuantityText = Field(description="Quantity to provision.")
    storage_class_name: DnsName | None = Field(None, description="StorageClass; default: the cluster's.")
    access_modes: EmptyIsAbsent[list[Literal["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"]] | None] = Field(
        None, max_length=3, description="Default: ReadWriteOnce."
    )


class ImageVolume(Model):
    """An OCI image or artifact as files, where the cluster supports it."""

    reference: str = Field(max_length=512, description="Image reference.")
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(None, description="Default: Kubernetes'.")


_VOLUME_KINDS: Final = ("configMap", "secret", "persistentVolumeClaim", "emptyDir", "ephemeral", "image")
_ONE_KIND: Final = f"set exactly one of {', '.join(_VOLUME_KINDS)}"


class Volume(Model):
    """One volume and where it is mounted."""

    model_config = {
        "json_schema_extra": cel(f"[{', '.join(f'has(self.{k})' for k in _VOLUME_KINDS)}].exists_one(x, x)", _ONE_KIND)
    }

    name: VolumeName = Field(description="Name of the volume; a run's replaces the function's of the same name.")
    mount_path: str = Field(pattern=r"^/[^:]*$", max_length=1024, description="Absolute path in the container.")
    sub_path: EmptyIsAbsent[str | None] = Field(None, max_length=1024, description="Path within the volume.")
    read_only: bool | None = Field(None, description="Mount it read-only.")
    config_map: EmptyCounts[ConfigMapVolume | None] = Field(None, description="A ConfigMap as files.")
    secret: EmptyCounts[SecretVolume | None] = Field(None, description="A Secret as files.")
    persistent_volume_claim: EmptyCounts[ClaimVolume | None] = Field(
        None, description="An existing PersistentVolumeClaim."
    )
    empty_dir: EmptyCounts[EmptyDirVolume | None] = Field(None, description="A folder that lives as long as the pod.")
    ephemeral: EmptyCounts[EphemeralVolume | None] = Field(None, description="A volume provisioned for the pod.")
    image: EmptyCounts[ImageVolume | None] = Field(None, description="An OCI image as files.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self.source) != 1:
            raise ValueError(_ONE_KIND)
        return self

    @property
    def source(self) -> dict[str, object]:
        """What it is, by its kind, without its name and where it is mounted."""
        return {kind: value for kind, value in self.wire().items() if kind in _VOLUME_KINDS}


class KeySelector(Model):
    """A key of a Secret or ConfigMap."""

    name: DnsName = Field(description="Name of the object.")
    key: str = Field(max_length=253, description="The key.")
    optional: bool | None = Field(None, description="The variable may be absent.")


class FieldSelector(Model):
    """A field of the pod."""

    field_path: str = Field(max_length=256, description="metadata.name, spec.nodeName, status.podIP and the like.")


class EnvSource(Model):
    """Where a variable's value comes from."""

    secret_key_ref: EmptyCounts[KeySelector | None] = Field(None, description="A key of a Secret.")
    config_map_key_ref: EmptyCounts[KeySelector | None] = Field(None, description="A key of a ConfigMap.")
    field_ref: EmptyCounts[FieldSelector | None] = Field(None, description="A field of the pod.")


class EnvVar(Model):
    """An environment variable of the handler."""

    model_config = {
        "json_schema_extra": cel("!(has(self.value) && has(self.valueFrom))", "set value or valueFrom, not both")
    }

    name: EnvName = Field(
        description="Name of the variable.",
        json_schema_extra=cel(f"!(self in {_RESERVED})", "this variable is set by the platform; choose another name"),
    )
    value: EmptyIsAbsent[str | None] = Field(None, max_length=32_768, description="The value.")
    value_from: EmptyCounts[EnvSource | None] = Field(None, description="Where the value comes from.")

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name in RESERVED_ENV:
            raise ValueError(f"{name} is set by the platform; choose another name")
        return name


class SecretRef(Model):
    """A Secret as environment variables."""

    name: DnsName
    keys: EmptyCounts[list[str] | None] = None
    prefix: EmptyIsAbsent[str | None] = None
    optional: bool | None = None


class Resources(Model):
    """Compute resources of the handler's container. `gpu` stands for the cluster's GPU resource."""

    requests: EmptyIsAbsent[dict[MetaKey, QuantityText] | None] = Field(
        None, max_length=16, description="What is reserved."
    )
    limits: EmptyIsAbsent[dict[MetaKey, QuantityText] | None] = Field(
        None, max_length=16, description="What may be used at most."
    )


class Toleration(Model):
    """A taint that the pod tolerates."""

    key: EmptyIsAbsent[str | None] = Field(
        None, max_length=317, description="The taint's key; absent with Exists: every taint."
    )
    operator: Literal["Exists", "Equal", "Lt", "Gt"] | None = Field(None, description="Default: Equal.")
    value: EmptyIsAbsent[str | None] = Field(None, max_length=63, description="The taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(None, description="Default: any.")
    toleration_seconds: int | None = Field(None, description="How long NoExecute is tolerated; default: for ever.")


class NonRetryable(Model):
    """Failures of the handler that no retry mends. They end the run at once, whatever `backoffLimit` says."""

    exit_codes: list[Annotated[int, Field(ge=1, le=255)]] | None = Field(
        None, max_length=64, description="Codes that the handler may exit with, by sys.exit or otherwise."
    )
    exceptions: list[ExceptionName] | None = Field(
        None,
        max_length=64,
        description="Exception types, with those derived from them: ValueError, or by module, package.errors.BadData.",
    )


class RunOptions(Model):
    """Options of the Job and its pods. A function's are defaults for its runs; a run's win."""

    node_selector: EmptyIsAbsent[dict[MetaKey, str] | None] = Field(
        None, max_length=32, description="Labels that the node must have."
    )
    volumes: EmptyIsAbsent[list[Volume] | None] = Field(
        None, max_length=32, description="Volumes and where they are mounted."
    )
    resources: EmptyIsAbsent[Resources | None] = Field(
        None, description="Compute resources; the key gpu is the cluster's GPU."
    )
    affinity: AsWritten[dict[str, Any] | None] = Field(
        None, description="Kubernetes' affinity.", json_schema_extra=FREE_FORM
    )
    tolerations: EmptyIsAbsent[list[Toleration] | None] = Field(
        None, max_length=32, description="Taints that are tolerated."
    )
    env: EmptyIsAbsent[list[EnvVar] | None] = Field(
        None, max_length=256, description="Environment variables of the handler."
    )
    secrets: EmptyIsAbsent[list[Annotated[str | SecretRef, Field(json_schema_extra=ANYTHING)]] | None] = Field(
        None, max_length=32, description="Secrets as environment variables: names, or {name, keys, prefix, optional}."
    )
    image_pull_secrets: EmptyIsAbsent[list[DnsName] | None] = Field(
        None, max_length=16, description="Names of pull Secrets."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="Default: the operator's."
    )
    service_account_name: DnsName | None = Field(
        None, description="Service account, for its cloud identity and pull Secrets; its token is never mounted."
    )
    priority_class_name: DnsName | None = Field(None, description="PriorityClass of the pods.")
    runtime_class_name: DnsName | None = Field(None, description="RuntimeClass of the pods.")
    scheduler_name: DnsName | None = Field(None, description="Scheduler of the pods.")
    topology_spread_constraints: AsWritten[
        list[Annotated[dict[str, Any], Field(json_schema_extra=FREE_FORM)]] | None
    ] = Field(None, max_length=8, description="Kubernetes' topologySpreadConstraints.")
    termination_grace_period_seconds: int | None = Field(
        None, ge=0, le=86_400, description="Time to store partial results when the pod is told to end; default: 30."
    )
    pod_labels: EmptyIsAbsent[dict[MetaKey, str] | None] = Field(
        None, max_length=32, description="Labels of Job and pods."
    )
    pod_annotations: EmptyIsAbsent[dict[MetaKey, str] | None] = Field(
        None, max_length=32, description="Annotations of the pods."
    )
    pod_template: AsWritten[dict[str, Any] | None] = Field(
        None,
        description="A pod template that everything else is laid over; what Pod Security forbids is taken out.",
        json_schema_extra=FREE_FORM,
    )
    backoff_limit: StartsNothing[int | None] = Field(
        None, ge=0, le=1000, description="How often a failed pod is tried again; default: the operator's, 0."
    )
    non_retryable: StartsNothing[NonRetryable | None] = Field(
        None, description="Exit codes and exceptions of the handler that are not tried again."
    )
    active_deadline_seconds: StartsNothing[int | None] = Field(
        None, ge=1, le=31_536_000, description="The Job's time from its start, retries included."
    )
    pending_deadline_seconds: StartsNothing[int | None] = Field(
        None, ge=1, le=31_536_000, description="How long no pod may run before the run fails; default: the operator's."
    )
    max_disruptions: StartsNothing[int | None] = Field(
        None,
        ge=0,
        le=1000,
        description="How many evictions and preemptions are borne, for each replica or point; default: 10.",
    )
    ttl_seconds_after_finished: StartsNothing[int | None] = Field(
        None, ge=0, le=315_360_000, description="When the Job and its pods are deleted after the end; default: never."
    )

    @field_validator("volumes")
    @classmethod
    def _one_source_a_name(cls, volumes: list[Volume] | None) -> list[Volume] | None:
        """One volume may be mounted at several paths; two of one name would be one of them by chance."""
        sources: dict[str, Volume] = {}
        for volume in volumes or ():
            if sources.setdefault(volume.name, volume).source != volume.source:
                raise ValueError(f"two volumes are called {volume.name!r} and have different sources; rename one")
        return volumes

    @field_validator("pod_template")
    @classmethod
    def _is_a_template(cls, template: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if template is None else checked_template(template)
