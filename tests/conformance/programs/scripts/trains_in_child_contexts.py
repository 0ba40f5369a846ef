"""A script with child contexts."""

import mlrun

context = mlrun.get_or_create_ctx("script")
for p in (1, 3, 2):
    with context.get_child_context(p=p) as child:
        child.log_result("score", p)
        if p == 3:
            child.mark_as_best()
