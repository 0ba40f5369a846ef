"""Datasets: formats, indexes, types, statistics."""

import datetime
import decimal

import numpy as np
import pandas as pd

RUN = {}
DIFFERS = {
    "dataset_of_an_existing_file": {
        "verdict": "better",
        "why": "mlrun registers the dataset without its file; here it is stored.",
        "differs": {
            "artifacts.people.files": [
                None,
                {"*.csv": {"columns": {"name": "object", "age": "int64"}, "rows": [["ada", 36], ["alan", 41]]}},
            ]
        },
    },
}


def _people():
    return pd.DataFrame({"name": ["ada", "alan"], "age": [36, 41]})


def dataset(context):
    """A DataFrame."""
    context.log_dataset("people", df=_people())


def dataset_as_csv(context):
    """`format="csv"`."""
    context.log_dataset("people", df=_people(), format="csv")


def dataset_as_parquet(context):
    """`format="parquet"`."""
    context.log_dataset("people", df=_people(), format="parquet")


def dataset_as_pq(context):
    """`format="pq"`."""
    context.log_dataset("people", df=_people(), format="pq")


def dataset_as_tsv(context):
    """A format that mlrun does not write."""
    context.log_dataset("people", df=_people(), format="tsv")


def dataset_csv_by_local_path(context):
    """A `local_path` chooses the format."""
    context.log_dataset("people", df=_people(), local_path="people.csv")


def dataset_of_an_existing_file(context):
    """A file that exists is taken as it is."""
    _people().to_csv("people.csv", index=False)
    context.log_dataset("people", df=None, local_path="people.csv", format="csv")


def dataset_without_index(context):
    """`index=False` of a CSV."""
    context.log_dataset("people", df=_people(), format="csv", index=False)


def dataset_with_named_index(context):
    """A named index."""
    context.log_dataset("people", df=_people().set_index("name"))


def dataset_with_multi_index(context):
    """An index of two levels."""
    frame = pd.DataFrame({"a": [1, 1], "b": [1, 2], "c": [0.5, 0.25]}).set_index(["a", "b"])
    context.log_dataset("levels", df=frame)


def dataset_that_is_empty(context):
    """A DataFrame without rows."""
    context.log_dataset("none", df=pd.DataFrame({"a": pd.Series([], dtype="int64")}))


def dataset_with_gaps(context):
    """Missing values."""
    frame = pd.DataFrame({"a": [1.5, None], "b": ["x", None], "c": pd.array([1, None], dtype="Int64")})
    context.log_dataset("gaps", df=frame)


def dataset_with_categories(context):
    """A column of categories."""
    context.log_dataset("categories", df=pd.DataFrame({"a": pd.Categorical(["x", "y", "x"])}))


def dataset_with_times(context):
    """Times, with and without a zone, and durations."""
    times = pd.to_datetime(["2024-01-02 03:04:05", "2024-05-06 07:08:09"])
    frame = pd.DataFrame({"naive": times, "zoned": times.tz_localize("Europe/Rome"), "took": times - times[0]})
    context.log_dataset("times", df=frame)


def dataset_with_dates_and_decimals(context):
    """Dates and decimals."""
    frame = pd.DataFrame({"day": [datetime.date(2024, 1, 2)], "price": [decimal.Decimal("1.25")]})
    context.log_dataset("prices", df=frame)


def dataset_with_lists(context):
    """Lists in cells."""
    context.log_dataset("lists", df=pd.DataFrame({"a": [[1, 2], [3]]}))


def dataset_with_numbers_for_columns(context):
    """Columns that have no names."""
    context.log_dataset("matrix", df=pd.DataFrame(np.eye(2)))


def dataset_with_stats(context):
    """`stats=True` reckons statistics."""
    made = context.log_dataset("people", df=_people(), stats=True)
    context.log_result("mean", made.stats["age"]["mean"])


def dataset_with_preview(context):
    """`preview` limits the rows in the record."""
    made = context.log_dataset("numbers", df=pd.DataFrame({"a": range(50)}), preview=5)
    context.log_result("preview", len(made.preview))


def dataset_with_label_column(context):
    """`label_column` is kept."""
    made = context.log_dataset("people", df=_people(), label_column="age")
    context.log_result("label", made.spec.label_column)


def dataset_record(context):
    """The artifact's header, length and schema."""
    made = context.log_dataset("people", df=_people())
    context.log_result("record", [made.spec.header, made.spec.length, made.spec.schema["fields"]])


def dataset_with_labels_and_tag(context):
    """Labels and a tag."""
    made = context.log_dataset("people", df=_people(), labels={"stage": "raw"}, tag="v1")
    context.log_result("tag", made.tag)


def dataset_with_extra_data(context):
    """`extra_data` names other artifacts."""
    note = context.log_artifact("note", body="n", local_path="note.txt")
    made = context.log_dataset("people", df=_people(), extra_data={"note": note})
    context.log_result("extra", sorted(made.spec.extra_data))


def dataset_with_db_key(context):
    """`db_key` is the name in the catalogue."""
    context.log_dataset("people", df=_people(), db_key="staff")


def dataset_with_artifact_path(context):
    """`artifact_path` chooses the folder."""
    context.log_dataset("people", df=_people(), artifact_path=context.artifact_subpath("sub"))


def dataset_with_remote_target(context):
    """A dataset by reference."""
    context.log_dataset("people", df=None, target_path="s3://bucket/people.parquet", upload=False)


def dataset_read_again(context):
    """A dataset is readable by what `log_dataset` returns."""
    made = context.log_dataset("people", df=_people())
    context.log_result("rows", made.to_dataitem().as_df().to_dict("list"))


def dataset_changed_after_logging(context):
    """A DataFrame that is changed later."""
    frame = _people()
    context.log_dataset("people", df=frame)
    frame["age"] = 0


def dataset_of_a_series_fails(context):
    """What is no DataFrame fails."""
    context.log_dataset("people", df=5)


def dataset_replaced(context):
    """A second dataset of a key replaces the first."""
    context.log_dataset("people", df=_people())
    context.log_dataset("people", df=_people().head(1))


def dataset_named_like_a_file(context):
    """A key that ends like a file."""
    context.log_dataset("people.csv", df=_people(), format="csv")
