"""Inputs: how they reach the handler's parameters."""

import pathlib

import mlrun
import numpy as np
import pandas as pd

RUN = {
    "as_a_data_item": {"inputs": {"data": "file:people.csv"}},
    "by_hint_data_item": {"inputs": {"data": "file:people.csv"}},
    "by_hint_frame": {"inputs": {"data": "file:people.csv"}},
    "by_hint_text_is_a_path": {"inputs": {"data": "file:people.csv"}},
    "by_hint_path": {"inputs": {"data": "file:people.csv"}},
    "by_hint_union": {"inputs": {"data": "file:people.csv"}},
    "by_hint_optional": {"inputs": {"data": "file:people.csv"}},
    "by_hint_dict_of_json": {"inputs": {"data": "file:map.json"}},
    "by_hint_list_of_json": {"inputs": {"data": "file:list.json"}},
    "by_hint_dict_of_yaml": {"inputs": {"data": "file:map.yaml"}},
    "by_hint_array": {"inputs": {"data": "file:numbers.csv"}},
    "by_hint_bytes": {"inputs": {"data": "file:words.txt"}},
    "by_hint_in_the_name": {"handler": "_columns", "inputs": {"data: pandas.DataFrame": "file:people.csv"}},
    "by_hint_in_the_name_of_a_builtin": {"handler": "_type", "inputs": {"data: dict": "file:map.json"}},
    "default_text_is_a_path": {"inputs": {"data": "file:people.csv"}},
    "list_of_inputs": {"inputs": {"data": ["file:words.txt", "file:people.csv"]}},
    "map_of_inputs": {"inputs": {"data": {"a": "file:words.txt", "b": "file:people.csv"}}},
    "list_of_frames": {"inputs": {"data": ["file:people.csv", "file:numbers.csv"]}},
    "map_of_frames": {"inputs": {"data": {"a": "file:people.csv", "b": "file:numbers.csv"}}},
    "keyword_arguments_of_parameters": {"params": {"x": 1, "y": 2}},
    "keyword_arguments_of_inputs": {"params": {"x": 1}, "inputs": {"d": "file:words.txt"}},
    "keyword_arguments_with_context": {"params": {"y": 2}},
    "defaults_of_parameters": {"params": {"a": 5}},
    "parameter_and_input_beside_each_other": {"params": {"n": 2}, "inputs": {"data": "file:people.csv"}},
    "same_name_as_parameter_and_input": {
        "handler": "_type",
        "params": {"data": "text"},
        "inputs": {"data": "file:people.csv"},
    },
    "missing_parameter": {"handler": "_needs_two", "params": {"a": 1}},
    "unknown_parameter": {"handler": "_needs_none", "params": {"nobody": 1}},
    "parameter_is_not_coerced": {"params": {"rate": "0.5"}},
    "parameter_named_context": {"handler": "_needs_none", "params": {"context": 1}},
    "missing_file": {"handler": "_columns", "inputs": {"data": "file:nowhere.csv"}},
    "keyword_only_parameters": {"params": {"a": 1, "b": 2}},
    "variable_positional_parameters": {"params": {"a": 1}},
}
FILES = {
    "words.txt": "one two three",
    "people.csv": "name,age\nada,36\nalan,41\n",
    "numbers.csv": "a,b\n1,2\n3,4\n",
    "map.json": '{"a": 1, "b": [2, 3]}',
    "list.json": "[1, 2, 3]",
    "map.yaml": "a: 1\nb: [2, 3]\n",
}
DIFFERS = {
    "same_name_as_parameter_and_input": {
        "verdict": "refused",
        "why": "mlrun takes the parameter and drops the input without a word; keep one of them.",
        "differs": {
            "error": [None, "'data' is both an input and a parameter"],
            "state": ["completed", "error"],
            "results.return": ["str", None],
        },
    },
    "unknown_parameter": {
        "verdict": "refused",
        "why": "mlrun drops it without a word, so a typing error would run with the default.",
        "differs": {
            "error": [None, "has no parameter 'nobody'"],
            "state": ["completed", "error"],
            "results.return": [1, None],
        },
    },
    "parameter_named_context": {
        "verdict": "refused",
        "why": "mlrun drops it without a word: `context` is the run's.",
        "differs": {
            "error": [None, "has no parameter 'context'"],
            "state": ["completed", "error"],
            "results.return": [1, None],
        },
    },
    "keyword_arguments_of_inputs": {
        "verdict": "better",
        "why": "mlrun fails on an input that only `**kwargs` takes; here it is a `DataItem`.",
        "differs": {
            "error": ["'d'", None],
            "state": ["error", "completed"],
            "results.return": [None, {"x": 1, "others": {"d": "one two three"}}],
        },
    },
}


