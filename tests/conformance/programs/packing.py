"""Packagers: each type as each kind of artifact, and read back by the next run."""

import os
import pathlib

import numpy as np
import pandas as pd

RUN = {
    "int_packed": [
        {"returns": ["r: result", "o: object"]},
        {"handler": "_read_int", "inputs": {"data": "output:o"}},
    ],
    "float_packed": [
        {"returns": ["r: result", "o: object"]},
        {"handler": "_read_float", "inputs": {"data": "output:o"}},
    ],
    "bool_packed": [
        {"returns": ["r: result", "o: object"]},
        {"handler": "_read_bool", "inputs": {"data": "output:o"}},
    ],
    "none_packed": [{"returns": ["r: result", "o: object"]}],
    "str_packed": [
        {"returns": ["r: result", "o: object", "p: path"]},
        {"handler": "_read_str", "inputs": {"data": "output:o"}},
    ],
    "str_of_a_folder_packed": [
        {"returns": ["p: path"]},
        {"handler": "_read_folder", "inputs": {"data: str": "output:p"}},
    ],
    "path_packed": [
        {"returns": ["r: result", "o: object", "p: path"]},
        {"handler": "_read_path", "inputs": {"data": "output:p"}},
    ],
    "path_of_a_folder_packed": {"returns": ["p"]},
    "dict_packed": [
        {"returns": ["r: result", "o: object", "f: file"]},
        {"handler": "_read_dict", "inputs": {"data": "output:f", "other": "output:o"}},
    ],
    "list_packed": [
        {"returns": ["r: result", "o: object", "f: file"]},
        {"handler": "_read_list", "inputs": {"data": "output:f", "other": "output:o"}},
    ],
    "tuple_packed": [
        {"returns": ["r: result", "o: object", "f: file"]},
        {"handler": "_read_tuple", "inputs": {"data": "output:f", "other": "output:o"}},
    ],
    "set_packed": [
        {"returns": ["r: result", "o: object", "f: file"]},
        {"handler": "_read_set", "inputs": {"data": "output:f", "other": "output:o"}},
    ],
    "frozenset_packed": [
        {"returns": ["r: result", "o: object", "f: file"]},
        {"handler": "_read_frozenset", "inputs": {"data": "output:f", "other": "output:o"}},
    ],
    "bytes_packed": [
        {"returns": ["r: result", "o: object", "f: file"]},
        {"handler": "_read_bytes", "inputs": {"data": "output:f", "other": "output:o"}},
    ],
    "bytearray_packed": [
        {"returns": ["r: result", "o: object", "f: file"]},
        {"handler": "_read_bytearray", "inputs": {"data": "output:f", "other": "output:o"}},
    ],
    "ndarray_packed": [
        {"returns": ["r: result", "o: object", "f: file", "d: dataset"]},
        {"handler": "_read_array", "inputs": {"data": "output:f", "other": "output:o", "third": "output:d"}},
    ],
    "ndarray_of_one_number_packed": {"returns": ["r", "s: result"]},
    "ndarray_large_packed": {"returns": ["a"]},
    "ndarray_dict_packed": [
        {"returns": ["r: result", "o: object", "f: file"]},
        {"handler": "_read_array_dict", "inputs": {"data": "output:f"}},
    ],
    "ndarray_list_packed": [
        {"returns": ["r: result", "o: object", "f: file"]},
        {"handler": "_read_array_list", "inputs": {"data": "output:f"}},
    ],
    "numpy_number_packed": {"returns": ["r: result", "o: object"]},
    "frame_packed": [
        {"returns": ["r: result", "o: object", "f: file", "d: dataset"]},
        {"handler": "_read_frame", "inputs": {"data": "output:f", "other": "output:d"}},
    ],
    "frame_with_index_packed": [
        {"returns": ["r: result", "f: file", "d: dataset"]},
        {"handler": "_read_frame", "inputs": {"data": "output:f", "other": "output:d"}},
    ],
    "frame_with_levels_packed": [
        {"returns": ["f: file", "d: dataset"]},
        {"handler": "_read_frame", "inputs": {"data": "output:f", "other": "output:d"}},
    ],
    "series_packed": [
        {"returns": ["r: result", "o: object", "f: file", "d: dataset"]},
        {"handler": "_read_series", "inputs": {"data": "output:f"}},
    ],
    "object_packed": [
        {"returns": ["o: object", "r: result"]},
        {"handler": "_read_object", "inputs": {"data": "output:o"}},
    ],
    "defaults_of_plain_types": {"returns": ["a", "b", "c", "d", "e", "f", "g"]},
    "defaults_of_collections": {"returns": ["a", "b", "c", "d"]},
    "defaults_of_data": {"returns": ["frame", "series", "array", "number", "object"]},
    "model_packed": {"returns": ["m: model"]},
    "plot_of_matplotlib_packed": {"returns": ["figure: plot"]},
    "plot_of_plotly_packed": {"returns": ["figure: plot"]},
    "plots_by_default": {"returns": ["figure"]},
    "unknown_type_of_artifact": {"returns": ["r: picture"]},
    "type_that_does_not_fit": {"returns": ["r: dataset"]},
    "path_that_is_missing": {"returns": ["p: path"]},
}
DIFFERS = {
    "series_packed": {
        "verdict": "better",
        "why": "mlrun logs the error and drops the output; here the run fails and says why.",
        "differs": {"1.error": [None, "No packager was found"], "1.state": ["completed", "error"]},
    },
    "path_that_is_missing": {
        "verdict": "better",
        "why": "mlrun logs the error and drops the output; here the run fails and says why.",
        "differs": {"error": [None, "nowhere.txt"], "state": ["completed", "error"]},
    },
    "model_packed": {
        "verdict": "better",
        "why": "mlrun logs the error and drops the output; here the run fails and says why.",
        "differs": {"error": [None, "No packager was found"], "state": ["completed", "error"]},
    },
    "unknown_type_of_artifact": {
        "verdict": "better",
        "why": "mlrun logs the error and drops the output; here the run fails and says why.",
        "differs": {"error": [None, "No packager was found"], "state": ["completed", "error"]},
    },
    "type_that_does_not_fit": {
        "verdict": "better",
        "why": "mlrun logs the error and drops the output; here the run fails and says why.",
        "differs": {"error": [None, "No packager was found"], "state": ["completed", "error"]},
    },
    "plot_of_matplotlib_packed": {
        "verdict": "better",
        "why": "mlrun has no packager for figures and drops it; here it is a page that a browser shows.",
        "differs": {"artifacts.figure": [None, {"kind": "artifact", "labels": {}, "files": {"*.html": "sha256:*"}}]},
    },
    "plot_of_plotly_packed": {
        "verdict": "better",
        "why": "mlrun has no packager for figures and drops it; here it is a page that a browser shows.",
        "differs": {"artifacts.figure": [None, {"kind": "artifact", "labels": {}, "files": {"*.html": "sha256:*"}}]},
    },
    "plots_by_default": {
        "verdict": "better",
        "why": "mlrun pickles a figure; here it is a page that a browser shows.",
        "differs": {
            "artifacts.figure.files.*.pkl": ["sha256:*", None],
            "artifacts.figure.files.*.html": [None, "sha256:*"],
        },
    },
}


