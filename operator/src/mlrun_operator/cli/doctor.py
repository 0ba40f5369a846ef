"""The verb `doctor`."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlrun_operator.cli.app import Panel, session, verb
from mlrun_operator.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from mlrun_operator.cli.checks import Finding

_SIGNS = {"ok": ("✔", "green"), "failed": ("✘", "red"), "note": ("!", "yellow"), "skipped": ("-", "dim")}


@verb(Panel.PLATFORM)
def doctor(
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Make no run: image and store are not looked at then.")
    ] = False,
) -> None:
    """Check that runs can work here.

    The cluster, its CRDs and their version, your rights in the namespace, the operator, the store from here, and by a
    small run (deleted afterwards) the operator at work, the image, and the store from inside of the cluster. Exit code
    1 where a check fails.
    """
    from mlrun_operator.cli import checks
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import print_json
    from mlrun_operator.sdk.errors import CrdsMissing

    try:
        found = linked(lambda link: checks.examine(link, with_run=not quick, told=_tell))
    except CliError as error:
        what = "CRDs" if isinstance(error.__cause__, CrdsMissing) else "cluster"
        found = [checks.Finding(what, "failed", error.message, error.hint)]
        _tell(found[0])
        if error.code not in (Exit.UNREACHABLE, Exit.REFUSED):
            raise
    if session().json:
        print_json([finding.wire() for finding in found])
    if any(finding.state == "failed" for finding in found):
        raise typer.Exit(Exit.FAILED)


def _tell(finding: "Finding") -> None:
    from mlrun_operator.cli.output import out, painted

    if session().json:
        return
    sign, colour = _SIGNS[finding.state]
    out(painted(sign, colour), f" {finding.check}: {finding.found}", flush=True)
    if finding.todo and finding.state != "ok":
        out(f"    → {finding.todo}", flush=True)
