"""A script whose context is a block."""

import mlrun

with mlrun.get_or_create_ctx("script") as context:
    context.log_result("n", 1)
    context.set_label("stage", "test")
