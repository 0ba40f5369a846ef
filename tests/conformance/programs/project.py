"""The project object in a handler: its artifacts, lists, functions and nested runs."""

import os

import mlrun
import pandas as pd

RUN = {
    "list_models_of_earlier_runs": [
        {"handler": "_train"},
        {"handler": "list_models_of_earlier_runs"},
    ],
    "list_artifacts_of_earlier_runs": [
        {"handler": "_train"},
        {"handler": "list_artifacts_of_earlier_runs"},
    ],
    "get_artifact_of_an_earlier_run": [
        {"handler": "_train"},
        {"handler": "get_artifact_of_an_earlier_run"},
    ],
}
DIFFERS = {
    "delete_artifact": {
        "verdict": "refused",
        "why": "A run adds to the store and deletes nothing; delete there, or by a lifecycle rule of the bucket.",
        "differs": {
            "error": [None, "del_artifact needs an MLRun API server"],
            "state": ["completed", "error"],
            "artifacts.report": [None, {"kind": "artifact", "labels": {}, "files": {"*.txt": "hello"}}],
        },
    },
}


def _frame():
    return pd.DataFrame({"a": [1, 2]})


def _train(context):
    context.log_model("classifier", body=b"w", model_file="m.bin", db_key="classifier", labels={"stage": "prod"})
    context.log_artifact("note", body="n", local_path="note.txt", db_key="note")


def _child(context, n=1):
    context.log_result("double", 2 * n)
    if n > 5:
        raise ValueError("too large")


def _project(context):
    return context.get_project_object()


def name_and_metadata(context):
    """`name`, `kind` and `metadata`."""
    project = _project(context)
    context.log_result("project", [project.name, project.kind, project.metadata.name])


def log_artifact(context):
    """`project.log_artifact` of a text."""
    _project(context).log_artifact("report", body="hello", local_path="report.txt")


def log_artifact_with_labels(context):
    """`project.log_artifact` with labels and a format."""
    _project(context).log_artifact("page", body="<p/>", format="html", labels={"stage": "test"})


def log_dataset(context):
    """`project.log_dataset`."""
    _project(context).log_dataset("table", df=_frame(), format="csv")


def log_model(context):
    """`project.log_model`."""
    _project(context).log_model("model", body=b"w", model_file="m.bin", framework="sklearn", metrics={"a": 0.5})


def log_code_file(context):
    """`project.log_code_file`."""
    with open("train.py", "w") as file:
        file.write("print('hi')\n")
    _project(context).log_code_file("code", local_path="train.py")


def log_document(context):
    """`project.log_document`."""
    with open("paper.txt", "w") as file:
        file.write("words")
    _project(context).log_document("paper", local_path="paper.txt", upload=True)


def log_llm_prompt(context):
    """`project.log_llm_prompt`."""
    _project(context).log_llm_prompt("prompt", prompt_template=[{"role": "user", "content": "a"}])


def log_beside_the_context(context):
    """One key by the project and by the context: two artifacts of mlrun, of which one is by the run."""
    _project(context).log_artifact("first", body="by the project", local_path="p.txt")
    context.log_artifact("second", body="by the context", local_path="c.txt")


def get_artifact(context):
    """`project.get_artifact` of what the project logged."""
    project = _project(context)
    project.log_artifact("report", body="hello", local_path="report.txt", labels={"a": "b"})
    context.log_result("labels", project.get_artifact("report").labels)


def get_artifact_uri(context):
    """`project.get_artifact_uri` is a URI of mlrun."""
    context.log_result("uri", _project(context).get_artifact_uri("report", tag="v1").startswith("store://"))


def get_store_resource(context):
    """`project.get_store_resource` of what was logged."""
    made = context.log_artifact("report", body="hello", local_path="report.txt")
    context.log_result("kind", _project(context).get_store_resource(made.uri).kind)


def update_artifact(context):
    """`project.update_artifact` changes labels."""
    project = _project(context)
    made = project.log_artifact("report", body="hello", local_path="report.txt")
    made.metadata.labels = {"checked": "yes"}
    project.update_artifact(made)


def delete_artifact(context):
    """`project.delete_artifact` of what was just logged."""
    project = _project(context)
    made = project.log_artifact("report", body="hello", local_path="report.txt")
    project.delete_artifact(made)