def int_packed():
    """`int` as result and object."""
    return 5, 5


def _read_int(data: int):
    return [type(data).__name__, data]


def float_packed():
    """`float` as result and object."""
    return 0.5, 0.5


def _read_float(data: float):
    return [type(data).__name__, data]


def bool_packed():
    """`bool` as result and object."""
    return True, False


def _read_bool(data: bool):
    return [type(data).__name__, data]


def none_packed():
    """`None` as result and object."""
    return None, None


def _words():
    with open("words.txt", "w") as file:
        file.write("some words")
    return "words.txt"


def _folder():
    os.makedirs("folder", exist_ok=True)
    for name in ("a", "b"):
        with open(f"folder/{name}.txt", "w") as file:
            file.write(name)
    return "folder"


def str_packed():
    """`str` as result, object and path of a file."""
    return "text", "text", _words()


def _read_str(data: str):
    return isinstance(data, str)


def str_of_a_folder_packed():
    """`str` as path of a folder becomes an archive."""
    return _folder()


def _read_folder(data):
    return [pathlib.Path(data).is_dir(), sorted(path.name for path in pathlib.Path(data).rglob("*.txt"))]


def path_packed():
    """`pathlib.Path` as result, object and path."""
    return pathlib.Path("a/b"), pathlib.Path("a/b"), pathlib.Path(_words())


def _read_path(data: pathlib.Path):
    return data.read_text()


def path_of_a_folder_packed():
    """`pathlib.Path` of a folder."""
    return pathlib.Path(_folder())


def dict_packed():
    """`dict` as result, object and file."""
    value = {"a": 1, "b": [1, 2]}
    return value, value, value


def _read_dict(data: dict, other: dict):
    return [data, other]


def list_packed():
    """`list` as result, object and file."""
    return [1, "a"], [1, "a"], [1, "a"]


def _read_list(data: list, other: list):
    return [data, other]


def tuple_packed():
    """`tuple` as result, object and file."""
    return (1, "a"), (1, "a"), (1, "a")


