"""A pod in an image that is not ours: an init container carries the wrapper's interpreter over, which runs there.

Nothing of ours is in the image's environment: the interpreter is started by its own loader with its own libraries, and
isolated, so that the image's PYTHON variables are the function's alone.
"""

from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.contract.platform import Platform
from mlrun_operator.api.objects import Object

VOLUME: Final = "mlrun-wrapper"
HOME: Final = "/opt/mlrun-wrapper"
# Where the init container, which has the wrapper at HOME itself, finds the volume.
_TARGET: Final = "/opt/mlrun-carried"
_WRAPPER: Final = (f"{HOME}/bin/python", "-I", "-m")
_CARRIED: Final = (
    *(f"{HOME}/bin/tini", "--"),  # as in the wrapper's own image
    *(f"{HOME}/loader", "--inhibit-cache", "--library-path", f"{HOME}/libraries"),
    *(f"{HOME}/bin/python", "-I", "-X", "utf8", "-m", "mlrun_wrapper"),
)
# Of the function's environment, what would lead the wrapper's image astray.
NOT_FOR_US: Final = ("PATH", "LD_PRELOAD", "LD_LIBRARY_PATH")
_ENOUGH: Final = ("cpu", "memory", "ephemeral-storage")


def carried(container: Object, platform: Platform, *, fetch: bool) -> Object:
    """The part of the pod's spec that runs `container` in somebody else's image.

    With `fetch` the init container fetches the source as well, with the function's own environment and volumes.
    """
    mounted = {"name": VOLUME, "mountPath": HOME, "readOnly": True}
    main = {
        **container,
        "command": list(_CARRIED),
        "workingDir": "/work",
        "volumeMounts": [*container["volumeMounts"], mounted],
    }
    return {
        "initContainers": [_init(container, platform, fetch=fetch)],
        "containers": [main],
        "volumes": [{"name": VOLUME, "emptyDir": {}}],
    }


def _init(container: Object, platform: Platform, *, fetch: bool) -> Object:
    """As much of the container as the wrapper needs to do its part ahead."""
    resources = {
        kind: {name: amount for name, amount in amounts.items() if name in _ENOUGH}
        for kind, amounts in (container.get("resources") or {}).items()
    }
    init: Object = {
        "name": constants.INIT_CONTAINER,
        "image": platform.wrapper_image,
        "imagePullPolicy": platform.image_pull_policy,
        "command": [*_WRAPPER, "mlrun_wrapper.ahead", *(["fetch"] if fetch else [])],
        **({"resources": resources} if resources else {}),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": VOLUME, "mountPath": _TARGET}],
    }
    if fetch:
        init["env"] = [entry for entry in container["env"] if entry["name"] not in NOT_FOR_US]
        init["envFrom"] = container["envFrom"]
        init["volumeMounts"] += container["volumeMounts"]
    return init