def list_artifacts(context):
    """`project.list_artifacts` of this run's."""
    context.log_artifact("first", body="1", local_path="1.txt", db_key="first")
    context.log_artifact("second", body="2", local_path="2.txt", db_key="second")
    context.log_result("keys", sorted(a["metadata"]["key"] for a in _project(context).list_artifacts()))


def list_artifacts_by_name(context):
    """`project.list_artifacts` by name and by a part of it."""
    context.log_artifact("first", body="1", local_path="1.txt", db_key="first")
    context.log_artifact("second", body="2", local_path="2.txt", db_key="second")
    project = _project(context)
    context.log_result("named", [len(project.list_artifacts("first")), len(project.list_artifacts("~ECO"))])


def list_artifacts_by_label(context):
    """`project.list_artifacts` by labels."""
    context.log_artifact("first", body="1", local_path="1.txt", labels={"stage": "test"})
    context.log_artifact("second", body="2", local_path="2.txt", labels={"stage": "prod"})
    project = _project(context)
    context.log_result("by_value", [a["metadata"]["key"] for a in project.list_artifacts(labels="stage=prod")])
    context.log_result("by_name", len(project.list_artifacts(labels=["stage"])))


def list_artifacts_by_kind(context):
    """`project.list_artifacts` by kind."""
    context.log_artifact("note", body="1", local_path="1.txt")
    context.log_dataset("frame", df=_frame())
    context.log_result("datasets", [a["metadata"]["key"] for a in _project(context).list_artifacts(kind="dataset")])


def list_artifacts_by_tag(context):
    """`project.list_artifacts` by tag."""
    context.log_artifact("first", body="1", local_path="1.txt", tag="v1")
    context.log_artifact("second", body="2", local_path="2.txt", tag="v2")
    context.log_result("tagged", [a["metadata"]["key"] for a in _project(context).list_artifacts(tag="v1")])


def list_artifacts_as_objects(context):
    """`to_objects` of a list of artifacts."""
    context.log_artifact("note", body="hello", local_path="note.txt")
    objects = _project(context).list_artifacts().to_objects()
    context.log_result("texts", [each.to_dataitem().get(encoding="utf-8") for each in objects])


def list_models(context):
    """`project.list_models` of this run's."""
    context.log_model("model", body=b"w", model_file="m.bin", framework="sklearn")
    context.log_artifact("note", body="1", local_path="1.txt")
    context.log_result("models", [[model.key, model.spec.framework] for model in _project(context).list_models()])


def list_models_of_earlier_runs(context):
    """`project.list_models` of an earlier run's."""
    context.log_result("models", [model.key for model in _project(context).list_models("classifier")])


def list_artifacts_of_earlier_runs(context):
    """`project.list_artifacts` of an earlier run's."""
    context.log_result("keys", sorted({a["metadata"]["key"] for a in _project(context).list_artifacts()}))


def get_artifact_of_an_earlier_run(context):
    """`project.get_artifact` of an earlier run's."""
    made = _project(context).get_artifact("classifier")
    context.log_result("artifact", [made.kind, made.labels])


def list_llm_prompts(context):
    """`project.list_llm_prompts` of this run's."""
    context.log_llm_prompt("prompt", prompt_template=[{"role": "user", "content": "a"}])
    context.log_result("prompts", [prompt.key for prompt in _project(context).list_llm_prompts()])


def list_runs(context):
    """`project.list_runs` holds this run."""
    context.commit()
    context.log_result("known", context.uid in [run["metadata"]["uid"] for run in _project(context).list_runs()])


def list_functions(context):
    """`project.list_functions` after `set_function`."""
    project = _project(context)
    project.set_function(__file__, name="child", kind="job", image="any/image", handler="_child")
    context.log_result("names", [name for name in project.get_function_names() if name == "child"])
    project.get_function("child").save()
    context.log_result("stored", "child" in [function.metadata.name for function in project.list_functions()])


