"""Artifacts: every form of `log_artifact`, and mlrun's classes of artifacts."""

import os

import mlrun
import pandas as pd
from mlrun.artifacts import (
    Artifact,
    DirArtifact,
    PlotArtifact,
    PlotlyArtifact,
    TableArtifact,
)

RUN = {"input_logged_again": {"inputs": {"data": "file:people.csv"}}}
FILES = {"people.csv": "name,age\nada,36\nalan,41\n"}
DIFFERS = {
    "empty_text_body": {
        "verdict": "better",
        "why": "mlrun registers the artifact and writes no file; here it is an empty file.",
        "differs": {"artifacts.errors.files": [None, {"*.txt": ""}]},
    },
    "empty_bytes_body": {
        "verdict": "better",
        "why": "mlrun registers the artifact and writes no file; here it is an empty file.",
        "differs": {"artifacts.errors.files": [None, {"*.bin": ""}]},
    },
    "local_file_not_uploaded": {
        "verdict": "better",
        "why": "mlrun keeps no path to the file; the pod's disk goes with the pod, so the file is stored.",
        "differs": {"artifacts.report.files": [None, {"*.txt": "stays"}]},
    },
    "folder": {
        "verdict": "better",
        "why": "mlrun registers the folder without its files; here they are stored.",
        "differs": {"artifacts.folder.files": [None, {"a.txt": "a", "b.txt": "b"}]},
    },
    "db_key_false": {
        "verdict": "better",
        "why": "mlrun writes the file and does not register it; the pod's disk goes with the pod, so it is stored.",
        "differs": {"artifacts.report": [None, {"kind": "artifact", "labels": {}, "files": {"*.txt": "r"}}]},
    },
    "document": {
        "verdict": "better",
        "why": "mlrun keeps no path to the file; the pod's disk goes with the pod, so the file is stored.",
        "differs": {"artifacts.paper.files": [None, {"*.txt": "words"}]},
    },
}


def _write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    return path


def text_body(context):
    """A text as body."""
    context.log_artifact("report", body="all is well", local_path="report.txt")


def bytes_body(context):
    """Bytes as body."""
    context.log_artifact("blob", body=b"\x00\x01\xff", local_path="blob.bin")


def body_without_a_path(context):
    """A body without `local_path`."""
    context.log_artifact("report", body="all is well")


def body_with_format(context):
    """A body with a `format` and without a path."""
    context.log_artifact("page", body="<p>hi</p>", format="html")


def empty_text_body(context):
    """An empty text as body."""
    context.log_artifact("errors", body="", local_path="errors.txt")


def empty_bytes_body(context):
    """Empty bytes as body."""
    context.log_artifact("errors", body=b"", local_path="errors.bin")


def local_file(context):
    """A file by its path."""
    context.log_artifact("report", local_path=_write("report.txt", "from a file"))


def local_file_in_a_folder(context):
    """A file below a folder."""
    context.log_artifact("report", local_path=_write("out/deep/report.txt", "from a file"))


def local_file_by_absolute_path(context):
    """A file by its absolute path."""
    context.log_artifact("report", local_path=os.path.abspath(_write("report.txt", "from a file")))


def local_file_by_src_path(context):
    """The old name `src_path`."""
    context.log_artifact("report", src_path=_write("report.txt", "from a file"))


def local_file_that_is_missing(context):
    """A path that does not exist."""
    context.log_artifact("report", local_path="nowhere.txt")


def local_file_not_uploaded(context):
    """`upload=False` leaves the file where it is."""
    context.log_artifact("report", local_path=os.path.abspath(_write("report.txt", "stays")), upload=False)


def folder(context):
    """A folder by its path."""
    _write("out/a.txt", "a")
    _write("out/b.txt", "b")
    context.log_artifact("folder", local_path="out")


def folder_uploaded(context):
    """A folder with `upload=True`."""
    _write("out/a.txt", "a")
    _write("out/b.txt", "b")
    context.log_artifact("folder", local_path="out", upload=True)


def folder_with_target_path(context):
    """A folder that is at its target already."""
    _write("out/a.txt", "a")
    context.log_artifact("folder", target_path=os.path.abspath("out") + "/", local_path="out")


def target_path_of_a_local_file(context):
    """A file that is at its target already."""
    context.log_artifact("report", target_path=os.path.abspath(_write("kept.txt", "kept")))


def target_path_that_is_remote(context):
    """An artifact by reference."""
    context.log_artifact("remote", target_path="s3://bucket/path/data.csv")