def as_a_data_item(data):
    """An input without a hint is a `DataItem`."""
    return {"type": type(data).__name__, "text": data.get(encoding="utf-8")}


def by_hint_data_item(data: mlrun.DataItem):
    """A hint `mlrun.DataItem`."""
    return {"type": type(data).__name__}


def by_hint_frame(data: pd.DataFrame):
    """A hint `pandas.DataFrame`."""
    return data.to_dict("list")


def by_hint_text_is_a_path(data: str):
    """A hint `str` gives a path."""
    return {"suffix": pathlib.Path(data).suffix, "there": pathlib.Path(data).exists()}


def by_hint_path(data: pathlib.Path):
    """A hint `pathlib.Path` gives a path."""
    return {"type": isinstance(data, pathlib.Path), "there": data.exists()}


def by_hint_union(data: mlrun.DataItem | pd.DataFrame):
    """A hint of two types."""
    return {"type": type(data).__name__}


def by_hint_optional(data: pd.DataFrame | None = None):
    """A hint that may be None."""
    return {"type": type(data).__name__}


def by_hint_dict_of_json(data: dict):
    """A hint `dict` reads a JSON file."""
    return data


def by_hint_list_of_json(data: list):
    """A hint `list` reads a JSON file."""
    return data


def by_hint_dict_of_yaml(data: dict):
    """A hint `dict` reads a YAML file."""
    return data


def by_hint_array(data: np.ndarray):
    """A hint `numpy.ndarray` reads a CSV file."""
    return data.tolist()


def by_hint_bytes(data: bytes):
    """A hint `bytes` of a text file."""
    return str(type(data).__name__)


def _columns(data):
    """A hint in the input's name."""
    return list(data.columns)


def _type(data):
    return type(data).__name__


def default_text_is_a_path(data=""):
    """A default that is a text gives a path."""
    return {"text": isinstance(data, str), "there": pathlib.Path(str(data)).exists()}


def list_of_inputs(data):
    """A list of inputs is a list of items."""
    return [item.get(encoding="utf-8")[:3] for item in data]


def map_of_inputs(data):
    """A map of inputs is a dict of items."""
    return {name: item.get(encoding="utf-8")[:3] for name, item in data.items()}


def list_of_frames(data: list[pd.DataFrame]):
    """A hint `list[DataFrame]`."""
    return [list(frame.columns) for frame in data]


def map_of_frames(data: dict[str, pd.DataFrame]):
    """A hint `dict[str, DataFrame]`."""
    return {name: list(frame.columns) for name, frame in data.items()}


def keyword_arguments_of_parameters(x, **others):
    """`**kwargs` takes the other parameters."""
    return {"x": x, "others": others}


def keyword_arguments_of_inputs(x, **others):
    """`**kwargs` takes inputs."""
    return {"x": x, "others": {name: item.get(encoding="utf-8") for name, item in others.items()}}


def keyword_arguments_with_context(context, **others):
    """`**kwargs` beside a context."""
    return {"context": bool(context.uid), "others": others}


def defaults_of_parameters(a=1, b=2):
    """Defaults of parameters that are not given."""
    return [a, b]


def parameter_and_input_beside_each_other(data: pd.DataFrame, n: int):
    """A parameter and an input."""
    return len(data) * n


def _needs_two(a, b):
    return a + b


def _needs_none():
    return 1


def parameter_is_not_coerced(rate: float):
    """A hint does not change a parameter's type."""
    return [type(rate).__name__, rate]


def keyword_only_parameters(*, a, b=3):
    """Parameters by name only."""
    return [a, b]


def variable_positional_parameters(a, *rest):
    """`*args` stays empty."""
    return [a, list(rest)]
