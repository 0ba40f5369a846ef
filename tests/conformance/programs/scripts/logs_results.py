"""A script with `get_or_create_ctx`, parameters and results."""

import mlrun

RUN = {"params": {"p1": 5}}

context = mlrun.get_or_create_ctx("script")
context.log_result("twice", 2 * context.get_param("p1", 1))
context.log_result("other", context.get_param("p2", "a-string"))
