"""The options of a run's pods and Job. A function may set defaults for them."""

from ipaddress import ip_address
from typing import Annotated, Any, Final, Literal, Self, cast

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, field_validator, model_validator

from mlrun_operator.api import bounds
from mlrun_operator.api.base import (
    AsWritten,
    EmptyCounts,
    EmptyIsAbsent,
    FalseIsAbsent,
    HashMark,
    Model,
    StartsNothing,
    TextForm,
)
from mlrun_operator.api.cel import ANYTHING, FREE_FORM, INT_OR_STRING, cel
from mlrun_operator.api.v1alpha1.pod_template import checked_template
from mlrun_operator.api.v1alpha1.pod_types import checked
from mlrun_operator.api.values.labels import (
    annotation_key,
    is_extended,
    is_label_value,
    label_key,
    label_value,
    resource_name,
)
from mlrun_operator.api.values.quantities import Quantity, quantity

DnsName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
HostName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253),
]
VolumeName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=256)]
ExceptionName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$", max_length=256)
]
LabelKey = Annotated[str, StringConstraints(max_length=317), AfterValidator(label_key)]
LabelValue = Annotated[str, AfterValidator(label_value)]
AnnotationKey = Annotated[str, StringConstraints(max_length=317), AfterValidator(annotation_key)]
ResourceName = Annotated[str, StringConstraints(max_length=317), AfterValidator(resource_name)]
QuantityText = Annotated[
    str | int, BeforeValidator(quantity), Field(json_schema_extra=INT_OR_STRING), HashMark.QUANTITY
]

# Environment variables that only the platform sets.
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
_RESERVED_ENV_CEL: Final = f"{list(RESERVED_ENV)}"


class KeyToPath(Model):
    """A key of a ConfigMap or Secret that becomes a file."""

    key: str = Field(max_length=253, description="The key.")
    path: str = Field(max_length=1024, description="Relative path of the file.")


class ConfigMapVolume(Model):
    """A ConfigMap as files."""

    name: DnsName = Field(description="Name of the ConfigMap.")
    items: EmptyIsAbsent[list[KeyToPath] | None] = Field(
        None, max_length=128, description="Keys to project. Default: all keys."
    )
    optional: FalseIsAbsent[bool | None] = Field(None, description="Whether the pod may start without it.")


class SecretVolume(Model):
    """A Secret as files."""

    secret_name: DnsName = Field(description="Name of the Secret.")
    items: EmptyIsAbsent[list[KeyToPath] | None] = Field(
        None, max_length=128, description="Keys to project. Default: all keys."
    )
    optional: FalseIsAbsent[bool | None] = Field(None, description="Whether the pod may start without it.")


class ClaimVolume(Model):
    """An existing PersistentVolumeClaim."""

    claim_name: DnsName = Field(description="Name of the PersistentVolumeClaim.")


class EmptyDirVolume(Model):
    """A directory that exists as long as the pod."""

    medium: EmptyIsAbsent[Literal["", "Memory"] | None] = Field(
        None, description="Storage medium: Memory is a RAM disk, which counts against the memory limit."
    )
    size_limit: QuantityText | None = Field(None, description="Maximum size. A pod that exceeds it is evicted.")


class EphemeralVolume(Model):
    """A volume that is provisioned for the pod and deleted with it."""

    size: QuantityText = Field(description="Size of the volume.")
    storage_class_name: DnsName | None = Field(
        None, description="Name of the StorageClass. Default: the cluster's default class."
    )
    access_modes: EmptyIsAbsent[list[Literal["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"]] | None] = Field(
        None, max_length=3, description="Access modes. Default: ReadWriteOnce."
    )


class ImageVolume(Model):
    """An OCI image or artifact as files, where the cluster supports it."""

    reference: str = Field(max_length=512, description="Image reference.")
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="Pull policy. Default: Kubernetes' default."
    )


_VOLUME_KINDS: Final = ("configMap", "secret", "persistentVolumeClaim", "emptyDir", "ephemeral", "image")
_ONE_KIND: Final = f"set exactly one of {', '.join(_VOLUME_KINDS)}"


