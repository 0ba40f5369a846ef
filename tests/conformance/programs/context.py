"""The context of a run: parameters, results, labels, state."""

import json

import mlrun
import numpy as np
import yaml

RUN = {
    "parameters_keep_their_types": {
        "params": {"whole": 3, "text": "3", "truth": True, "nothing": None, "many": [1, "a", {"b": 2}]}
    },
    "get_param_of_the_run": {"params": {"rate": 0.5}},
    "get_secret_of_the_environment": {"env": {"ACCESS_KEY": "s3cret"}},
    "parameters_property_is_a_copy": {"params": {"rate": 0.5}},
    "get_input_by_name": {"inputs": {"data": "file:people.csv"}},
    "inputs_property": {"inputs": {"data": "file:people.csv"}},
    "get_dataitem_of_a_path": {"inputs": {"data": "file:people.csv"}},
}
FILES = {"people.csv": "name,age\nada,36\nalan,41\n"}
DIFFERS = {
    "log_result_not_finite": {
        "verdict": "better",
        "why": "JSON has no NaN; every reader understands null, and the names are kept.",
        "differs": {
            "results.nan": ["nan", None],
            "results.infinite": ["inf", None],
            "results.results_nonfinite": [None, ["infinite", "nan"]],
        },
    },
    "log_result_beyond_two_to_the_53": {
        "verdict": "better",
        "why": "Readers that take JSON numbers for doubles would round it; a text is exact.",
        "differs": {"results.large": [1152921504606846976, "1152921504606846976"]},
    },
    "exits_with_zero": {
        "verdict": "better",
        "why": "mlrun ends before it saves what was logged; here it is kept.",
        "differs": {"results.n": [None, 1]},
    },
    "exits_with_three": {
        "verdict": "better",
        "why": "mlrun ends before it saves what was logged; here it is kept.",
        "differs": {"results.n": [None, 1]},
    },
}


def parameters_keep_their_types(whole, text, truth, nothing, many):
    """Parameters arrive with the types of JSON."""
    return {"whole": whole, "text": text, "truth": truth, "nothing": nothing, "many": many}


def parameters_property_is_a_copy(context):
    """`parameters` may be changed without changing the run."""
    context.parameters["rate"] = 9
    context.log_result("rate", context.parameters["rate"])


def get_param_of_the_run(context):
    """`get_param` gives the run's value before the default."""
    context.log_result("rate", context.get_param("rate", 0.1))


def get_param_default_is_recorded(context):
    """A default of `get_param` becomes a parameter of the run."""
    context.get_param("depth", 4)
    context.log_result("parameters", context.parameters)


def get_param_without_default(context):
    """`get_param` of an unknown name is None."""
    context.log_result("missing", str(context.get_param("nobody")))


def get_secret_of_the_environment(context):
    """`get_secret` reads the environment."""
    context.log_result("secrets", [context.get_secret("ACCESS_KEY"), str(context.get_secret("NO_SUCH_KEY"))])


def get_input_by_name(context):
    """`get_input` gives an input that the handler does not declare."""
    context.log_result("text", context.get_input("data").get(encoding="utf-8"))


def get_input_with_url(context):
    """`get_input` takes a path of its own."""
    with open("local.txt", "w") as file:
        file.write("found")
    context.log_result("text", context.get_input("mine", "local.txt").get(encoding="utf-8"))
    context.log_result("names", sorted(context.inputs))


def inputs_property(context):
    """`inputs` maps names to paths."""
    context.log_result("inputs", {name: path.rpartition(".")[2] for name, path in context.inputs.items()})


def get_dataitem_of_a_path(context, data):
    """`get_dataitem` of the context reads any path."""
    context.log_result("rows", len(context.get_dataitem(data.local()).as_df()))


def get_store_resource_of_an_artifact(context):
    """`get_store_resource` gives an artifact of this run by its URI."""
    artifact = context.log_artifact("note", body="found", local_path="note.txt")
    resource = context.get_store_resource(artifact.uri)
    context.log_result("kind", resource.kind)


def log_result_of_each_type(context):
    """Results of plain types."""
    for name, value in {
        "whole": 1,
        "fraction": 0.5,
        "text": "a",
        "truth": True,
        "many": [1, 2],
        "map": {"a": 1},
    }.items():
        context.log_result(name, value)


def log_result_replaces(context):
    """A second result of a name replaces the first."""
    context.log_result("accuracy", 0.5)
    context.log_result("accuracy", 0.75)


