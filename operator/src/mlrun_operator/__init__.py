"""Run MLRun functions on Kubernetes with nothing but Kubernetes.

    import mlrun_operator as dh

    project = dh.get_or_create_project("demo")

The SDK's names are loaded at their first use: importing this package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mlrun_operator.version import __version__ as __version__

if TYPE_CHECKING:
    from mlrun_operator.sdk import (
        Artifact as Artifact,
    )
    from mlrun_operator.sdk import (
        Connection as Connection,
    )
    from mlrun_operator.sdk import (
        DataItem as DataItem,
    )
    from mlrun_operator.sdk import (
        Entity as Entity,
    )
    from mlrun_operator.sdk import (
        Function as Function,
    )
    from mlrun_operator.sdk import (
        Iteration as Iteration,
    )
    from mlrun_operator.sdk import (
        Log as Log,
    )
    from mlrun_operator.sdk import (
        Model as Model,
    )
    from mlrun_operator.sdk import (
        Project as Project,
    )
    from mlrun_operator.sdk import (
        Results as Results,
    )
    from mlrun_operator.sdk import (
        Run as Run,
    )
    from mlrun_operator.sdk import (
        Secret as Secret,
    )
    from mlrun_operator.sdk import (
        aio as aio,
    )
    from mlrun_operator.sdk import (
        connect as connect,
    )
    from mlrun_operator.sdk import (
        create_project as create_project,
    )
    from mlrun_operator.sdk import (
        delete_artifact as delete_artifact,
    )
    from mlrun_operator.sdk import (
        delete_dataitem as delete_dataitem,
    )
    from mlrun_operator.sdk import (
        delete_function as delete_function,
    )
    from mlrun_operator.sdk import (
        delete_model as delete_model,
    )
    from mlrun_operator.sdk import (
        delete_project as delete_project,
    )
    from mlrun_operator.sdk import (
        delete_run as delete_run,
    )
    from mlrun_operator.sdk import (
        disconnect as disconnect,
    )
    from mlrun_operator.sdk import (
        errors as errors,
    )
    from mlrun_operator.sdk import (
        from_yaml as from_yaml,
    )
    from mlrun_operator.sdk import (
        get_artifact as get_artifact,
    )
    from mlrun_operator.sdk import (
        get_dataitem as get_dataitem,
    )
    from mlrun_operator.sdk import (
        get_function as get_function,
    )
    from mlrun_operator.sdk import (
        get_model as get_model,
    )
    from mlrun_operator.sdk import (
        get_or_create_project as get_or_create_project,
    )
    from mlrun_operator.sdk import (
        get_project as get_project,
    )
    from mlrun_operator.sdk import (
        get_run as get_run,
    )
    from mlrun_operator.sdk import (
        import_project as import_project,
    )
    from mlrun_operator.sdk import (
        list_artifacts as list_artifacts,
    )
    from mlrun_operator.sdk import (
        list_dataitems as list_dataitems,
    )
    from mlrun_operator.sdk import (
        list_functions as list_functions,
    )
    from mlrun_operator.sdk import (
        list_models as list_models,
    )
    from mlrun_operator.sdk import (
        list_projects as list_projects,
    )
    from mlrun_operator.sdk import (
        list_runs as list_runs,
    )
    from mlrun_operator.sdk import (
        load_project as load_project,
    )
    from mlrun_operator.sdk import (
        new_artifact as new_artifact,
    )
    from mlrun_operator.sdk import (
        new_dataitem as new_dataitem,
    )
    from mlrun_operator.sdk import (
        new_function as new_function,
    )
    from mlrun_operator.sdk import (
        new_model as new_model,
    )
    from mlrun_operator.sdk import (
        new_project as new_project,
    )
    from mlrun_operator.sdk import (
        new_secret as new_secret,
    )
    from mlrun_operator.sdk import (
        update_artifact as update_artifact,
    )
    from mlrun_operator.sdk import (
        update_dataitem as update_dataitem,
    )
    from mlrun_operator.sdk import (
        update_function as update_function,
    )
    from mlrun_operator.sdk import (
        update_model as update_model,
    )
    from mlrun_operator.sdk import (
        update_project as update_project,
    )

_SDK = frozenset(
    {
        "Artifact",
        "Connection",
        "DataItem",
        "Entity",
        "Function",
        "Iteration",
        "Log",
        "Model",
        "Project",
        "Results",
        "Run",
        "Secret",
        "aio",
        "connect",
        "create_project",
        "delete_artifact",
        "delete_dataitem",
        "delete_function",
        "delete_model",
        "delete_project",
        "delete_run",
        "disconnect",
        "errors",
        "from_yaml",
        "get_artifact",
        "get_dataitem",
        "get_function",
        "get_model",
        "get_or_create_project",
        "get_project",
        "get_run",
        "import_project",
        "list_artifacts",
        "list_dataitems",
        "list_functions",
        "list_models",
        "list_projects",
        "list_runs",
        "load_project",
        "new_artifact",
        "new_dataitem",
        "new_function",
        "new_model",
        "new_project",
        "new_secret",
        "update_artifact",
        "update_dataitem",
        "update_function",
        "update_model",
        "update_project",
    }
)


def __getattr__(name: str) -> Any:
    """A name of the SDK, loaded now."""
    if name in _SDK:
        return getattr(importlib.import_module("mlrun_operator.sdk"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SDK})
