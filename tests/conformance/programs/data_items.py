"""Data items: reading, writing, listing, converting."""

import os

import mlrun
import pandas as pd

RUN = {
    "get_whole_and_part": {"inputs": {"data": "file:words.txt"}},
    "get_decoded": {"inputs": {"data": "file:words.txt"}},
    "as_df_of_csv": {"inputs": {"data": "file:people.csv"}},
    "as_df_of_parquet": [
        {"handler": "_frame", "returns": ["frame: dataset"]},
        {"handler": "as_df_of_parquet", "inputs": {"data": "output:frame"}},
    ],
    "as_df_with_columns": {"inputs": {"data": "file:people.csv"}},
    "as_df_with_format": {"inputs": {"data": "file:people.data"}},
    "as_df_of_json": {"inputs": {"data": "file:people.json"}},
    "as_df_with_pandas_arguments": {"inputs": {"data": "file:semicolons.csv"}},
    "as_df_between_times": {"inputs": {"data": "file:times.csv"}},
    "as_df_of_a_text": {"inputs": {"data": "file:words.txt"}},
    "local_path": {"inputs": {"data": "file:people.csv"}},
    "download_to_a_file": {"inputs": {"data": "file:words.txt"}},
    "open_text_and_bytes": {"inputs": {"data": "file:words.txt"}},
    "stat_size": {"inputs": {"data": "file:words.txt"}},
    "key_kind_and_suffix": {"inputs": {"data": "file:people.csv"}},
    "url_and_artifact_url": {"inputs": {"data": "file:people.csv"}},
    "text_of_an_item": {"inputs": {"data": "file:people.csv"}},
    "meta_of_a_file": {"inputs": {"data": "file:people.csv"}},
    "artifact_type_of_a_file": {"inputs": {"data": "file:people.csv"}},
    "remove_local_keeps_a_file": {"inputs": {"data": "file:people.csv"}},
    "show_outside_of_jupyter": {"inputs": {"data": "file:words.txt"}},
    "store_of_an_item": {"inputs": {"data": "file:people.csv"}},
    "listing_of_a_folder": {"inputs": {"data": "file:folder"}},
    "file_in_a_folder": {"inputs": {"data": "file:folder"}},
}
FILES = {
    "words.txt": "one two three",
    "people.csv": "name,age\nada,36\nalan,41\n",
    "people.data": "name,age\nada,36\nalan,41\n",
    "people.json": '[{"name": "ada", "age": 36}, {"name": "alan", "age": 41}]',
    "semicolons.csv": "name;age\nada;36\n",
    "times.csv": "at,n\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n",
    "folder/a.txt": "a",
    "folder/b.txt": "b",
}
DIFFERS = {}


def _frame():
    return pd.DataFrame({"a": [1, 2]})


def get_whole_and_part(context, data):
    """`get` of all and of a part."""
    context.log_result("texts", [data.get().decode(), data.get(size=3).decode(), data.get(offset=4, size=3).decode()])


def get_decoded(context, data):
    """`get` with an encoding is a text."""
    context.log_result("text", data.get(encoding="utf-8"))


def as_df_of_csv(context, data):
    """`as_df` of a CSV file."""
    context.log_result("rows", data.as_df().to_dict("list"))


def as_df_of_parquet(context, data):
    """`as_df` of a Parquet file."""
    context.log_result("rows", data.as_df().to_dict("list"))


def as_df_with_columns(context, data):
    """`as_df` of some columns."""
    context.log_result("rows", data.as_df(columns=["age"]).to_dict("list"))


def as_df_with_format(context, data):
    """`as_df` of a file whose name does not tell its format."""
    context.log_result("rows", data.as_df(format="csv").to_dict("list"))


def as_df_of_json(context, data):
    """`as_df` of a JSON file."""
    context.log_result("rows", data.as_df(orient="records").to_dict("list"))


def as_df_with_pandas_arguments(context, data):
    """`as_df` hands arguments on to pandas."""
    context.log_result("rows", data.as_df(sep=";").to_dict("list"))


