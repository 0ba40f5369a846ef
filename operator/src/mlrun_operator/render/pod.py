"""The pod of the wrapper: the user's template, overridden by the options and then by the platform's settings."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.options import Resources, RunOptions
from mlrun_operator.render.foreign_image import in_foreign_image
from mlrun_operator.render.indexed_job import Replicas, SweepPoints
from mlrun_operator.render.reserved import check_group, check_host_aliases
from mlrun_operator.render.template import enforce_restricted, merge, overridden_fields, without_forbidden
from mlrun_operator.render.volumes import mount, secret_environment, volume, with_temporary_mounts

WORK_DIR: Final = "/work"
WORK_VOLUME: Final = "work"
STORE_PREFIX: Final = "MLRUN_STORE_"
_TERMINATION_LOG: Final = "/dev/termination-log"


def pod_spec(
    function: FunctionSpec,
    options: RunOptions,
    platform: Platform,
    parallel: Replicas | SweepPoints | None = None,
    defaults: Mapping[str, str] = MappingProxyType({}),
) -> Object:
    """Return the pod's spec. The environment has each variable of `defaults` that the run does not set.

    Raises ValueError for options that cannot be rendered and for images that are not allowed.
    """
    image = platform.image_for(function.image)
    container = _container(image, options, platform)
    # Kubernetes uses the last of two variables with the same name.
    default_env = [{"name": name, "value": value} for name, value in defaults.items()]
    container["env"] = [*default_env, *container["env"], *(parallel.environment if parallel else [])]
    spec = merge(without_forbidden(options.pod_template or {}), _pod_options(options))
    spec = merge(spec, _platform_defaults(platform))
    if parallel is not None and parallel.domain:
        spec["subdomain"] = parallel.domain
    is_own_image = image in platform.own_images
    repository = function.source.uri is not None and function.source.uri.kind == "git"
    spec = merge(
        spec, {"containers": [container]} if is_own_image else in_foreign_image(container, platform, fetch=repository)
    )
    for image in _images(spec):
        platform.check_allowed(image)
    check_host_aliases(options, platform)
    check_group(options, platform)
    return merge(with_temporary_mounts(enforce_restricted(spec), WORK_VOLUME), _bounded_options(options))


def overridden_by_platform(template: Mapping[str, Any], platform: Platform) -> list[str]:
    """Return the paths of the template's fields that the platform takes out or sets itself."""
    base = merge(without_forbidden(template), _platform_defaults(platform))
    pod = enforce_restricted({"containers": [], **base})
    return list(overridden_fields(template.get("spec") or {}, pod))


def _images(spec: Object) -> Iterator[str]:
    """Yield every image of the pod: of its containers and of its image volumes."""
    for container in (*spec["containers"], *spec.get("initContainers", ())):
        yield str(container.get("image", ""))
    for pod_volume in spec.get("volumes", ()):
        if "image" in pod_volume:
            yield str(pod_volume["image"].get("reference", ""))


def _pod_options(options: RunOptions) -> Object:
    """Return the fields of the pod's spec that options set directly."""
    fields = options.wire()
    unchanged = (
        "nodeSelector",
        "affinity",
        "tolerations",
        "serviceAccountName",
        "priorityClassName",
        "runtimeClassName",
        "schedulerName",
        "topologySpreadConstraints",
        "terminationGracePeriodSeconds",
    )
    spec: Object = {name: fields[name] for name in unchanged if name in fields}
    if options.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in options.image_pull_secrets]
    if options.volumes:
        spec["volumes"] = [volume(entry) for entry in options.volumes]
    return spec


def _bounded_options(options: RunOptions) -> Object:
    """Return the fields that templates may not set, and options may within the platform's bounds."""
    fields = options.wire()
    group = {"fsGroup": options.fs_group, "fsGroupChangePolicy": "OnRootMismatch"}
    return {
        **({"hostAliases": fields["hostAliases"]} if options.host_aliases else {}),
        **({"securityContext": group} if options.fs_group is not None else {}),
    }


def _platform_defaults(platform: Platform) -> Object:
    """Return the fields that every pod has, whatever template and options say."""
    user = platform.run_as_user
    return {
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            **(dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"), user) if user is not None else {}),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumes": [
            {
                "name": "envelope",
                "downwardAPI": {
                    "items": [
                        {
                            "path": constants.ENVELOPE_FILE,
                            "fieldRef": {"fieldPath": f"metadata.annotations['{constants.ANNOTATION_ENVELOPE}']"},
                        }
                    ]
                },
            },
            {"name": WORK_VOLUME, "emptyDir": {}},
            # Multiprocessing and numpy use shared memory; the container runtime's default of 64 MiB is too small.
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
        ],
    }


def _container(image: str, options: RunOptions, platform: Platform) -> Object:
    env, env_from = [entry.wire() for entry in options.env or ()], []
    for secret in options.secrets or ():
        secret_env, secret_env_from = secret_environment(secret)
        env += secret_env
        env_from += secret_env_from
    # The store's keys appear under their usual names, which the run may override, and under names for the wrapper.
    store = {"secretRef": {"name": platform.store.secret, "optional": True}}
    policy = options.image_pull_policy or (platform.image_pull_policy if image in platform.own_images else None)
    return {
        "name": constants.CONTAINER,
        "image": image,
        **({"imagePullPolicy": policy} if policy else {}),
        # The platform's variables come last, so that they override the user's.
        "env": [*env, *_environment()],
        "envFrom": [store, *env_from, {"prefix": STORE_PREFIX, **store}],
        **({"resources": _resources(options, platform)} if options.resources else {}),
        "terminationMessagePath": _TERMINATION_LOG,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            *(mount(entry) for entry in options.volumes or ()),
            {"name": "envelope", "mountPath": constants.ENVELOPE_DIR, "readOnly": True},
            {"name": WORK_VOLUME, "mountPath": WORK_DIR},
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - a mount, not a temporary file
        ],
    }


def _resources(options: RunOptions, platform: Platform) -> Object:
    """Return requests and limits; `gpu` becomes the cluster's GPU resource, with the same request and limit."""
    resources = options.resources or Resources()
    kinds = {"requests": dict(resources.requests or {}), "limits": dict(resources.limits or {})}
    gpus = [kinds[kind].pop("gpu") for kind in ("limits", "requests") if "gpu" in kinds[kind]]
    if gpus:
        for amounts in kinds.values():
            amounts[platform.gpu_resource] = gpus[0]
    return {kind: amounts for kind, amounts in kinds.items() if amounts}


def _environment() -> list[Object]:
    fixed = {
        "HOME": f"{WORK_DIR}/home",
        "TMPDIR": f"{WORK_DIR}/tmp",  # noqa: S108 - in the pod, on its own volume
        "MPLCONFIGDIR": f"{WORK_DIR}/matplotlib",
        "MLRUN_WORK_DIR": WORK_DIR,
        "MLRUN_ENVELOPE_FILE": f"{constants.ENVELOPE_DIR}/{constants.ENVELOPE_FILE}",
        "MLRUN_TERMINATION_LOG": _TERMINATION_LOG,
    }
    from_pod = {
        "MLRUN_POD_NAME": "metadata.name",
        "MLRUN_POD_UID": "metadata.uid",
        "MLRUN_JOB_NAME": "metadata.labels['batch.kubernetes.io/job-name']",
        "MLRUN_JOB_UID": "metadata.labels['batch.kubernetes.io/controller-uid']",
    }
    return [
        *({"name": name, "value": value} for name, value in fixed.items()),
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in from_pod.items()),
    ]
