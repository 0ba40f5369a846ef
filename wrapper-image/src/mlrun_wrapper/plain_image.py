"""What a run is told where the plain wrapper runs instead of mlrun's own image, which has more packages."""

from typing import Final

from mlrun_operator.api.contract.envelope import Envelope

# The packages that only the image wrapper-ml has, by the modules that functions import of them.
PACKAGES: Final = {
    "PIL": "pillow",
    "joblib": "joblib",
    "lightgbm": "lightgbm",
    "matplotlib": "matplotlib",
    "mpl_toolkits": "matplotlib",
    "plotly": "plotly",
    "scipy": "scipy",
    "seaborn": "seaborn",
    "sklearn": "scikit-learn",
    "tqdm": "tqdm",
    "xgboost": "xgboost-cpu",
}


def exchange_warnings(envelope: Envelope) -> list[str]:
    """Return the warning of the exchange, with all that is missing."""
    if not envelope.plain_image:
        return []
    what = "what the function needs of these"
    return [f"{_exchange(envelope)}, without {', '.join(sorted(set(PACKAGES.values())))}; {_remedy(what)}"]


def missing_package(envelope: Envelope, module: str | None) -> str:
    """Return the end of a message about a module that was not found; empty where the exchange is not the cause.

    Python names the package itself where that is missing, and a part by its dotted name where only the part is.
    """
    package = PACKAGES.get(module or "")
    if not envelope.plain_image or package is None:
        return ""
    return f"; {_exchange(envelope)}, without {package}: {_remedy(package)}"


def _exchange(envelope: Envelope) -> str:
    return f"the operator's plain wrapper image runs instead of {envelope.function.spec.image}"


def _remedy(what: str) -> str:
    return f"name {what} in the function's `requirements`, or have wrapper-ml run (chart value `wrapperMl.repository`)"