def local_path_that_is_remote(context):
    """A URL as `local_path` is the target."""
    context.log_artifact("remote", local_path="https://example.org/data.csv")


def target_path_that_is_relative(context):
    """A relative `target_path` fails."""
    context.log_artifact("report", target_path="out/report.txt")


def artifact_path_of_its_own(context):
    """`artifact_path` chooses the folder."""
    context.log_artifact("report", body="here", local_path="r.txt", artifact_path=context.artifact_subpath("sub"))


def artifact_path_below_the_default(context):
    """`artifact_path` that begins with +/ is below the default."""
    context.log_artifact("report", body="here", local_path="r.txt", artifact_path="+/sub")


def labels(context):
    """Labels of an artifact."""
    context.log_artifact("report", body="r", local_path="r.txt", labels={"stage": "test", "owner": "me"})


def labels_that_are_no_texts(context):
    """Numbers and truth values as labels."""
    context.log_artifact("report", body="r", local_path="r.txt", labels={"n": 1, "ok": True})


def tag_of_an_artifact(context):
    """`tag` names a version."""
    artifact = context.log_artifact("report", body="r", local_path="r.txt", tag="v1")
    context.log_result("tag", artifact.tag)


def several_tags_of_an_artifact(context):
    """The same key under one tag after the other."""
    for tag in ("v1", "v2", "v3"):
        context.log_artifact("report", body="r", local_path="r.txt", tag=tag)
    project = context.get_project_object()
    found = {tag: len(project.list_artifacts("~report", tag=tag)) for tag in ("v1", "v2", "v3", "v4")}
    context.log_result("found", found)


def artifact_by_its_tag(context):
    """`get_artifact` by a tag that an older version of this run has."""
    for tag in ("v1", "v2"):
        where = f"{context.artifact_path}/{tag}"
        made = context.log_artifact("report", body=tag, local_path="r.txt", artifact_path=where, tag=tag)
    project = context.get_project_object()
    context.log_result(
        "bodies", [project.get_artifact(made.db_key, tag=tag).to_dataitem().get() for tag in ("v1", "v2")]
    )


def class_of_the_users_own(context):
    """An artifact of a class that mlrun does not know."""

    class Report(Artifact):
        kind = "report"

    context.log_artifact(Report("report", body="r"), local_path="r.txt")
    context.log_result("after", "logged")


def viewer_of_an_artifact(context):
    """`viewer` is kept."""
    artifact = context.log_artifact("page", body="<p/>", local_path="p.html", viewer="web-app")
    context.log_result("viewer", artifact.viewer)


def db_key_names_the_artifact(context):
    """`db_key` is the name in the catalogue."""
    context.log_artifact("report", body="r", local_path="r.txt", db_key="quarterly")


def db_key_false(context):
    """`db_key=False` does not register the artifact."""
    context.log_artifact("report", body="r", local_path="r.txt", db_key=False)


def same_key_twice(context):
    """A second artifact of a key replaces the first."""
    context.log_artifact("report", body="one", local_path="r.txt")
    context.log_artifact("report", body="two", local_path="r.txt")


def keys_that_differ_in_case(context):
    """Keys are told apart by case."""
    context.log_artifact("report", body="small", local_path="a.txt")
    context.log_artifact("Report", body="large", local_path="b.txt")


def key_with_a_slash(context):
    """A key with a slash fails."""
    context.log_artifact("a/b", body="r", local_path="r.txt")


def key_with_a_dot(context):
    """A key that looks like a file name."""
    context.log_artifact("model.txt", body=b"abc is 123", labels={"framework": "xgboost"})


def returned_artifact_knows_its_target(context):
    """`log_artifact` returns the artifact, whose target can be read."""
    artifact = context.log_artifact("report", body="read me", local_path="r.txt")
    context.log_result("read", mlrun.get_dataitem(artifact.target_path).get(encoding="utf-8"))
    context.log_result("again", artifact.to_dataitem().get(encoding="utf-8"))


def returned_artifact_has_size_and_hash(context):
    """The artifact knows the size of its data."""
    artifact = context.log_artifact("report", body="12345", local_path="r.txt")
    context.log_result("known", [artifact.size, artifact.key, artifact.kind, artifact.iter])


def uri_of_the_artifact_is_readable(context):
    """The artifact's URI is a data item."""
    artifact = context.log_artifact("report", body="read me", local_path="r.txt")
    context.log_result("read", mlrun.get_dataitem(artifact.uri).get(encoding="utf-8"))


