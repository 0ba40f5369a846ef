"""What a run's pods left in the store: log.txt and run.json of each attempt."""

import tempfile
from pathlib import Path

from mlrun_operator.api.objects import Object, spec_of, status_of
from mlrun_operator.sdk.backend import Backend
from mlrun_operator.sdk.errors import SdkError
from mlrun_operator.sdk.stores.access import Access
from mlrun_operator.store import derived_uuid


def run_folder(run: Object, attempt: Object) -> str | None:
    """The folder of an attempt below the store's root; None where the run does not tell enough."""
    meta, spec, status = run["metadata"], spec_of(run), status_of(run)
    execution = (status.get("execution") or {}).get("number")
    if not execution or not attempt.get("uid"):
        return None
    project = project_of(run)
    uuid = derived_uuid(meta["uid"], execution, "run", 0, attempt["uid"])
    return f"{project}/run/run/{spec.get('name') or meta['name']}/{uuid}"


def project_of(run: Object) -> str:
    """The project that the run counts to; a run that says none is its outputs' or its namespace's."""
    spec, status = spec_of(run), status_of(run)
    for output in (status.get("outputs") or {}).values():
        return str(output["key"].removeprefix("store://").partition("/")[0])
    inline = (spec.get("function") or {}).get("project")
    return str(spec.get("project") or inline or run["metadata"]["namespace"])


async def stored_text(backend: Backend, run: Object, attempt: Object, name: str) -> tuple[str | None, str]:
    """A text file of the attempt's folder, or None and why it cannot be had."""
    folder = run_folder(run, attempt)
    if folder is None:
        return None, "the run does not tell its folder"
    access = Access(backend, run["metadata"]["namespace"])
    try:
        root = await access.root()
        with tempfile.TemporaryDirectory() as temporary:
            file = await access.download(f"{root}/{folder}/{name}", Path(temporary), name)
            return file.read_text(errors="replace"), ""
    except SdkError as error:
        return None, str(error)


async def stored_log(backend: Backend, run: Object, attempt: Object) -> tuple[str | None, str]:
    """The attempt's log, or None and why it cannot be had."""
    return await stored_text(backend, run, attempt, "log.txt")
