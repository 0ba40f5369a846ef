"""Verbs on manifests, without a cluster: `validate` and `render`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlrun_operator.cli.app import Panel, session, verb
from mlrun_operator.cli.errors import CliError, Exit
from mlrun_operator.cli.files import Filename, Files, files_of

if TYPE_CHECKING:
    from mlrun_operator.api.contract.platform import Platform
    from mlrun_operator.cli.documents import Document

PlatformFile = Annotated[
    str | None,
    typer.Option(
        "--platform", metavar="FILE", help="YAML with the operator's settings, or `cluster`; default: its defaults."
    ),
]


@verb(Panel.OFFLINE)
def validate(
    files: Files = None,
    *,
    filename: Filename = None,
    platform: PlatformFile = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail at notes, too.")] = False,
) -> None:
    """Check manifests as the operator would.

    Tells the line of everything that is wrong. Objects of other kinds are passed over. A run's function is looked up
    among the given files.
    """
    from mlrun_operator.cli.documents import read_all
    from mlrun_operator.cli.output import out, print_json, say
    from mlrun_operator.cli.problems import check, is_ours

    documents = read_all(files_of(files, filename))
    ours = [d for d in documents if is_ours(d.value)]
    problems = check(documents, _platform(platform))
    wrong = [p for p in problems if strict or not p.note]
    if session().json:
        print_json({"valid": not wrong, "objects": len(ours), "problems": [p.wire() for p in problems]})
    else:
        for problem in problems:
            out(str(problem))
        said = f"{len(wrong)} problem{'s' * (len(wrong) != 1)}" if wrong else "valid"
        say(f"{len(ours)} object{'s' * (len(ours) != 1)} of ours: {said}")
    if wrong:
        raise typer.Exit(Exit.FAILED)
    if not ours:
        raise CliError("there is no MlrunFunction or MlrunRun in these files", "Check the path.", Exit.FAILED)


@verb(Panel.OFFLINE)
def render(
    files: Files = None,
    *,
    filename: Filename = None,
    run: Annotated[str | None, typer.Option("--run", metavar="NAME", help="Only the run of this name.")] = None,
    platform: PlatformFile = None,
) -> None:
    """Print the Job or CronJob that each run becomes.

    To the last field as the operator would make it. The files must hold the runs' functions. A run that no cluster
    knows yet has a uid of zeros, which the Job's name is made of. `--platform` takes image, store and limits by the
    names that the operator's settings have in camelCase (`wrapperImage`, `store: {root, endpoint}`, …).
    """
    from mlrun_operator.cli.documents import read_all
    from mlrun_operator.cli.output import print_json, print_yaml

    jobs = _jobs(read_all(files_of(files, filename)), run, _platform(platform), session().namespace)
    if session().json:
        print_json(jobs[0] if len(jobs) == 1 else {"apiVersion": "v1", "kind": "List", "items": jobs})
    else:
        print_yaml(*jobs)


def _jobs(
    documents: Sequence["Document"], wanted: str | None, platform: "Platform", namespace: str | None
) -> list[dict[str, Any]]:
    from mlrun_operator.api import constants
    from mlrun_operator.cli.problems import check, is_ours

    ours = [d.value for d in documents if is_ours(d.value)]
    runs = [value for value in ours if value.get("kind") == constants.RUN_KIND]
    chosen = [r for r in runs if wanted in (None, (r.get("metadata") or {}).get("name"))]
    if not chosen:
        raise CliError(f"there is no MlrunRun {wanted or ''} in these files".replace("  ", " "), "", Exit.NOT_FOUND)
    wrong = [p for p in check(documents, platform) if not p.note]
    if wrong:
        words = "; ".join(map(str, wrong[:3]))
        raise CliError(words, "`validate` lists all that is wrong.", Exit.FAILED)
    return [_job(r, ours, platform, namespace) for r in chosen]


def _job(
    run: dict[str, Any], ours: list[dict[str, Any]], platform: "Platform", namespace: str | None
) -> dict[str, Any]:
    from mlrun_operator.cli.rendering import job_of
    from mlrun_operator.sdk.translate.floats import declared

    job = job_of(declared(run), ours, platform, namespace)
    if job is None:
        asked, name = run["spec"]["functionRef"]["name"], run["metadata"].get("name", "?")
        words = f"MlrunFunction {asked}, which MlrunRun {name} refers to, is not among these files"
        raise CliError(words, "Name its file, too.", Exit.NOT_FOUND)
    return job


def _platform(said: str | None) -> "Platform":
    from pydantic import ValidationError

    from mlrun_operator.api.contract.platform import Platform
    from mlrun_operator.api.words import in_words
    from mlrun_operator.cli.documents import read_all

    if said is None:
        return Platform()
    if said == "cluster":
        return _published()
    try:
        return Platform.model_validate(next((d.value for d in read_all([said])), {}))
    except ValidationError as error:
        raise CliError(f"{said}: {in_words(error)}", "docs/cli.md shows what can be in it.") from error


def _published() -> "Platform":
    from mlrun_operator.cli.cluster import linked

    found = linked(lambda link: link.backend.platform(link.namespace))
    if found is None:
        words = "the operator's settings cannot be read in this cluster"
        raise CliError(words, "Write them into a file: --platform FILE.", Exit.NOT_FOUND)
    return found
