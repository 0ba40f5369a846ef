"""A pod in an image that is not ours: an init container copies the wrapper's interpreter into it.

The image's environment stays unchanged. The interpreter is started by its own loader with its own libraries, and in
isolated mode, so that the image's PYTHON variables apply only to the function.
"""

from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object

VOLUME: Final = "mlrun-wrapper"
HOME: Final = "/opt/mlrun-wrapper"
# Where the init container mounts the volume, since its own image has the wrapper at HOME.
_COPY_TARGET: Final = "/opt/mlrun-carried"
# The kernel drops a SIGTERM that comes before the first process of a container handles it: tini is that process.
_WRAPPER: Final = ("/usr/bin/tini-static", "--", f"{HOME}/bin/python", "-I", "-m")
_FOREIGN_COMMAND: Final = (
    *(f"{HOME}/bin/tini", "--"),
    *(f"{HOME}/loader", "--inhibit-cache", "--library-path", f"{HOME}/libraries"),
    *(f"{HOME}/bin/python", "-I", "-X", "utf8", "-m", "mlrun_wrapper"),
)
# Variables of the function's environment that would break the programs of the wrapper's image.
UNSAFE_ENV: Final = ("PATH", "LD_PRELOAD", "LD_LIBRARY_PATH")
# Resources that the init container needs; it needs no GPU.
_INIT_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage")


def in_foreign_image(container: Object, platform: Platform, *, fetch: bool) -> Object:
    """Return the containers and volumes of a pod spec that run `container` in an image without the wrapper.

    With `fetch` the init container also fetches the source, with the function's own environment and volumes.
    """
    wrapper_mount = {"name": VOLUME, "mountPath": HOME, "readOnly": True}
    main = {
        **container,
        "command": list(_FOREIGN_COMMAND),
        "workingDir": "/work",
        "volumeMounts": [*container["volumeMounts"], wrapper_mount],
    }
    return {
        "initContainers": [_init_container(container, platform, fetch=fetch)],
        "containers": [main],
        "volumes": [{"name": VOLUME, "emptyDir": {}}],
    }


def _init_container(container: Object, platform: Platform, *, fetch: bool) -> Object:
    """Return the init container that copies the wrapper, and with `fetch` fetches the source."""
    resources = {
        kind: {name: amount for name, amount in amounts.items() if name in _INIT_RESOURCES}
        for kind, amounts in (container.get("resources") or {}).items()
    }
    init: Object = {
        "name": constants.INIT_CONTAINER,
        "image": platform.wrapper_image,
        "imagePullPolicy": platform.image_pull_policy,
        "command": [*_WRAPPER, "mlrun_wrapper.ahead", *(["fetch"] if fetch else [])],
        **({"resources": resources} if resources else {}),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": VOLUME, "mountPath": _COPY_TARGET}],
    }
    if fetch:
        init["env"] = [entry for entry in container["env"] if entry["name"] not in UNSAFE_ENV]
        init["envFrom"] = container["envFrom"]
        init["volumeMounts"] += container["volumeMounts"]
    return init
