"""The demo's input: four years of weather in Seattle, a real CSV file that the package vega_datasets brings."""

from importlib import resources
from pathlib import Path

from devcluster.errors import MissingRequirementError

NAME = "seattle-weather.csv"
# Where the committed example reads it from; the demo's own server takes the place of this folder.
PUBLIC_FOLDER = "https://raw.githubusercontent.com/vega/vega-datasets/v1.29.0/data"


def folder() -> Path:
    """The folder with the package's files. Raises MissingRequirementError where the package is not installed."""
    try:
        found = Path(str(resources.files("vega_datasets"))) / "_data"
    except ModuleNotFoundError:
        raise MissingRequirementError("the package vega-datasets is not installed", hint="`make setup`") from None
    return found
