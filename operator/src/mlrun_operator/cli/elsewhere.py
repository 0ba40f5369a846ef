"""What people give to `run` that is neither a .py file nor the name of a function, and what they can do with it."""

import re
from pathlib import Path
from typing import Final

_HUB: Final = re.compile(r"hub://(?:[^/]+/)?([A-Za-z0-9_-]+)(?::.*)?")
_HUB_FILE: Final = "https://raw.githubusercontent.com/mlrun/functions/master/functions/src/{name}/function.yaml"
_MANIFESTS: Final = (".yaml", ".yml", ".json")


def other_source(what: str) -> tuple[str, str] | None:
    """Return what it is and what to do; None for what may be the name of a function."""
    if what.startswith("hub://"):
        return _of_hub(what)
    if what.startswith("db://"):
        hint = "Export it there by function.export('function.yaml'), then `mlrunctl convert function.yaml`."
        return f"{what} is a function in the database of an MLRun server, and there is none here", hint
    if "://" in what:
        hint = "Write the URL as source.source of an MlrunFunction, or download the file and run that."
        return f"cannot run {what}: `run` takes a file or a function's name", hint
    if what.endswith(_MANIFESTS):
        return _of_file(what)
    return None


def _of_hub(what: str) -> tuple[str, str]:
    match = _HUB.fullmatch(what)
    address = _HUB_FILE.format(name=match[1].replace("-", "_") if match else "NAME")
    hint = f"Download {address}, then `mlrunctl convert function.yaml | mlrunctl apply -`."
    return f"{what} is a function of MLRun's hub, which this platform does not read", hint


def _of_file(what: str) -> tuple[str, str]:
    from mlrun_operator.cli.documents import read_all
    from mlrun_operator.cli.problems import is_ours
    from mlrun_operator.sdk.foreign.mlrun_function import is_mlrun_function

    if not Path(what).is_file():
        return f"{what} does not exist", "Name a .py file, or a function."
    values = [document.value for document in read_all([what])]
    names = [str(value["metadata"]["name"]) for value in values if is_mlrun_function(value)]
    if names:
        then = f"then `mlrunctl run {names[0]}` runs it."
        return f"{what} is an MLRun function", f"`mlrunctl convert {what} | mlrunctl apply -` makes it one, {then}"
    if any(map(is_ours, values)):
        return f"{what} holds manifests", f"`mlrunctl apply {what}` applies them; name a function of them to run it."
    return f"{what} is neither a .py file nor a manifest", "Name a .py file, or a function."