def _read_tuple(data: tuple, other: tuple):
    return [type(data).__name__, list(data), type(other).__name__]


def set_packed():
    """`set` as result, object and file."""
    return {1}, {1}, {1}


def _read_set(data: set, other: set):
    return [type(data).__name__, list(data), list(other)]


def frozenset_packed():
    """`frozenset` as result, object and file."""
    return frozenset({1}), frozenset({1}), frozenset({1})


def _read_frozenset(data: frozenset, other: frozenset):
    return [type(data).__name__, list(data), list(other)]


def bytes_packed():
    """`bytes` as result, object and file."""
    return b"ab", b"ab", b"ab"


def _read_bytes(data: bytes, other: bytes):
    return [data.decode(), other.decode()]


def bytearray_packed():
    """`bytearray` as result, object and file."""
    return bytearray(b"ab"), bytearray(b"ab"), bytearray(b"ab")


def _read_bytearray(data: bytearray, other: bytearray):
    return [type(data).__name__, data.decode(), other.decode()]


def ndarray_packed():
    """`numpy.ndarray` as result, object, file and dataset."""
    value = np.arange(6).reshape(2, 3)
    return value, value, value, value


def _read_array(data: np.ndarray, other: np.ndarray, third: np.ndarray):
    return [data.tolist(), other.tolist(), third.tolist()]


def ndarray_of_one_number_packed():
    """`numpy.ndarray` of one number."""
    return np.array([5]), np.array([5])


def ndarray_large_packed():
    """`numpy.ndarray` of many numbers, by default."""
    return np.arange(1000)


def ndarray_dict_packed():
    """`dict[str, ndarray]` as result, object and file."""
    value = {"a": np.arange(2), "b": np.eye(2)}
    return value, value, value


def _read_array_dict(data: dict[str, np.ndarray]):
    return {name: value.tolist() for name, value in data.items()}


def ndarray_list_packed():
    """`list[ndarray]` as result, object and file."""
    value = [np.arange(2), np.eye(2)]
    return value, value, value


def _read_array_list(data: list[np.ndarray]):
    return [value.tolist() for value in data]


def numpy_number_packed():
    """NumPy's numbers as result and object."""
    return np.float64(0.5), np.int32(3)


def _people():
    return pd.DataFrame({"name": ["ada", "alan"], "age": [36, 41]})


def frame_packed():
    """`DataFrame` as result, object, file and dataset."""
    return _people(), _people(), _people(), _people()


def frame_with_index_packed():
    """`DataFrame` with a named index as result, file and dataset."""
    frame = _people().set_index("name")
    return frame, frame, frame


def frame_with_levels_packed():
    """`DataFrame` with an index of two levels as file and dataset."""
    frame = pd.DataFrame({"a": [1, 1], "b": [1, 2], "c": [0.5, 0.25]}).set_index(["a", "b"])
    return frame, frame


def _read_frame(data: pd.DataFrame, other: pd.DataFrame):
    return [data.reset_index().to_dict("list"), other.reset_index().to_dict("list")]


def series_packed():
    """`Series` as result, object and file, and what comes of it as a dataset."""
    value = pd.Series([1, 2], name="a")
    return value, value, value, value


def _read_series(data: pd.Series):
    return [data.tolist(), str(data.name)]


def object_packed():
    """Any other object as object and result."""
    return range(3), range(3)


def _read_object(data: range):
    return list(data)


def defaults_of_plain_types():
    """Plain types by their default artifact type."""
    return 1, 0.5, True, "a", b"ab", None, np.int64(1)


def defaults_of_collections():
    """Collections by their default artifact type."""
    return {"a": 1}, [1], (1,), {1}


def defaults_of_data():
    """Data by their default artifact type."""
    return _people(), pd.Series([1, 2], name="a"), np.arange(3), np.float32(0.5), range(3)


def model_packed():
    """A model by a hint of kind model, without a packager for it."""
    return {"weights": [1, 2]}


def plot_of_matplotlib_packed():
    """A figure of matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot([1, 2, 3])
    return figure


def plot_of_plotly_packed():
    """A figure of Plotly."""
    from plotly import graph_objects

    return graph_objects.Figure(graph_objects.Scatter(x=[1, 2], y=[3, 4]))


def plots_by_default():
    """A figure of Plotly by its default artifact type."""
    from plotly import graph_objects

    return graph_objects.Figure(graph_objects.Scatter(x=[1, 2], y=[3, 4]))


def unknown_type_of_artifact():
    """An artifact type that no packager has."""
    return 5


def type_that_does_not_fit():
    """A dictionary as a dataset."""
    return {"a": 1}


def path_that_is_missing():
    """A path that does not exist."""
    return "nowhere.txt"