def log_result_of_numpy(context):
    """NumPy's values are plain results."""
    context.log_result("whole", np.int64(3))
    context.log_result("fraction", np.float32(0.5))
    context.log_result("array", np.arange(3))
    context.log_result("nested", {"array": np.eye(2), "values": [np.float64(1.5)]})


def log_result_of_an_object(context):
    """Any other object is its text."""
    context.log_result("range", range(3))
    context.log_result("complex", 1 + 2j)
    context.log_result("bytes", b"ab")


def log_result_of_none(context):
    """None is a result."""
    context.log_result("nothing", None)


def log_result_name_becomes_text(context):
    """A name that is no text becomes one."""
    context.log_result(7, "seven")


def log_result_not_finite(context):
    """NaN and infinity as results."""
    context.log_result("nan", float("nan"))
    context.log_result("infinite", float("inf"))


def log_result_beyond_two_to_the_53(context):
    """An integer that a JSON number cannot hold everywhere."""
    context.log_result("large", 2**60)


def log_results_at_once(context):
    """`log_results` takes a map."""
    context.log_results({"accuracy": 0.9, "loss": 0.1})


def log_results_refuses_a_list(context):
    """`log_results` of anything but a map fails."""
    context.log_results([("accuracy", 0.9)])


def log_result_with_commit(context):
    """`commit` of a result shows it in the database at once."""
    context.log_result("epoch", 1, commit=True)
    held = mlrun.get_run_db().read_run(context.uid, context.project)
    context.log_result("held", held["status"]["results"])


def commit_with_message(context):
    """`commit` keeps the message with the run."""
    context.commit(message="half way")
    context.log_result("message", context.annotations.get("message"))


def commit_completed_ends_the_run(context):
    """`commit(completed=True)` makes the run completed."""
    context.log_result("n", 1)
    context.commit(completed=True)
    context.log_result("state", context.state)


def set_label_and_replace(context):
    """`set_label` replaces unless it is told not to."""
    context.set_label("framework", "a")
    context.set_label("framework", "b")
    context.set_label("framework", "c", replace=False)
    context.set_label("number", 5)
    context.log_result("labels", {name: context.labels[name] for name in ("framework", "number")})


def set_annotation_and_replace(context):
    """`set_annotation` replaces unless it is told not to."""
    context.set_annotation("note", "a")
    context.set_annotation("note", "b")
    context.set_annotation("note", "c", replace=False)
    context.log_result("annotations", context.annotations)


def set_state_with_error(context):
    """`set_state` with an error fails the run, though the handler returns."""
    context.log_result("n", 1)
    context.set_state(error="the data is bad")


def set_state_aborted(context):
    """`set_state` of a state that is not completed."""
    context.set_state("aborted")
    context.log_result("state", context.state)


def set_hostname_is_kept(context):
    """`set_hostname` changes `host`."""
    context.set_hostname("node-a")
    context.log_result("host", context.host)


def state_while_running(context):
    """`state` of a handler at work is running."""
    context.log_result("state", context.state)


def identity_of_the_run(context):
    """`uid`, `name`, `tag`, `project`, `iteration` and `kind`."""
    context.log_result("tag_is_uid", context.tag == context.uid)
    context.log_result("named", bool(context.uid) and bool(context.name))
    context.log_result("project", context.project)
    context.log_result("iteration", context.iteration)
    context.log_result("kind", context.kind)


def get_meta_names_the_run(context):
    """`get_meta` is what artifacts say of their producer."""
    meta = context.get_meta()
    context.log_result("kind", meta["kind"])
    context.log_result("uri", meta["uri"] == f"{context.project}/{context.uid}")
    context.log_result("name", meta["name"] == context.name)


def results_property_is_a_copy(context):
    """`results` may be changed without changing the run."""
    context.log_result("a", 1)
    context.results["a"] = 2
    context.log_result("b", context.results["a"])


def artifacts_and_their_uris(context):
    """`artifacts` and `artifact_uris` list what was logged."""
    context.log_artifact("note", body="n", local_path="note.txt")
    context.log_artifact("page", body="<b>p</b>", local_path="page.html")
    context.log_result("uris", sorted(context.artifact_uris))
    context.log_result("artifacts", sorted(artifact["metadata"]["key"] for artifact in context.artifacts))


