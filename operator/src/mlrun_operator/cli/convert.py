"""The verb `convert`: from DigitalHub and MLRun to manifests."""

from typing import Annotated

import typer

from mlrun_operator.cli.app import Panel, session, verb
from mlrun_operator.cli.errors import CliError, Exit


@verb(Panel.OFFLINE, cluster=False)
def convert(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="JSON or YAML; - is stdin.")],
) -> None:
    """Print the manifests for DigitalHub's functions and runs, and for MLRun's functions.

    Takes MLRun's `function.yaml` of a function that runs to an end (kind job or local), as its hub has them. Takes
    DigitalHub's entities (functions, tasks, runs, whole project exports), and the keyword arguments of its old calls:
    `{"new_function": {…}, "run": {…}}`. Cron expressions of six and seven fields become a CronJob's five. Dataitems of
    the same files are written into the runs by their paths. What cannot be converted is told on stderr; the exit code
    is 1 then.
    """
    from mlrun_operator.cli.documents import read_all
    from mlrun_operator.cli.output import print_json, print_yaml, say
    from mlrun_operator.sdk.foreign import digitalhub

    found = digitalhub.convert(
        [(each.value, f"{each.file}:{each.line()}") for each in read_all(files)], session().namespace
    )
    if session().json:
        print_json({"items": found.objects, "notes": found.notes, "refusals": found.refusals})
    else:
        if found.objects:
            print_yaml(*found.objects)
        for line in digitalhub.news(found):
            say(line)
    if found.refusals:
        raise typer.Exit(Exit.FAILED)
    if not found.objects:
        raise CliError(
            "there is no function and no run in these files", "Dataitems alone need no manifest.", Exit.FAILED
        )
