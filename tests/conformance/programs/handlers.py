"""Handlers: functions, methods, coroutines, decorated ones, and what they return without hints."""

import concurrent.futures
import functools
import multiprocessing

import mlrun
import numpy as np
import pandas as pd

RUN = {
    "method_of_a_class": {"handler": "Trainer::train", "params": {"n": 2}},
    "method_with_init_args": {"handler": "Trainer::train", "params": {"n": 2, "_init_args": {"factor": 10}}},
    "static_method": {"handler": "Trainer::constant"},
    "class_method": {"handler": "Trainer::named"},
    "method_with_context": {"handler": "Trainer::log"},
    "unknown_handler": {"handler": "nobody"},
    "handler_of_a_lambda": {"handler": "double", "params": {"n": 4}},
    "handler_of_a_partial": {"handler": "triple", "params": {"n": 4}},
    "decorated_with_inputs": {"inputs": {"data": "file:people.csv"}},
    "decorated_with_outputs_and_returns": {"returns": ["other"]},
}
FILES = {"people.csv": "name,age\nada,36\nalan,41\n"}
DIFFERS = {
    "returns_zero": {
        "verdict": "better",
        "why": "mlrun drops what is false; here it is kept.",
        "differs": {"results.return": [None, 0]},
    },
    "returns_an_empty_list": {
        "verdict": "better",
        "why": "mlrun drops what is false; here it is kept.",
        "differs": {"results.return": [None, []]},
    },
    "returns_a_tuple": {
        "verdict": "better",
        "why": "mlrun keeps the printed text; here it is a list.",
        "differs": {"results.return": ["(1, 'two', 3.0)", [1, "two", 3.0]]},
    },
    "returns_an_array": {
        "verdict": "better",
        "why": "mlrun fails after the work is done; here the array is kept.",
        "differs": {
            "error": ["truth value of an array", None],
            "state": ["error", "completed"],
            "results.return": [None, [0, 1, 2]],
        },
    },
    "returns_a_frame": {
        "verdict": "better",
        "why": "mlrun fails after the work is done; here the table is kept.",
        "differs": {
            "error": ["truth value of a DataFrame", None],
            "state": ["error", "completed"],
            "artifacts.return": [
                None,
                {"kind": "dataset", "labels": {}, "files": {"*.parquet": {"columns": {"a": "int64"}, "rows": [[1]]}}},
            ],
        },
    },
    "returns_an_object": {
        "verdict": "better",
        "why": "mlrun keeps the printed text; here the object is packed.",
        "differs": {
            "results.return": ["range(0, 3)", None],
            "artifacts.return": [
                None,
                {"kind": "artifact", "labels": {}, "files": {"*.pkl": "sha256:*"}},
            ],
        },
    },
    "decorated_with_outputs_and_returns": {
        "verdict": "refused",
        "why": "The run's `returns` would pack what the decorator has packed; say it in one place.",
        "differs": {
            "error": [None, "leave out the run's `returns`"],
            "state": ["completed", "error"],
            "results.answer": [42, None],
        },
    },
    "decorated_with_an_unknown_option": {
        "verdict": "better",
        "why": "mlrun logs the error and drops the output; here the run fails and says why.",
        "differs": {"error": [None, "unexpected keyword argument 'nobody'"], "state": ["completed", "error"]},
    },
    "handler_of_a_partial": {
        "verdict": "better",
        "why": "mlrun takes plain functions only; here whatever can be called.",
        "differs": {
            "error": ["handler 'triple' not found", None],
            "state": ["error", "completed"],
            "results.return": [None, 12],
        },
    },
}


class Trainer:
    def __init__(self, factor=1):
        self.factor = factor

    def train(self, n):
        """A method, named `Class::method`."""
        return self.factor * n

    def log(self, context):
        context.log_result("factor", self.factor)

    @staticmethod
    def constant():
        return 7

    @classmethod
    def named(cls):
        return cls.__name__


