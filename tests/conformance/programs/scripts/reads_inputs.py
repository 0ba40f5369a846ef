"""A script that reads an input."""

import mlrun

RUN = {"inputs": {"infile": "file:words.txt"}}
FILES = {"words.txt": "one two"}

context = mlrun.get_or_create_ctx("script")
context.log_result("text", context.get_input("infile").get(encoding="utf-8"))
