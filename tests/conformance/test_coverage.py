"""Every public method of mlrun that a run can use is exercised by a program, or is listed here with the reason."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any, Final

import pytest

from docgen.programs import FOLDER, programs

# mlrun's own import warns of what its libraries deprecate.
pytestmark = pytest.mark.filterwarnings("ignore")

_CONTEXT: Final = {"context", "child", "other", "same"}
_ITEM: Final = {"data", "item", "model"}
_PROJECT: Final = {"project"}

_NOT_OF_CONTEXT: Final = {
    "notifications are sent by mlrun's API server": {"get_notifications"},
}
_NOT_OF_ITEM: Final[dict[str, set[str]]] = {}
_NOT_OF_PROJECT: Final = {
    "builds and deploys images and functions: needs mlrun's API server and Nuclio": {
        *("build_config", "build_function", "build_image", "deploy_function", "default_image", "set_default_image"),
        *("default_function_node_selector", "sync_functions", "get_function_objects", "delete_function"),
    },
    "alerts, model monitoring and endpoints are services of mlrun's API server": {
        *("create_model_monitoring_alert_configs", "create_model_monitoring_function", "create_user_model_endpoint"),
        *("delete_alert_config", "delete_model_monitoring_function", "delete_model_monitoring_lag_alert"),
        *("disable_model_monitoring", "enable_model_monitoring", "get_alert_config", "get_alert_template"),
        *("get_drift_over_time", "get_model_monitoring_url", "get_monitoring_function_summaries"),
        *("get_monitoring_function_summary", "list_alert_activations", "list_alert_templates", "list_alerts_configs"),
        *("list_model_endpoints", "list_model_monitoring_functions", "paginated_list_alert_activations"),
        *("reset_alert_config", "set_model_monitoring_credentials", "set_model_monitoring_function"),
        *("set_model_monitoring_lag_alert", "store_alert_config", "update_model_monitoring_controller"),
    },
    "API gateways are Nuclio's": {"delete_api_gateway", "get_api_gateway", "list_api_gateways", "store_api_gateway"},
    "data store profiles and vector stores are kept by mlrun's API server": {
        *("delete_datastore_profile", "get_config_profile_attributes", "get_datastore_profile"),
        *("get_vector_store_collection", "list_datastore_profiles", "register_datastore_profile"),
    },
    "pages of a list are made by mlrun's API server": {
        *("paginated_list_artifacts", "paginated_list_functions", "paginated_list_llm_prompts"),
        *("paginated_list_models", "paginated_list_runs"),
    },
    "workflows are Kubeflow pipelines": {
        *("get_run_status", "notifiers", "push_pipeline_notification_kfp_runner", "push_run_notifications", "run"),
        *("save_workflow", "set_workflow", "workflows"),
    },
    "sources and Git of a project are handled outside of a run": {
        *("create_remote", "export", "pull", "push", "reload", "remove_remote", "save", "set_remote", "set_source"),
        *("setup", "source", "get_item_absolute_path", "mountdir", "context"),
    },
    "secrets of a project are stored by mlrun's API server; here they are Secrets": {"set_secrets", "with_secrets"},
    "artifacts of a project's file and of archives are registered outside of a run": {
        *("import_artifact", "register_artifacts"),
    },
    "packagers of a project's own are registered by its file": {
        *("add_custom_packager", "get_custom_packagers", "remove_custom_packager"),
    },
    "plain properties and conversions of mlrun's model": {"copy", "description", "from_dict", "status", "to_str"},
}
# The values in which a program writes each packager's type; its steps name the artifact types.
_PACKAGERS: Final = {
    "DefaultPackager": ["object_packed"],
    "NumPyNDArrayPackager": ["ndarray_packed"],
    "NumPyNDArrayDictPackager": ["ndarray_dict_packed"],
    "NumPyNDArrayListPackager": ["ndarray_list_packed"],
    "NumPyNumberPackager": ["numpy_number_packed"],
    "PandasDataFramePackager": ["frame_packed"],
    "PandasSeriesPackager": ["series_packed"],
    "NonePackager": ["none_packed"],
    "IntPackager": ["int_packed"],
    "FloatPackager": ["float_packed"],
    "BoolPackager": ["bool_packed"],
    "StrPackager": ["str_packed", "str_of_a_folder_packed"],
    "DictPackager": ["dict_packed"],
    "ListPackager": ["list_packed"],
    "TuplePackager": ["tuple_packed"],
    "SetPackager": ["set_packed"],
    "FrozensetPackager": ["frozenset_packed"],
    "BytesPackager": ["bytes_packed"],
    "BytearrayPackager": ["bytearray_packed"],
    "PathPackager": ["path_packed"],
}
_NOT_OF_HINTS: Final = {
    "metrics": "is of models, and mlrun itself has no packager that makes one",
}


def _trees() -> Iterator[ast.Module]:
    for file in sorted(FOLDER.rglob("*.py")):
        yield ast.parse(file.read_text())


def _attributes(names: set[str], call: str = "") -> set[str]:
    """The attributes that programs use of variables with these names, or of what this function gives them."""
    return {
        node.attr
        for tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _is_of(node.value, names, call)
    }


def _is_of(value: ast.expr, names: set[str], call: str) -> bool:
    if isinstance(value, ast.Name):
        return value.id in names
    if isinstance(value, ast.Call):
        function = value.func
        return call in (getattr(function, "id", None), getattr(function, "attr", None))
    return False


def _public(cls: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(cls) if not name.startswith("_")}


def _cases() -> list[Any]:
    from mlrun import DataItem, MLClientCtx
    from mlrun.projects import MlrunProject

    return [
        (MLClientCtx, _attributes(_CONTEXT | {"MLClientCtx"}, "get_or_create_ctx"), _NOT_OF_CONTEXT),
        (DataItem, _attributes(_ITEM, "get_dataitem"), _NOT_OF_ITEM),
        (MlrunProject, _attributes(_PROJECT, "_project") | _attributes(set(), "get_project_object"), _NOT_OF_PROJECT),
    ]


@pytest.mark.parametrize("number", range(3), ids=["context", "item", "project"])
def test_each_public_name_is_exercised(number: int) -> None:
    cls, used, excused = _cases()[number]
    left_out = {name for names in excused.values() for name in names}

    assert _public(cls) - used - left_out == set(), "write a program for these, or say why not"
    assert left_out - _public(cls) == set(), "mlrun has no such names any more"
    assert left_out & used == set(), "these have a program"


def test_each_option_of_hyperparameters_is_exercised() -> None:
    from mlrun.model import HyperParamOptions

    options = set(inspect.signature(HyperParamOptions).parameters)
    used = {name for program in programs() for step in program.steps for name in step.get("hyper_param_options", {})}

    assert options == used


def test_each_part_of_a_log_hint_is_exercised() -> None:
    from mlrun.package import LogHint

    hints = [hint for program in programs() for step in program.steps for hint in step.get("returns", [])]
    used = {name for hint in hints if isinstance(hint, dict) for name in hint}
    used |= {"itemized"} if any("*" in str(hint) for hint in hints) else set()

    assert set(LogHint.__fields__) - used == set(_NOT_OF_HINTS)


def test_each_class_of_artifacts_is_exercised() -> None:
    import mlrun.artifacts

    classes = {name for name in vars(mlrun.artifacts) if name.endswith("Artifact")}
    # Made by their own methods of the context.
    by_method = {"CodeArtifact", "DatasetArtifact", "DocumentArtifact", "LLMPromptArtifact"}
    used = {node.id for tree in _trees() for node in ast.walk(tree) if isinstance(node, ast.Name)}

    assert classes - by_method - used == set()


def test_each_packager_packs_each_kind_of_artifact() -> None:
    packed = {program.name: program.steps[0]["returns"] for program in programs() if program.area == "packing"}
    for packager in _packagers():
        kinds = {name.removeprefix("pack_") for name in dir(packager) if name.startswith("pack_")}
        hints = [hint for name in _PACKAGERS[packager.__name__] for hint in packed[name]]
        assert kinds - {hint.partition(": ")[2] for hint in hints} == set(), packager.__name__


def _packagers() -> Iterator[type]:
    """mlrun's packagers of types that its image holds without its frameworks."""
    from mlrun.package import packagers

    for info in pkgutil.walk_packages(packagers.__path__, f"{packagers.__name__}."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            own = inspect.isclass(value) and value.__module__ == info.name and not name.startswith("_")
            if own and hasattr(value, "PACKABLE_OBJECT_TYPE"):
                yield value


def test_each_packager_of_mlrun_has_its_programs() -> None:
    assert {packager.__name__ for packager in _packagers()} == set(_PACKAGERS)
