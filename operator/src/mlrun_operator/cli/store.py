"""Verbs of the artifact store: `store enable`, `store ls`, `store gc`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlrun_operator.cli.app import Panel, app, session, verb
from mlrun_operator.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from mlrun_operator.cli.cluster import Link

store = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(store, name="store", rich_help_panel=Panel.PLATFORM.value, help="The artifact store.")

_TYPES = ("dataitem", "artifact", "model")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_ALSO = "AWS_SESSION_TOKEN"


@verb(Panel.PLATFORM, of=store)
def enable(
    *,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="NAMESPACE", help="Copy the Secret of this namespace.")
    ] = None,
) -> None:
    """Give a namespace the keys of the store, so that its runs can store.

    Makes the Secret that the operator's settings name (mlrun-operator-store) from AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY of this environment, or from another namespace's. Needs the right to write Secrets.
    """
    import base64
    import os

    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.output import out, print_json
    from mlrun_operator.sdk.backends.kubernetes import SECRETS
    from mlrun_operator.sdk.errors import NotFound

    async def work(link: "Link") -> tuple[str, str, str]:
        platform = await link.backend.platform(link.namespace)
        name = platform.store.secret if platform else "mlrun-operator-store"
        if from_:
            data = dict((await link.backend.read(SECRETS, from_, name)).get("data") or {})
        else:
            data = {key: base64.b64encode(os.environ[key].encode()).decode() for key in _present(os.environ)}
        meta = {"name": name, "namespace": link.namespace}
        try:
            away = dict.fromkeys((*_KEYS, _ALSO))  # an old token beside new keys would spoil them
            await link.backend.merge(SECRETS, link.namespace, name, {"data": {**away, **data}})
        except NotFound:
            await link.backend.create(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})
            return name, link.namespace, "created"
        return name, link.namespace, "configured"

    name, namespace, what = linked(work)
    if session().json:
        print_json({"secret": name, "namespace": namespace, "result": what})
    else:
        out(f"secret/{name} {what} in namespace {namespace}")


@verb(Panel.PLATFORM, of=store)
def ls(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="TYPE...", help="dataitem, artifact, model; default: all.")
    ] = None,
    *,
    project: Annotated[str | None, typer.Option("--project", metavar="NAME", help="Default: the namespace.")] = None,
) -> None:
    """List the newest version of everything that a project has stored."""
    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.describing import size
    from mlrun_operator.cli.output import out, print_json, rows_text, say
    from mlrun_operator.sdk.aio.entities import list_entities

    types = [each.removesuffix("s") for each in what or _TYPES]
    for each in types:
        if each not in _TYPES:
            raise CliError(f"{each!r} is none of {', '.join(_TYPES)}")

    async def read(link: "Link") -> tuple[str, list[Any]]:
        name = project or link.namespace
        found = [e for each in types for e in await list_entities(link.session, link.namespace, name, each)]
        return name, found

    name, found = linked(read)
    if session().json:
        print_json([entity.to_dict() for entity in found])
    elif not found:
        say(f"project {name} has stored nothing")
    else:
        rows = [
            [e.key.name, e.key.kind, size(e.status.get("size")), str(e.metadata.get("created", ""))[:19], str(e.key)]
            for e in found
        ]
        out(rows_text(("name", "kind", "size", "created", "key"), rows))


@verb(Panel.PLATFORM, of=store)
def gc(
    *,
    older_than: Annotated[
        float, typer.Option("--older-than", metavar="DAYS", min=0, help="Only what is older than this.")
    ] = 30,
    delete: Annotated[bool, typer.Option("--delete", help="Delete it; without this it is only listed.")] = False,
) -> None:
    """List, and with --delete delete, what nobody needs of a namespace's store.

    That is: versions that are not the newest of their name, what was left half-written, and the folders of runs that
    are gone. What a run that exists has read or made is kept, and so is everything younger than `--older-than` days.
    """
    import time

    from mlrun_operator.cli.cluster import linked
    from mlrun_operator.cli.describing import size
    from mlrun_operator.cli.output import out, print_json, rows_text, say
    from mlrun_operator.sdk.stores.garbage import collect

    before = time.time() - older_than * 86_400
    found = linked(lambda link: collect(link.session.backend, link.namespace, before, delete=delete))
    if session().json:
        print_json({"deleted": delete, "folders": [folder.wire() for folder in found]})
        return
    if found:
        out(rows_text(("folder", "size", "why"), [[f.path, size(f.size), f.why] for f in found]))
    whole = size(sum(folder.size for folder in found))
    said = "deleted" if delete else "could go; --delete deletes it" if found else "could go"
    say(f"{len(found)} folder{'s' * (len(found) != 1)}, {whole}: {said}")


def _present(environment: Any) -> list[str]:
    missing = [key for key in _KEYS if not environment.get(key)]
    if missing:
        words = f"this environment has no {' and no '.join(missing)}"
        raise CliError(words, "Set them for this command, or copy another namespace's: --from NAMESPACE.", Exit.USAGE)
    return [*_KEYS, *([_ALSO] if environment.get(_ALSO) else [])]