def get_artifact_by_key(context):
    """`get_artifact` gives what was logged before."""
    context.log_artifact("note", body="n", local_path="note.txt", labels={"a": "b"})
    artifact = context.get_artifact("note")
    context.log_result("artifact", [artifact.key, artifact.kind, artifact.labels])


def get_artifact_that_is_not_there(context):
    """`get_artifact` of an unknown key fails."""
    try:
        context.get_artifact("nothing")
    except mlrun.errors.MLRunNotFoundError:
        context.log_result("missing", True)


def update_artifact_of_this_run(context):
    """`update_artifact` changes the artifact that was logged."""
    artifact = context.log_artifact("note", body="n", local_path="note.txt")
    artifact.metadata.labels = {"checked": "yes"}
    context.update_artifact(artifact)
    context.log_result("labels", context.get_artifact("note").labels)


def artifact_path_and_subpath(context):
    """`artifact_subpath` is below `artifact_path`."""
    context.log_result("below", context.artifact_subpath("a", "b") == f"{context.artifact_path}/a/b")
    context.log_result("absolute", context.artifact_path.startswith("/"))


def out_path_and_in_path(context):
    """`out_path` is the old name of `artifact_path`."""
    context.log_result("out_path", context.out_path == context.artifact_path)
    context.log_result("in_path", context.in_path)


def logger_and_its_level(context):
    """`logger` writes, and `log_level` is settable."""
    context.log_level = "debug"
    context.logger.debug("details", n=1)
    context.log_result("level", context.log_level)


def set_logger_stream_to_a_file(context):
    """`set_logger_stream` sends the log elsewhere."""
    with open("own.log", "w") as file:
        context.set_logger_stream(file)
        context.logger.info("hello file")
    with open("own.log") as file:
        context.log_result("logged", "hello file" in file.read())


def placement_properties(context):
    """`node_selector`, `tolerations` and `affinity` of a run without any."""
    context.log_result("empty", [not context.node_selector, not context.tolerations, not context.affinity])
    context.log_result("auth", not context.auth)


def logging_worker(context):
    """`is_logging_worker` is true outside of MPI."""
    context.log_result("worker", context.is_logging_worker())


def to_dict_is_the_run(context):
    """`to_dict` holds the run."""
    context.log_result("n", 1)
    document = context.to_dict()
    context.log_result("seen", [document["kind"], sorted(document), document["status"]["results"]])


def to_json_and_yaml_are_the_run(context):
    """`to_json` and `to_yaml` hold the run."""
    context.log_result("n", 1)
    documents = json.loads(context.to_json()), yaml.safe_load(context.to_yaml())
    context.log_result("seen", [document["status"]["results"] for document in documents])


def from_dict_makes_a_context(context):
    """`MLClientCtx.from_dict` makes a second context of the same run."""
    context.log_result("n", 1)
    other = context.from_dict(context.to_dict(), store_run=False, include_status=True)
    context.log_result("other", [other.results, other.project == context.project])


def store_run_and_update_run(context):
    """`store_run` and `update_run` write the run to the database."""
    context.log_result("n", 1)
    context.store_run()
    context.log_result("m", 2)
    context.update_run()
    held = mlrun.get_run_db().read_run(context.uid, context.project)
    context.log_result("held", "n" in str(held))


def get_current_context(context):
    """`mlrun.run.get_current_context`, or here `get_or_create_ctx`, is the handler's context."""
    context.log_result("same", mlrun.get_or_create_ctx("any") is context)


def get_or_create_ctx_without_context_argument():
    """A handler without a context finds it by `get_or_create_ctx`."""
    mlrun.get_or_create_ctx("any").log_result("n", 1)


def context_is_a_context_manager(context):
    """`with context` commits at its end."""
    with context as same:
        same.log_result("n", 1)


def fails_with_an_exception(context):
    """What was logged before an exception stays."""
    context.log_result("before", 1)
    context.log_artifact("note", body="n", local_path="note.txt")
    raise ValueError("no such luck")


def fails_without_words():
    """An exception without a text."""
    raise KeyError


def fails_by_a_chain_of_exceptions():
    """An exception with its cause."""
    try:
        int("x")
    except ValueError as error:
        raise RuntimeError("the rate is no number") from error


def exits_with_zero(context):
    """`sys.exit(0)` in a handler."""
    context.log_result("n", 1)
    raise SystemExit(0)


def exits_with_three(context):
    """`sys.exit(3)` in a handler."""
    context.log_result("n", 1)
    raise SystemExit(3)