double = lambda n: 2 * n  # noqa: E731


def _times(factor, n):
    return factor * n


triple = functools.partial(_times, 3)


def returns_nothing():
    """A handler that returns nothing."""


def returns_a_number():
    """A number without a hint."""
    return 5


def returns_zero():
    """A value that is false without a hint."""
    return 0


def returns_an_empty_list():
    """An empty list without a hint."""
    return []


def returns_a_text():
    """A text without a hint."""
    return "done"


def returns_a_tuple():
    """Several values without hints."""
    return 1, "two", 3.0


def returns_a_map():
    """A map without a hint."""
    return {"a": 1, "b": [1, 2]}


def returns_numpy():
    """NumPy's number without a hint."""
    return np.float64(0.5)


def returns_an_array():
    """An array without a hint."""
    return np.arange(3)


def returns_a_frame():
    """A DataFrame without a hint."""
    return pd.DataFrame({"a": [1]})


def returns_an_object():
    """An object without a hint."""
    return range(3)


async def coroutine(context):
    """A coroutine is run to its end."""
    context.log_result("ran", True)
    return 5


def generator():
    """A generator."""
    yield 1


@mlrun.handler(outputs=["answer", "frame"])
def decorated_with_outputs():
    """`@mlrun.handler` with outputs."""
    return 42, pd.DataFrame({"a": [1]})


@mlrun.handler(outputs=["answer: result", "text: file", "frame: dataset"])
def decorated_with_types():
    """`@mlrun.handler` with types of artifacts."""
    return {"a": 1}, {"b": 2}, pd.DataFrame({"a": [1]})


@mlrun.handler(labels={"stage": "test"}, outputs=["answer"])
def decorated_with_labels(context):
    """`@mlrun.handler` with labels of the run."""
    context.log_result("labelled", context.labels.get("stage"))
    return 42


@mlrun.handler(inputs={"data": pd.DataFrame})
def decorated_with_inputs(data):
    """`@mlrun.handler` with types of inputs."""
    return list(data.columns)


@mlrun.handler(outputs=["answer"])
def decorated_with_outputs_and_returns():
    """A decorated handler with `returns` of the run."""
    return 42


@mlrun.handler(outputs=["frame: dataset[file_format='csv']"])
def decorated_with_options():
    """`@mlrun.handler` with options in brackets."""
    return pd.DataFrame({"a": [1]})


@mlrun.handler(outputs=["frame: dataset[nobody='csv']"])
def decorated_with_an_unknown_option():
    """`@mlrun.handler` with an option that the packager does not know."""
    return pd.DataFrame({"a": [1]})


@mlrun.handler()
def decorated_without_arguments():
    """`@mlrun.handler` alone."""
    return 5


def _loud(function):
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapped


@_loud
def decorated_by_the_user(context):
    """A decorator of the user's own."""
    context.log_result("ran", True)


def prints_and_writes(context):
    """A handler that prints and writes files."""
    print("hello")
    with open("scratch.txt", "w") as file:
        file.write("scratch")
    context.log_result("n", 1)


def context_by_hint(context: mlrun.MLClientCtx):
    """A context with its type."""
    context.log_result("n", 1)


def context_by_another_name(ctx: mlrun.MLClientCtx = None):
    """A context that is not called `context`."""
    return str(ctx)


@mlrun.handler(outputs=["part"])
def _part(number):
    return number


def decorated_in_a_process_pool(context):
    """A decorated function that the workers of a pool call."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        context.log_result("parts", pool.map(_part, range(3)))


def _train(context, x):
    context.log_result("y", x * 2)


def _one(x):
    return mlrun.new_function("train", kind="").run(handler=_train, params={"x": x}, local=True).output("y")


def runs_in_a_process_pool(context):
    """Runs that the workers of a pool make."""
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        context.log_result("doubled", list(pool.map(_one, [1, 2, 3])))
