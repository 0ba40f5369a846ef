"""Hyperparameters: every option of mlrun, in one process."""

RUN = {
    "grid": {"handler": "_score", "hyperparams": {"x": [1, 2], "y": [10, 20]}},
    "grid_with_selector": {
        "handler": "_score",
        "hyperparams": {"x": [1, 3, 2]},
        "hyper_param_options": {"selector": "max.score"},
    },
    "selector_of_the_minimum": {
        "handler": "_score",
        "hyperparams": {"x": [2, 1, 3]},
        "hyper_param_options": {"selector": "min.score"},
    },
    "selector_without_direction": {
        "handler": "_score",
        "hyperparams": {"x": [2, 1, 3]},
        "hyper_param_options": {"selector": "score"},
    },
    "selector_of_a_missing_result": {
        "handler": "_score",
        "hyperparams": {"x": [2, 1]},
        "hyper_param_options": {"selector": "max.nobody"},
    },
    "selector_that_is_malformed": {
        "handler": "_score",
        "hyperparams": {"x": [2, 1]},
        "hyper_param_options": {"selector": "best.score"},
    },
    "strategy_grid": {
        "handler": "_score",
        "hyperparams": {"x": [1, 2], "y": [10, 20]},
        "hyper_param_options": {"strategy": "grid", "selector": "max.score"},
    },
    "strategy_list": {
        "handler": "_score",
        "hyperparams": {"x": [1, 2], "y": [10, 20]},
        "hyper_param_options": {"strategy": "list", "selector": "max.score"},
    },
    "strategy_list_of_fractions": {
        "handler": "_kind",
        "hyperparams": {"x": [1, 2], "y": [0.5, 1.5]},
        "hyper_param_options": {"strategy": "list"},
    },
    "strategy_list_of_different_lengths": {
        "handler": "_score",
        "hyperparams": {"x": [1, 2], "y": [10]},
        "hyper_param_options": {"strategy": "list"},
    },
    "strategy_random": {
        "handler": "_constant",
        "hyperparams": {"x": [7]},
        "hyper_param_options": {"strategy": "random", "max_iterations": 3, "selector": "max.score"},
    },
    "strategy_random_default_iterations": {
        "handler": "_constant",
        "hyperparams": {"x": [7]},
        "hyper_param_options": {"strategy": "random"},
    },
    "strategy_unknown": {
        "handler": "_score",
        "hyperparams": {"x": [1]},
        "hyper_param_options": {"strategy": "bayes"},
    },
    "param_file_of_csv": {
        "handler": "_score",
        "hyper_param_options": {"param_file": "file:points.csv", "selector": "max.score"},
    },
    "param_file_of_json": {
        "handler": "_score",
        "hyper_param_options": {"param_file": "file:points.json", "selector": "max.score"},
    },
    "param_file_of_json_as_list": {
        "handler": "_score",
        "hyper_param_options": {"param_file": "file:points.json", "strategy": "list", "selector": "max.score"},
    },
    "param_file_beside_params": {
        "handler": "_score",
        "hyperparams": {"x": [1]},
        "hyper_param_options": {"param_file": "file:points.csv"},
    },
    "stop_condition": {
        "handler": "_score",
        "hyperparams": {"x": [1, 2, 3, 4]},
        "hyper_param_options": {"stop_condition": "score >= 12", "selector": "max.score"},
    },
    "stop_condition_of_a_missing_result": {
        "handler": "_score",
        "hyperparams": {"x": [1, 2]},
        "hyper_param_options": {"stop_condition": "nobody > 1"},
    },
    "max_errors": {
        "handler": "_fails_on_even",
        "hyperparams": {"x": [2, 4, 6, 7]},
        "hyper_param_options": {"max_errors": 1},
    },
    "max_errors_not_reached": {
        "handler": "_fails_on_even",
        "hyperparams": {"x": [1, 2, 3]},
        "hyper_param_options": {"max_errors": 2, "selector": "max.score"},
    },
    "max_errors_default": {"handler": "_fails_on_even", "hyperparams": {"x": [2, 4, 6, 8, 10, 12]}},
    "parallel_runs": {
        "handler": "_score",
        "hyperparams": {"x": [1, 2, 3]},
        "hyper_param_options": {"parallel_runs": 2, "selector": "max.score"},
    },
    "dask_cluster_uri": {
        "handler": "_score",
        "hyperparams": {"x": [1]},
        "hyper_param_options": {"dask_cluster_uri": "db://demo/cluster"},
    },
    "teardown_dask": {
        "handler": "_score",
        "hyperparams": {"x": [1]},
        "hyper_param_options": {"teardown_dask": True},
    },
    "points_with_artifacts": {
        "handler": "_writes",
        "hyperparams": {"x": [1, 3, 2]},
        "hyper_param_options": {"selector": "max.score"},
    },
    "points_with_artifacts_without_selector": {"handler": "_writes", "hyperparams": {"x": [1, 2]}},
    "points_with_models": {
        "handler": "_trains",
        "hyperparams": {"x": [1, 3, 2]},
        "hyper_param_options": {"selector": "max.score"},
    },
    "points_with_returns": {
        "handler": "_returns",
        "hyperparams": {"x": [1, 2]},
        "hyper_param_options": {"selector": "max.score"},
        "returns": ["score", "detail: file"],
    },
    "points_with_parameters_beside": {
        "handler": "_score",
        "params": {"y": 100},
        "hyperparams": {"x": [1, 2]},
        "hyper_param_options": {"selector": "max.score"},
    },
    "point_takes_the_place_of_a_parameter": {"handler": "_score", "params": {"x": 50}, "hyperparams": {"x": [1, 2]}},
    "points_with_inputs": {
        "handler": "_reads",
        "inputs": {"data": "file:words.txt"},
        "hyperparams": {"x": [1, 2]},
    },
    "points_of_texts_and_truths": {"handler": "_kind", "hyperparams": {"x": ["a", "b"], "y": [True, False]}},
    "points_of_lists": {"handler": "_kind", "hyperparams": {"x": [[1, 2], [3]]}},
    "points_of_nothing": {"handler": "_kind", "hyperparams": {"x": [None, 1]}},
    "one_point": {"handler": "_score", "hyperparams": {"x": [1]}},
    "no_values": {"handler": "_score", "hyperparams": {"x": []}},
    "iteration_of_the_context": {"handler": "_iteration", "hyperparams": {"x": [5, 6]}},
    "all_points_fail": {"handler": "_fails", "hyperparams": {"x": [1, 2]}},
}
FILES = {
    "points.csv": "x,y\n1,10\n2,20\n",
    "points.json": '{"x": [1, 2], "y": [10, 20]}',
    "words.txt": "one",
}
DIFFERS = {
    "selector_of_a_missing_result": {
        "verdict": "better",
        "why": "mlrun logs a line and has no best iteration; here the run fails and names the results that there are.",
        "differs": {
            "error": [None, "none of the 2 points that succeeded has such a number"],
            "state": ["completed", "error"],
        },
    },
    "strategy_list_of_fractions": {
        "verdict": "better",
        "why": "mlrun makes a table of the points first, in which whole numbers become fractions.",
        "differs": {
            "iterations.1.results.kinds": [["float", "float"], ["int", "float"]],
            "iterations.2.results.kinds": [["float", "float"], ["int", "float"]],
            "artifacts.iteration_results": [
                [
                    {
                        "iter": 1.0,
                        "state": "completed",
                        "param.x": 1.0,
                        "param.y": 0.5,
                        "output.kinds": ["float", "float"],
                    },
                    {
                        "iter": 2.0,
                        "state": "completed",
                        "param.x": 2.0,
                        "param.y": 1.5,
                        "output.kinds": ["float", "float"],
                    },
                ],
                [
                    {
                        "iter": 1.0,
                        "state": "completed",
                        "param.x": 1.0,
                        "param.y": 0.5,
                        "output.kinds": ["int", "float"],
                    },
                    {
                        "iter": 2.0,
                        "state": "completed",
                        "param.x": 2.0,
                        "param.y": 1.5,
                        "output.kinds": ["int", "float"],
                    },
                ],
            ],
        },
    },
    "stop_condition": {
        "verdict": "better",
        "why": "Points that did not start are told as skipped; mlrun does not tell them.",
        "differs": {
            "iterations.3": [None, {"state": "skipped", "results": {}}],
            "iterations.4": [None, {"state": "skipped", "results": {}}],
        },
    },
    "stop_condition_of_a_missing_result": {
        "verdict": "better",
        "why": "mlrun ends the whole sweep with an exception; here it is a warning, and the points go on.",
        "differs": {
            "error": ["name 'nobody' is not defined", None],
            "state": ["error", "completed"],
            "iterations.2": [None, {"state": "completed", "results": {"score": 12}}],
            "artifacts.parallel_coordinates": [None, "a picture"],
            "artifacts.iteration_results": [
                None,
                [
                    {"iter": 1.0, "state": "completed", "param.x": 1.0, "output.score": 11.0},
                    {"iter": 2.0, "state": "completed", "param.x": 2.0, "output.score": 12.0},
                ],
            ],
        },
    },
    "max_errors": {
        "verdict": "better",
        "why": "The run names the first failure, and points that did not start are told as skipped.",
        "differs": {
            "error": ["2 of 2 tasks failed", "the first: point 1: ValueError: 2 is even"],
            "iterations.3": [None, {"state": "skipped", "results": {}}],
            "iterations.4": [None, {"state": "skipped", "results": {}}],
            "artifacts.parallel_coordinates": ["a picture", None],
        },
    },
    "max_errors_not_reached": {
        "verdict": "better",
        "why": "A sweep with no more failures than `max_errors` succeeds with a warning; mlrun fails it for the first.",
        "differs": {"error": ["1 of 3 tasks failed", None], "state": ["error", "completed"]},
    },
    "max_errors_default": {
        "verdict": "better",
        "why": "The run names the first failure, and points that did not start are told as skipped.",
        "differs": {
            "error": ["4 of 4 tasks failed", "the first: point 1: ValueError: 2 is even"],
            "iterations.5": [None, {"state": "skipped", "results": {}}],
            "iterations.6": [None, {"state": "skipped", "results": {}}],
            "artifacts.parallel_coordinates": ["a picture", None],
        },
    },
    "all_points_fail": {
        "verdict": "better",
        "why": "The run names the first failure; without results there is no picture.",
        "differs": {
            "error": ["2 of 2 tasks failed", "the first: point 1: ValueError: never works"],
            "artifacts.parallel_coordinates": ["a picture", None],
        },
    },
    "parallel_runs": {
        "verdict": "better",
        "why": "mlrun needs Dask; here the points need a pod each in a cluster, and run one by one on this machine.",
        "differs": {
            "error": ["No module named 'distributed'", None],
            "state": ["error", "completed"],
            "results.score": [None, 13],
            "results.best_iteration": [None, 3],
            "iterations.1": [None, {"state": "completed", "results": {"score": 11}}],
            "iterations.2": [None, {"state": "completed", "results": {"score": 12}}],
            "iterations.3": [None, {"state": "completed", "results": {"score": 13}}],
            "artifacts.parallel_coordinates": [None, "a picture"],
            "artifacts.iteration_results": [
                None,
                [
                    {"iter": 1.0, "state": "completed", "param.x": 1.0, "output.score": 11.0},
                    {"iter": 2.0, "state": "completed", "param.x": 2.0, "output.score": 12.0},
                    {"iter": 3.0, "state": "completed", "param.x": 3.0, "output.score": 13.0},
                ],
            ],
        },
    },
    "teardown_dask": {
        "verdict": "refused",
        "why": "There is no Dask here; a fan-out needs none.",
        "differs": {
            "error": [None, "there is no Dask here"],
            "state": ["completed", "error"],
            "iterations.1": [{"state": "completed", "results": {"score": 11}}, None],
            "artifacts.parallel_coordinates": ["a picture", None],
            "artifacts.iteration_results": [
                [{"iter": 1.0, "state": "completed", "param.x": 1.0, "output.score": 11.0}],
                None,
            ],
        },
    },
    "points_with_parameters_beside": {
        "verdict": "better",
        "why": "The table has the parameters that the points differ in; mlrun's repeats all others in each row.",
        "differs": {
            "artifacts.iteration_results": [
                [
                    {"iter": 1.0, "state": "completed", "param.y": 100.0, "param.x": 1.0, "output.score": 101.0},
                    {"iter": 2.0, "state": "completed", "param.y": 100.0, "param.x": 2.0, "output.score": 102.0},
                ],
                [
                    {"iter": 1.0, "state": "completed", "param.x": 1.0, "output.score": 101.0},
                    {"iter": 2.0, "state": "completed", "param.x": 2.0, "output.score": 102.0},
                ],
            ]
        },
    },
    "points_with_inputs": {
        "verdict": "better",
        "why": "Without numbers to compare there is no picture; mlrun draws an empty one.",
        "differs": {"artifacts.parallel_coordinates": ["a picture", None]},
    },
    "points_of_nothing": {
        "verdict": "better",
        "why": "Without numbers to compare there is no picture; mlrun draws an empty one.",
        "differs": {"artifacts.parallel_coordinates": ["a picture", None]},
    },
    "no_values": {
        "verdict": "refused",
        "why": "A sweep without points is a mistake; mlrun completes with a warning in the log.",
        "differs": {"error": [None, "'x' has no values"], "state": ["completed", "error"]},
    },
}


def _score(context, x, y=10):
    context.log_result("score", x + y)


def _constant(context, x):
    context.log_result("score", 1)


def _kind(context, x, y=None):
    context.log_result("kinds", [type(x).__name__, type(y).__name__])


def _fails_on_even(context, x):
    if x % 2 == 0:
        raise ValueError(f"{x} is even")
    context.log_result("score", x)


def _fails(x):
    raise ValueError("never works")


def _writes(context, x):
    context.log_result("score", x)
    context.log_artifact("note", body=f"x is {x}", local_path="note.txt")


def _trains(context, x):
    context.log_result("score", x)
    context.log_model("model", body=f"w{x}".encode(), model_file="m.bin", metrics={"score": x})


def _returns(x):
    return x, {"x": x}


def _reads(context, data, x):
    context.log_result("read", data.get(encoding="utf-8") * x)


def _iteration(context, x):
    context.log_result("iteration", context.iteration)