def params_of_the_project(context):
    """`project.params` and `get_param`, and `context.get_project_param`."""
    project = _project(context)
    project.spec.params = {"threshold": 7}
    context.log_result("params", [project.params, project.get_param("threshold"), project.get_param("other", 3)])
    context.log_result("of_context", [context.get_project_param("threshold"), context.get_project_param("other", 4)])


def get_secret(context):
    """`project.get_secret` reads the environment."""
    os.environ["MY_SECRET"] = "s3cret"
    context.log_result("secret", str(_project(context).get_secret("MY_SECRET")))


def artifact_path(context):
    """`project.artifact_path` is settable."""
    project = _project(context)
    project.artifact_path = os.path.abspath("mine")
    context.log_result("path", project.artifact_path.endswith("/mine"))


def to_dict_and_yaml(context):
    """`to_dict`, `to_json` and `to_yaml` of the project."""
    project = _project(context)
    texts = project.to_yaml(), project.to_json()
    context.log_result("named", [project.to_dict()["metadata"]["name"], *("demo" in text for text in texts)])


def save_project(context):
    """`project.save_to_db` keeps parameters for the rest of the run."""
    project = _project(context)
    project.spec.params = {"threshold": 7}
    project.save_to_db()
    context.log_result("saved", mlrun.get_run_db().get_project(context.project).spec.params)


def set_artifact(context):
    """`project.set_artifact` is a declaration of the project."""
    project = _project(context)
    project.set_artifact("raw", target_path="https://example.org/raw.csv")
    context.log_result("declared", [artifact["metadata"]["key"] for artifact in project.to_dict()["spec"]["artifacts"]])


def get_function(context):
    """`project.get_function` of a function that was set."""
    project = _project(context)
    project.set_function(__file__, name="child", kind="job", image="any/image", handler="_child")
    context.log_result("function", [project.get_function("child").metadata.name, project.get_function("child").kind])


def run_function(context):
    """`project.run_function` runs a function in this process."""
    project = _project(context)
    project.set_function(__file__, name="child", kind="job", image="any/image", handler="_child")
    made = project.run_function("child", params={"n": 4}, local=True)
    context.log_result("double", made.status.results["double"])
    context.log_result("state", made.status.state)


def run_function_that_fails(context):
    """A nested run that fails raises in the outer one."""
    project = _project(context)
    project.set_function(__file__, name="child", kind="job", image="any/image", handler="_child")
    try:
        project.run_function("child", params={"n": 6}, local=True)
    except mlrun.runtimes.utils.RunError as error:
        context.log_result("failed", "too large" in str(error))


def run_function_with_hyperparameters(context):
    """A nested sweep."""
    project = _project(context)
    project.set_function(__file__, name="child", kind="job", image="any/image", handler="_child")
    made = project.run_function("child", hyperparams={"n": [1, 3, 2]}, selector="max.double", local=True)
    context.log_result("best", [made.status.results["best_iteration"], made.status.results["double"]])


def new_function_and_run(context):
    """`mlrun.new_function` runs a handler of this module."""
    made = mlrun.new_function("inner", project=context.project).run(handler=_child, params={"n": 2})
    context.log_result("double", made.status.results["double"])


def code_to_function_and_run(context):
    """`mlrun.code_to_function` of this file, run in this process."""
    function = mlrun.code_to_function(
        "inner", project=context.project, filename=__file__, kind="job", image="any/image"
    )
    made = function.run(handler="_child", params={"n": 3}, local=True)
    context.log_result("double", made.status.results["double"])


def mlrun_run_function(context):
    """`mlrun.run_function` with the project's object."""
    project = _project(context)
    project.set_function(__file__, name="child", kind="job", image="any/image", handler="_child")
    made = mlrun.run_function("child", params={"n": 4}, project_object=project, local=True)
    context.log_result("double", made.status.results["double"])


def get_or_create_project(context):
    """`mlrun.get_or_create_project` of the run's project."""
    project = mlrun.get_or_create_project(context.project, context="./", user_project=False)
    context.log_result("name", project.name)


def get_current_project(context):
    """`mlrun.get_current_project` is the run's project."""
    context.log_result("name", mlrun.get_current_project().name)


def feature_store_needs_a_server(context):
    """Feature sets are not part of a run without a server."""
    import mlrun.feature_store

    context.log_result("module", mlrun.feature_store.__name__)
