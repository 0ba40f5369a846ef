"""A script that reads a secret of its environment."""

import mlrun

RUN = {"env": {"ACCESS_KEY": "s3cret"}}

context = mlrun.get_or_create_ctx("script")
context.log_result("secret", context.get_secret("ACCESS_KEY"))
