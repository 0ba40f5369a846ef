"""A script that fails after it has logged a result."""

import mlrun

context = mlrun.get_or_create_ctx("script")
context.log_result("n", 1)
raise ValueError("the script is wrong")
