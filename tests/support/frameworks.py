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
