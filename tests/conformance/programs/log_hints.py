"""Log hints: `returns`, in each form that mlrun takes."""

import numpy as np
import pandas as pd

RUN = {
    "hint_of_a_key": {"handler": "_five", "returns": ["answer"]},
    "hint_with_type": {"handler": "_frame", "returns": ["frame: dataset"]},
    "hint_with_spaces": {"handler": "_frame", "returns": ["frame : dataset"]},
    "hint_without_spaces": {"handler": "_frame", "returns": ["frame:dataset"]},
    "hint_with_option": {"handler": "_frame", "returns": ["frame: dataset[file_format='csv']"]},
    "hint_of_a_file_with_option": {"handler": "_map", "returns": ["map: file[file_format='yaml']"]},
    "hint_with_two_options": {"handler": "_frame", "returns": ["frame: file[file_format='csv', flatten=False]"]},
    "hint_of_an_array_with_option": {"handler": "_array", "returns": ["array: file[file_format='txt']"]},
    "hint_with_an_unknown_option": {"handler": "_frame", "returns": ["frame: dataset[nobody=1]"]},
    "hint_as_a_map": {"handler": "_frame", "returns": [{"key": "frame", "artifact_type": "dataset"}]},
    "hint_as_a_map_with_option": {
        "handler": "_frame",
        "returns": [{"key": "frame", "artifact_type": "dataset", "file_format": "csv"}],
    },
    "hint_as_a_map_with_packing_options": {
        "handler": "_map",
        "returns": [{"key": "map", "artifact_type": "file", "packing_kwargs": {"file_format": "yaml"}}],
    },
    "hint_as_a_map_with_labels": {
        "handler": "_frame",
        "returns": [{"key": "frame", "artifact_type": "dataset", "labels": {"stage": "test"}}],
    },
    "hint_as_a_map_with_tag": {"handler": "_frame", "returns": [{"key": "frame", "tag": "v1"}]},
    "hint_as_a_map_with_artifact_path": {"handler": "_frame", "returns": [{"key": "frame", "artifact_path": "sub"}]},
    "hint_as_a_map_with_extra_data": {
        "handler": "_frame",
        "returns": [{"key": "frame", "artifact_type": "dataset", "extra_data": {"page": "https://example.org/page"}}],
    },
    "hint_unbundles_a_list": {"handler": "_list", "returns": ["*item"]},
    "hint_unbundles_a_map": {"handler": "_map", "returns": ["*part"]},
    "hint_unbundles_a_map_the_old_way": {"handler": "_map", "returns": ["**part"]},
    "hint_unbundles_one_level": {"handler": "_nested", "returns": ["1*part"]},
    "hint_unbundles_all_levels": {"handler": "_nested", "returns": ["*part"]},
    "hint_unbundles_with_type": {"handler": "_frames", "returns": ["*frame: dataset"]},
    "hints_fewer_than_values": {"handler": "_three", "returns": ["a", "b"]},
    "hints_more_than_values": {"handler": "_three", "returns": ["a", "b", "c", "d"]},
    "hint_of_nothing": {"handler": "_nothing", "returns": ["a"]},
    "hints_of_a_list_of_values": {"handler": "_list", "returns": ["a", "b"]},
    "hint_of_one_value_in_a_tuple": {"handler": "_one", "returns": ["a"]},
    "hints_of_a_tuple_as_one": {"handler": "_three", "returns": ["a"]},
    "hint_with_two_colons": {"handler": "_five", "returns": ["a:b:c"]},
    "hint_without_a_key": {"handler": "_five", "returns": [":result"]},
    "hint_that_is_empty": {"handler": "_five", "returns": [""]},
    "hints_with_one_key_twice": {"handler": "_three", "returns": ["a", "a", "b"]},
}
DIFFERS = {
    "hint_with_an_unknown_option": {
        "verdict": "better",
        "why": "mlrun logs the error and drops the output; here the run fails and says why.",
        "differs": {"error": [None, "nobody"], "state": ["completed", "error"]},
    },
    "hint_that_is_empty": {
        "verdict": "refused",
        "why": "A result without a name cannot be asked for.",
        "differs": {"error": [None, "returns"], "state": ["completed", "error"], "results.": [5, None]},
    },
}


def _five():
    return 5


def _frame():
    return pd.DataFrame({"a": [1, 2]})


def _frames():
    return [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})]


def _map():
    return {"a": 1, "b": "two"}


def _list():
    return [1, 2]


def _nested():
    return {"a": {"x": 1, "y": [1, 2]}, "b": 2}


def _array():
    return np.arange(3)


def _three():
    return 1, 2, 3


def _one():
    return (1,)


def _nothing():
    return None