class Volume(Model):
    """A volume and its mount path."""

    model_config = {
        "json_schema_extra": cel(f"[{', '.join(f'has(self.{k})' for k in _VOLUME_KINDS)}].exists_one(x, x)", _ONE_KIND)
    }

    name: VolumeName = Field(
        description="Name of the volume. A volume of the run replaces the function's volume of the same name."
    )
    mount_path: str = Field(pattern=r"^/[^:]*$", max_length=1024, description="Absolute path in the container.")
    sub_path: EmptyIsAbsent[str | None] = Field(None, max_length=1024, description="Path within the volume.")
    read_only: FalseIsAbsent[bool | None] = Field(None, description="Whether the volume is mounted read-only.")
    config_map: EmptyCounts[ConfigMapVolume | None] = Field(None, description="A ConfigMap as files.")
    secret: EmptyCounts[SecretVolume | None] = Field(None, description="A Secret as files.")
    persistent_volume_claim: EmptyCounts[ClaimVolume | None] = Field(
        None, description="An existing PersistentVolumeClaim."
    )
    empty_dir: EmptyCounts[EmptyDirVolume | None] = Field(
        None, description="A directory that exists as long as the pod."
    )
    ephemeral: EmptyCounts[EphemeralVolume | None] = Field(
        None, description="A volume that is provisioned for the pod."
    )
    image: EmptyCounts[ImageVolume | None] = Field(None, description="An OCI image as files.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self.source) != 1:
            raise ValueError(_ONE_KIND)
        return self

    @property
    def source(self) -> dict[str, object]:
        """Return the source of the volume, by its kind, without its name and mount."""
        return {kind: value for kind, value in self.wire().items() if kind in _VOLUME_KINDS}


class KeySelector(Model):
    """A key of a Secret or ConfigMap."""

    name: DnsName = Field(description="Name of the object.")
    key: str = Field(max_length=253, description="The key.")
    optional: FalseIsAbsent[bool | None] = Field(None, description="Whether the variable may be absent.")


class FieldSelector(Model):
    """A field of the pod."""

    field_path: str = Field(
        max_length=256, description="Path of the field, such as metadata.name, spec.nodeName or status.podIP."
    )


class EnvSource(Model):
    """The source of a variable's value."""

    secret_key_ref: EmptyCounts[KeySelector | None] = Field(None, description="A key of a Secret.")
    config_map_key_ref: EmptyCounts[KeySelector | None] = Field(None, description="A key of a ConfigMap.")
    field_ref: EmptyCounts[FieldSelector | None] = Field(None, description="A field of the pod.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.wire()) != 1:
            raise ValueError("set exactly one of secretKeyRef, configMapKeyRef and fieldRef")
        return self


class EnvVar(Model):
    """An environment variable of the handler."""

    model_config = {
        "json_schema_extra": cel("!(has(self.value) && has(self.valueFrom))", "set value or valueFrom, not both")
    }

    name: EnvName = Field(
        description="Name of the variable.",
        json_schema_extra=cel(
            f"!(self in {_RESERVED_ENV_CEL})", "this variable is set by the platform; choose another name"
        ),
    )
    value: EmptyIsAbsent[str | None] = Field(None, max_length=32_768, description="Value of the variable.")
    value_from: EmptyCounts[EnvSource | None] = Field(None, description="Source of the variable's value.")

    @field_validator("name")
    @classmethod
    def _is_not_reserved(cls, name: str) -> str:
        if name in RESERVED_ENV:
            raise ValueError(f"{name} is set by the platform; choose another name")
        return name


class SecretRef(Model):
    """A Secret whose keys become environment variables."""

    name: Annotated[DnsName, TextForm()]
    keys: EmptyCounts[list[str] | None] = None
    prefix: EmptyIsAbsent[str | None] = None
    optional: FalseIsAbsent[bool | None] = None


class Resources(Model):
    """Compute resources of the handler's container. `gpu` means the cluster's GPU resource."""

    requests: EmptyIsAbsent[dict[ResourceName, QuantityText] | None] = Field(
        None, max_length=16, description="Resources that are reserved."
    )
    limits: EmptyIsAbsent[dict[ResourceName, QuantityText] | None] = Field(
        None, max_length=16, description="Resources that the container may use at most."
    )

    @model_validator(mode="after")
    def _requests_are_within_limits(self) -> Self:
        for name, requested in (self.requests or {}).items():
            limit = (self.limits or {}).get(name)
            if limit is not None and Quantity.parse(requested).exceeds(Quantity.parse(limit)):
                raise ValueError(
                    f"requests.{name} {requested} must be less than or equal to {name} limit {limit}; "
                    "raise the limit or lower the request"
                )
        return self

    @field_validator("requests", "limits")
    @classmethod
    def _devices_are_whole(cls, amounts: dict[str, str | int] | None) -> dict[str, str | int] | None:
        for name, amount in (amounts or {}).items():
            if (is_extended(name) or name == "gpu") and not Quantity.parse(amount).is_whole:
                raise ValueError(f"{name} {amount} must be a whole number")
        return amounts


class Toleration(Model):
    """A taint that the pod tolerates."""

    key: EmptyIsAbsent[str | None] = Field(
        None, max_length=317, description="Key of the taint. Without a key, Exists matches every taint."
    )
    operator: Literal["Exists", "Equal", "Lt", "Gt"] | None = Field(
        None, description="How the value is compared. Default: Equal."
    )
    value: EmptyIsAbsent[str | None] = Field(None, max_length=63, description="Value of the taint.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="Effect of the taint. Default: any effect."
    )
    toleration_seconds: int | None = Field(None, description="How long NoExecute is tolerated. Default: forever.")

    @model_validator(mode="after")
    def _is_one_that_kubernetes_takes(self) -> Self:
        """Refuse what the API server refuses: these fields depend on each other."""
        if not self.key and self.operator != "Exists":
            raise ValueError("a toleration without a key needs operator: Exists, which matches every taint")
        if self.operator == "Exists" and self.value:
            raise ValueError("operator: Exists matches any value; remove the value, or write operator: Equal")
        if self.operator in (None, "Equal") and not is_label_value(self.value or ""):
            raise ValueError(f"{self.value!r} is no value of a taint")
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            raise ValueError("tolerationSeconds is for effect: NoExecute only; write this effect, or remove it")
        return self


class HostAlias(Model):
    """An address for host names, as a line of the pods' hosts file."""

    ip: str = Field(max_length=45, description="IPv4 or IPv6 address.")
    hostnames: EmptyCounts[list[HostName]] = Field(
        min_length=1, max_length=16, description="Host names for the address."
    )

    @field_validator("ip")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        """Refuse what is not an address, and the zone of an address, which Kubernetes does not take."""
        try:
            ip_address(text)
        except ValueError:
            raise ValueError(f"{text!r} is not an IP address") from None
        if "%" in text:
            raise ValueError(f"{text!r} has a zone, which a host alias cannot have; remove what follows the address")
        return text


class NonRetryable(Model):
    """Failures of the handler that are not retried. They end the run at once, whatever `backoffLimit` says."""

    exit_codes: list[Annotated[int, Field(ge=1, le=255)]] | None = Field(
        None, max_length=64, description="Exit codes of the handler, by sys.exit or otherwise."
    )
    exceptions: list[ExceptionName] | None = Field(
        None,
        max_length=64,
        description="Exception types, including their subclasses: ValueError, or with the module, "
        "package.errors.BadData.",
    )


class RunOptions(Model):
    """Options of the Job and its pods. Options of a run override those of its function."""

    node_selector: EmptyIsAbsent[dict[LabelKey, LabelValue] | None] = Field(
        None, max_length=32, description="Labels that a node must have to run the pods."
    )
    volumes: EmptyIsAbsent[list[Volume] | None] = Field(
        None, max_length=32, description="Volumes and their mount paths."
    )
    resources: EmptyIsAbsent[Resources | None] = Field(
        None, description="Compute resources. The key gpu means the cluster's GPU resource."
    )
    affinity: AsWritten[dict[str, Any] | None] = Field(
        None, description="Kubernetes affinity of the pods.", json_schema_extra=FREE_FORM
    )
    tolerations: EmptyIsAbsent[list[Toleration] | None] = Field(
        None, max_length=32, description="Taints that the pods tolerate."
    )
    env: EmptyIsAbsent[list[EnvVar] | None] = Field(
        None, max_length=256, description="Environment variables of the handler."
    )
    secrets: EmptyIsAbsent[list[Annotated[str | SecretRef, Field(json_schema_extra=ANYTHING)]] | None] = Field(
        None,
        max_length=32,
        description="Secrets to set as environment variables: names, or {name, keys, prefix, optional}.",
    )
    image_pull_secrets: EmptyIsAbsent[list[DnsName] | None] = Field(
        None, max_length=16, description="Names of Secrets for pulling images."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="Image pull policy. Default: the operator's setting."
    )
    service_account_name: DnsName | None = Field(
        None,
        description="Service account of the pods, for its cloud identity and pull Secrets. Its token is never mounted.",
    )
    priority_class_name: DnsName | None = Field(None, description="PriorityClass of the pods.")
    runtime_class_name: DnsName | None = Field(None, description="RuntimeClass of the pods.")
    scheduler_name: DnsName | None = Field(None, description="Scheduler of the pods.")
    host_aliases: EmptyIsAbsent[list[HostAlias] | None] = Field(
        None, max_length=16, description="Addresses of host names in the pods. The operator may forbid them."
    )
    fs_group: int | None = Field(
        None,
        ge=1,
        le=bounds.GROUP.limit,
        description="Group that owns the files of the pods' volumes. Default: the group of the operator's setting.",
    )
    topology_spread_constraints: AsWritten[
        list[Annotated[dict[str, Any], Field(json_schema_extra=FREE_FORM)]] | None
    ] = Field(None, max_length=8, description="Kubernetes topologySpreadConstraints of the pods.")
    termination_grace_period_seconds: int | None = Field(
        None,
        ge=0,
        le=86_400,
        description="Seconds for storing partial results after the pod is told to terminate. Default: 30.",
    )
    pod_labels: EmptyIsAbsent[dict[LabelKey, LabelValue] | None] = Field(
        None, max_length=32, description="Labels of the Job and its pods."
    )
    pod_annotations: EmptyIsAbsent[dict[AnnotationKey, str] | None] = Field(
        None, max_length=32, description="Annotations of the pods."
    )
    pod_template: AsWritten[dict[str, Any] | None] = Field(
        None,
        description="Pod template that all other options override. Fields that Pod Security forbids are removed.",
        json_schema_extra=FREE_FORM,
    )
    backoff_limit: StartsNothing[int | None] = Field(
        None, ge=0, le=1000, description="Number of retries after a failed pod. Default: the operator's setting, 0."
    )
    non_retryable: StartsNothing[NonRetryable | None] = Field(
        None, description="Exit codes and exceptions of the handler that are not retried."
    )
    active_deadline_seconds: StartsNothing[int | None] = Field(
        None, ge=1, le=31_536_000, description="Seconds that the Job may run from its start, including retries."
    )
    pending_deadline_seconds: StartsNothing[int | None] = Field(
        None,
        ge=1,
        le=31_536_000,
        description="Seconds without a running pod after which the run fails. Default: the operator's setting.",
    )
    max_disruptions: StartsNothing[int | None] = Field(
        None,
        ge=0,
        le=1000,
        description="Number of evictions and preemptions that are tolerated, for each replica or point. Default: 10.",
    )
    ttl_seconds_after_finished: StartsNothing[int | None] = Field(
        None,
        ge=0,
        le=315_360_000,
        description="Seconds after the end when the Job and its pods are deleted. Default: never.",
    )

    @field_validator("volumes")
    @classmethod
    def _one_source_a_name_and_one_volume_a_path(cls, volumes: list[Volume] | None) -> list[Volume] | None:
        """Refuse two sources of one name, and two mounts at one path. One volume may have several mounts."""
        sources: dict[str, Volume] = {}
        for volume in volumes or ():
            if sources.setdefault(volume.name, volume).source != volume.source:
                raise ValueError(f"two volumes have the name {volume.name!r} and different sources; rename one")
        paths = [volume.mount_path.rstrip("/") for volume in volumes or ()]
        repeated = next((path for path in paths if paths.count(path) > 1), None)
        if repeated is not None:
            raise ValueError(f"two volumes are mounted at {repeated}; choose another mountPath for one")
        return volumes

    @field_validator("fs_group", mode="before")
    @classmethod
    def _is_a_number(cls, group: Any) -> Any:
        """Refuse texts and booleans, as the API server does."""
        if isinstance(group, str | bool):
            raise ValueError(f"{group!r} is not a number")  # noqa: TRY004 - pydantic reports ValueErrors only
        return group

    @field_validator("affinity")
    @classmethod
    def _is_an_affinity(cls, affinity: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if affinity is None else cast(dict[str, Any], checked(affinity, "Affinity"))

    @field_validator("topology_spread_constraints")
    @classmethod
    def _are_constraints(cls, constraints: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
        if constraints is None:
            return None
        return cast(list[dict[str, Any]], checked(constraints, "[TopologySpreadConstraint]"))

    @field_validator("pod_template")
    @classmethod
    def _is_a_template(cls, template: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if template is None else checked_template(template)
