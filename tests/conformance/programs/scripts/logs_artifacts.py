"""A script that logs artifacts, a dataset and a model."""

import mlrun
import pandas as pd

context = mlrun.get_or_create_ctx("script")
context.log_artifact("model.txt", body=b"abc is 123", labels={"framework": "xgboost"})
context.log_artifact("results.html", body=b"<b> Some HTML <b>", local_path="results.html")
context.log_dataset("frame", df=pd.DataFrame({"a": [1, 2]}))
context.log_model("model", body=b"w", model_file="m.bin", framework="sklearn")