def as_df_between_times(context, data):
    """`as_df` of the rows between two times."""
    start, end = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02")
    frame = data.as_df(time_column="at", start_time=start, end_time=end, parse_dates=["at"])
    context.log_result("rows", frame["n"].tolist())


def as_df_of_a_text(context, data):
    """`as_df` of what is no table."""
    context.log_result("rows", len(data.as_df()))


def local_path(context, data):
    """`local` is a path that can be opened."""
    with open(data.local()) as file:
        context.log_result("line", file.readline())


def download_to_a_file(context, data):
    """`download` copies to a path."""
    data.download("copy.txt")
    with open("copy.txt") as file:
        context.log_result("text", file.read())


def open_text_and_bytes(context, data):
    """`open` for text and for bytes."""
    with data.open("r") as text, data.open("rb") as binary:
        context.log_result("read", [text.read(), binary.read().decode()])


def put_and_append():
    """`put` writes, and appends where it is told to."""
    item = mlrun.get_dataitem(os.path.abspath("new.txt"))
    item.put("one")
    item.put(" two", append=True)
    return item.get(encoding="utf-8")


def upload_of_a_file():
    """`upload` copies from a path."""
    with open("source.txt", "w") as file:
        file.write("uploaded")
    item = mlrun.get_dataitem(os.path.abspath("target.txt"))
    item.upload("source.txt")
    return item.get(encoding="utf-8")


def delete_of_a_file():
    """`delete` removes the data."""
    with open("gone.txt", "w") as file:
        file.write("soon")
    mlrun.get_dataitem(os.path.abspath("gone.txt")).delete()
    return [os.path.exists("gone.txt")]


def stat_size(context, data):
    """`stat` knows the size."""
    context.log_result("size", data.stat().size)


def key_kind_and_suffix(context, data):
    """`key`, `kind` and `suffix`."""
    context.log_result("item", [data.key, data.kind, data.suffix])


def url_and_artifact_url(context, data):
    """`url` and `artifact_url` of a file are one."""
    context.log_result("same", [data.url == data.artifact_url, data.url.endswith(".csv")])


def text_of_an_item(context, data):
    """An item's text is its URL."""
    context.log_result("same", [str(data) == data.url, repr(data) == f"'{data.url}'"])


def meta_of_a_file(context, data):
    """`meta` of a plain file is None."""
    context.log_result("meta", str(data.meta))


def artifact_type_of_a_file(context, data):
    """`get_artifact_type` of a plain file is None."""
    context.log_result("type", str(data.get_artifact_type()))


def artifact_type_and_meta_of_an_artifact(context):
    """`get_artifact_type` and `meta` of an artifact of this run."""
    made = context.log_dataset("frame", df=_frame())
    item = mlrun.get_dataitem(made.uri)
    context.log_result("item", [item.get_artifact_type(), item.meta.key, item.meta.kind])


def remove_local_keeps_a_file(context, data):
    """`remove_local` keeps what is no download."""
    data.remove_local()
    context.log_result("there", os.path.exists(data.local()))


def show_outside_of_jupyter(context, data):
    """`show` does nothing outside of Jupyter."""
    data.show()
    context.log_result("shown", True)


def store_of_an_item(context, data):
    """`store` reads the path."""
    context.log_result("kind", data.store.kind)


def listing_of_a_folder(context, data):
    """`ls` and `listdir` of a folder."""
    context.log_result("names", [sorted(data.ls()), sorted(data.listdir())])


def file_in_a_folder(context, data):
    """A file below a folder that is an input."""
    with open(os.path.join(data.local(), "a.txt")) as file:
        context.log_result("text", file.read())


def run_db_item_in_memory():
    """A `memory://` item."""
    item = mlrun.get_dataitem("memory://words")
    item.put("kept")
    return str(item.get())


def item_that_is_not_there():
    """An item whose file does not exist."""
    mlrun.get_dataitem("/nowhere/at/all.txt").get()