def artifact_object(context):
    """An `Artifact` that the handler makes."""
    context.log_artifact(Artifact("report", body="object", format="txt"))


def artifact_object_inline(context):
    """An `Artifact` whose body is in its record."""
    context.log_artifact(Artifact("note", body="inline text", is_inline=True))


def dir_artifact_object(context):
    """A `DirArtifact`."""
    _write("out/a.txt", "a")
    context.log_artifact(DirArtifact("folder", src_path="out", target_path=os.path.abspath("out")))


def table_artifact(context):
    """A `TableArtifact` of a DataFrame is a CSV file."""
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    context.log_artifact(TableArtifact("table", df=frame))


def table_artifact_with_header(context):
    """A `TableArtifact` of a text with its header."""
    context.log_artifact(TableArtifact("table", body="1,2\n3,4\n", header=["a", "b"]), local_path="t.csv")


def plot_artifact(context):
    """A `PlotArtifact` of a figure is an HTML page."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.figure()
    pyplot.plot([1, 2, 3])
    context.log_artifact(PlotArtifact("curve", body=pyplot.gcf(), title="A curve"))
    context.log_result("format", "html")


def plotly_artifact(context):
    """A `PlotlyArtifact` of a figure is an HTML page."""
    from plotly import graph_objects

    figure = graph_objects.Figure(graph_objects.Scatter(x=[1, 2], y=[3, 4]))
    context.log_artifact(PlotlyArtifact(key="chart", figure=figure))


def input_logged_again(context, data):
    """An input's file as an artifact."""
    context.log_artifact("copy", local_path=data.local())


def file_changed_after_logging(context):
    """What was logged is not changed by later writes to the file."""
    _write("report.txt", "first")
    context.log_artifact("report", local_path="report.txt")
    _write("report.txt", "second")


def file_deleted_after_logging(context):
    """What was logged outlives its source."""
    _write("report.txt", "first")
    context.log_artifact("report", local_path="report.txt")
    os.remove("report.txt")


def code_file(context):
    """`log_code_file` of a file."""
    code = context.log_code_file("code", local_path=_write("train.py", "print('hi')\n"), requirements=["pandas"])
    context.log_result("code", [code.kind, code.spec.language, code.spec.requirements])


def code_file_inline(context):
    """`log_code_file` of a text in the artifact's record."""
    context.log_code_file("code", local_path="train.py", body="print('hi')\n", is_inline=True)


def code_file_without_a_path(context):
    """`log_code_file` without a path fails."""
    context.log_code_file("code", body="print('hi')\n")


def document(context):
    """`log_document` of a file."""
    made = context.log_document("paper", local_path=os.path.abspath(_write("paper.txt", "words")), labels={"a": "b"})
    context.log_result("document", [made.kind, made.spec.document_loader["src_name"]])


def document_uploaded(context):
    """`log_document` with `upload=True`."""
    context.log_document("paper", local_path=_write("paper.txt", "words"), upload=True)


def document_named_by_its_path(context):
    """`log_document` without a key."""
    context.log_document(local_path=_write("paper.txt", "words"), upload=True)


def llm_prompt(context):
    """`log_llm_prompt` of a template."""
    made = context.log_llm_prompt(
        "prompt",
        prompt_template=[{"role": "user", "content": "Say {what}"}],
        prompt_legend={"what": {"field": "what", "description": "words"}},
        invocation_config={"temperature": 0.5},
        description="says it",
    )
    context.log_result("prompt", [made.kind, made.spec.prompt_legend, made.spec.invocation_config])
    context.log_result("template", made.read_prompt())


def llm_prompt_of_a_file(context):
    """`log_llm_prompt` of a file."""
    _write("prompt.json", '[{"role": "user", "content": "Say {what}"}]')
    made = context.log_llm_prompt("prompt", prompt_path="prompt.json")
    context.log_result("template", made.read_prompt())


def llm_prompt_of_a_model(context):
    """`log_llm_prompt` with its model."""
    model = context.log_model("llm", body=b"m", model_file="m.bin")
    made = context.log_llm_prompt("prompt", prompt_template=[{"role": "user", "content": "a"}], model_artifact=model)
    context.log_result("parent", bool(made.spec.parent_uri))


def llm_prompt_without_a_template(context):
    """`log_llm_prompt` without a prompt fails."""
    context.log_llm_prompt("prompt")
