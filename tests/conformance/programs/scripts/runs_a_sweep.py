"""A script with hyperparameters."""

import mlrun

RUN = {"hyperparams": {"x": [1, 3, 2]}, "hyper_param_options": {"selector": "max.score"}}

context = mlrun.get_or_create_ctx("script")
context.log_result("score", context.get_param("x"))
