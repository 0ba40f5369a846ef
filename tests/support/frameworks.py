"""Functions that train and evaluate by mlrun.frameworks, as mlrun's users write them, on data of scikit-learn's."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Framework:
    """One of mlrun.frameworks: what it is imported by, a model, and how one of the store is loaded."""

    imports: str
    model: str
    load: str


FRAMEWORKS = {
    "sklearn": Framework(
        """
from mlrun.frameworks.sklearn import SKLearnModelHandler as ModelHandler, apply_mlrun
from sklearn.linear_model import LogisticRegression
""",
        "LogisticRegression(max_iter=2000)",
        "ModelHandler(model_path=model, context=context)",
    ),
    "lgbm": Framework(
        """
from mlrun.frameworks.lgbm import LGBMModelHandler as ModelHandler, apply_mlrun
from lightgbm import LGBMClassifier
""",
        "LGBMClassifier(n_estimators=10, n_jobs=1, verbose=-1)",
        "ModelHandler(model_path=model, context=context)",
    ),
    "xgboost": Framework(
        """
from mlrun.frameworks.xgboost import XGBoostModelHandler as ModelHandler, apply_mlrun
from xgboost import XGBClassifier
""",
        "XGBClassifier(n_estimators=10, n_jobs=1)",
        "ModelHandler(model_path=model, context=context)",
    ),
    "auto_mlrun": Framework(
        """
from mlrun.frameworks.auto_mlrun import AutoMLRun
from sklearn.tree import DecisionTreeClassifier
apply_mlrun = AutoMLRun.apply_mlrun
""",
        "DecisionTreeClassifier(max_depth=3)",
        'AutoMLRun.load_model(model_path=model, framework="sklearn", context=context)',
    ),
}
CODE = """
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
{imports}
def data():
    table = load_breast_cancer(as_frame=True).frame.iloc[:240, -6:]
    train, test = train_test_split(table, random_state=1)
    return train.drop(columns="target"), train["target"], test.drop(columns="target"), test["target"]

def train(context):
    x_train, y_train, x_test, y_test = data()
    model = {model}
    apply_mlrun(model=model, model_name="cancer", context=context, x_test=x_test, y_test=y_test)
    model.fit(x_train, y_train)

def evaluate(context, model: str):
    _, _, x_test, y_test = data()
    handler = {load}
    if handler.model is None:
        handler.load()
    apply_mlrun(
        model=handler.model, model_name="cancer", model_path=model, context=context, x_test=x_test, y_test=y_test
    )
    context.log_result("classes", sorted(set(handler.model.predict(x_test).tolist())))
"""
METRICS = ("accuracy", "f1_score", "precision_score", "recall_score")
PLOTS = {"confusion-matrix", "roc-curves", "calibration-curve"}


def code_of(name: str) -> str:
    """Return the code of a framework's handlers `train` and `evaluate`."""
    framework = FRAMEWORKS[name]
    return CODE.format(imports=framework.imports, model=framework.model, load=framework.load)


# As hub functions do it: what they need to know of the model is in its artifact.
CHAIN = """
import mlrun
import pandas as pd
from mlrun.frameworks.auto_mlrun import AutoMLRun
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split


def train(context):
    table = load_breast_cancer(as_frame=True).frame.iloc[:, -6:]
    rest, test = train_test_split(table, random_state=1)
    model = LogisticRegression(max_iter=2000)
    x_test = test.drop(columns="target")
    AutoMLRun.apply_mlrun(model=model, model_name="cancer", context=context, x_test=x_test, y_test=test["target"])
    model.fit(rest.drop(columns="target"), rest["target"])
    context.log_dataset("unseen", df=x_test)
    context.log_dataset("labelled", df=test)


def evaluate(context, model: str, rows: pd.DataFrame):
    handler = AutoMLRun.load_model(model_path=model, context=context)
    x_test, y_test = rows.drop(columns="target"), rows["target"]
    AutoMLRun.apply_mlrun(model=handler.model, model_path=model, context=context, x_test=x_test, y_test=y_test)
    handler.model.predict(x_test)


def predict(context, model: str, rows: pd.DataFrame):
    handler = AutoMLRun.load_model(model_path=model, context=context)
    context.log_dataset("prediction", df=rows.assign(predicted=handler.model.predict(rows)))


def infer(context, model: str, rows: pd.DataFrame, size: int):
    artifact = mlrun.artifacts.get_model(model)[1]
    columns = [feature.name for feature in artifact.spec.inputs]
    handler = AutoMLRun.load_model(model_path=model, context=context)
    batches = [rows.iloc[start : start + size] for start in range(0, len(rows), size)]
    parts = [batch.assign(predicted=handler.model.predict(batch[columns])) for batch in batches]
    context.log_dataset("inferred", df=pd.concat(parts))
    context.log_result("framework", artifact.labels["framework"])
    context.log_result("batches", len(batches))
"""
