"""Verbs around the program itself: `init`, `version`, `completion`."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from mlrun_operator.cli.app import Panel, session, verb
from mlrun_operator.cli.errors import CliError, Exit
from mlrun_operator.version import __version__


class Shell(StrEnum):
    """The shells that can be completed in."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_CODE: Final = '''\
"""Counts the words of a text, and keeps the most frequent ones as a dataset."""

from collections import Counter

import mlrun
import pandas as pd


@mlrun.handler(outputs=["counts", "words"])
def count_words(context, text: str = "to be or not to be", top: int = 3):
    found = Counter(text.lower().split())
    context.logger.info(f"{sum(found.values())} words, {len(found)} different ones")
    return pd.DataFrame(found.most_common(top), columns=["word", "count"]), sum(found.values())
'''

_README: Final = """\
# {name}

| file | what it is |
|---|---|
| `pipeline.py` | the code: edit it here |
| `function.yaml` | the function that runs it, with the code inside |
| `run.yaml` | one run of it |

    mlrunctl validate .                                       # offline
    mlrunctl run pipeline.py --handler count_words -o counts=counts --wait --logs
    kubectl apply -f function.yaml -f run.yaml                # the same by GitOps

Code that grows belongs into a repository: write `source: git+https://…/repo.git#main` and `handler: pipeline.py` in the
place of `code`.
"""


def project_files(name: str) -> dict[str, str]:
    """File name → text of a project that runs as it is."""
    from mlrun_operator.api import constants
    from mlrun_operator.cli.output import yaml_text

    function = {
        "apiVersion": constants.API_VERSION,
        "kind": constants.FUNCTION_KIND,
        "metadata": {"name": "count-words"},
        "spec": {"project": name, "source": {"code": _CODE}, "handler": "count_words"},
    }
    run = {
        "apiVersion": constants.API_VERSION,
        "kind": constants.RUN_KIND,
        "metadata": {"name": "count-words-1"},
        "spec": {
            "functionRef": {"name": "count-words"},
            "parameters": {"text": "the quick brown fox jumps over the lazy dog", "top": 5},
            "outputs": {"counts": "counts"},
        },
    }
    return {
        "pipeline.py": _CODE,
        "function.yaml": yaml_text(function),
        "run.yaml": yaml_text(run),
        "README.md": _README.format(name=name),
    }


# The environment variable by which typer's completion scripts ask.
COMPLETE: Final = "_MLRUNCTL_COMPLETE"


@verb(Panel.OFFLINE, cluster=False)
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to put it; made where it does not exist.")],
) -> None:
    """Make an example project that runs.

    Code, function, run and what to do next. Nothing that exists is written over.
    """
    import re

    from mlrun_operator.cli.output import print_json, say

    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:63] or "project"
    files = project_files(name)
    there = [file for file in files if (folder / file).exists()]
    if there:
        raise CliError(f"{folder} has {', '.join(there)} already", "Name another folder.", Exit.FAILED)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(f"{folder}: {error.strerror}", "Name a folder that you may write to.") from error
    if session().json:
        print_json({"folder": str(folder), "files": list(files)})
    else:
        say(f"made {', '.join(files)} in {folder}; its README.md says what to do next")


@verb(Panel.OFFLINE, cluster=False)
def version() -> None:
    """Print the version of this program and of the API that it speaks."""
    import platform

    from mlrun_operator.api import constants
    from mlrun_operator.cli.output import out, print_json

    said = {"version": __version__, "api": constants.API_VERSION, "python": platform.python_version()}
    if session().json:
        print_json(said)
    else:
        out(f"mlrunctl {__version__}, API {said['api']}, Python {said['python']}")


@verb(Panel.OFFLINE, cluster=False)
def completion(
    shell: Annotated[Shell, typer.Argument(help="bash, zsh or fish.")],
) -> None:
    """Print the completion script of a shell.

    `source <(mlrunctl completion bash)`. For `kubectl mlrun`, have `kubectl_complete-mlrun`, which is installed
    beside this program, in the PATH.
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined] # as typer's own option does

    from mlrun_operator.cli.output import out

    out(get_completion_script(prog_name="mlrunctl", complete_var=COMPLETE, shell=shell.value))


def ready_to_complete() -> None:
    """Where a shell asks for completions, teach typer the shells."""
    if COMPLETE in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined] # as typer's own option does

        completion_init()
