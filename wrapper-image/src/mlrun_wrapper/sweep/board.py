"""What the pods of a fan-out tell each other: small objects in one folder of the store, which all of them know."""

import json
from typing import Any, Final

from mlrun_operator.store import NotFoundError, derived_uuid, parse_document
from mlrun_wrapper.context import Context
from mlrun_wrapper.parallel import each
from mlrun_wrapper.point_summary import Summary
from mlrun_wrapper.shelf import with_errors

_AT_ONCE: Final = 16


class Board:
    """`points/<iteration>.json` is how a point is, `failed/<iteration>` says that it failed for good, `stop.json` why
    no new point starts. Every method raises StepError.
    """

    def __init__(self, context: Context) -> None:
        run = context.run.run
        # Under a schedule every firing has the same run; what its pods have in common is their Job.
        job = (context.run.sweep.job if context.run.sweep else None) or context.settings.job_name
        uuid = derived_uuid(run.uid, run.execution, "sweep", 0, job)
        self._context = context
        self._store = context.catalogue.store
        self._folder = f"{run.project}/run/run/{run.name}/{uuid}"

    def stopped(self) -> str | None:
        """Why no new point starts."""
        document = with_errors(self._context, self._read_if_there, f"{self._folder}/stop.json")
        return None if document is None else str(document["why"])

    def stop(self, why: str) -> None:
        """No point that has not started shall start."""
        self._write("stop.json", json.dumps({"why": why}))

    def tell(self, summary: Summary) -> None:
        """How a point is now."""
        self._write(f"points/{summary.iteration}.json", json.dumps(summary.wire(), ensure_ascii=False))

    def failed(self, iteration: int) -> int:
        """A point has failed for good; how many have by now."""
        self._write(f"failed/{iteration}", "")
        return len(self._paths("failed/"))

    def summaries(self) -> dict[int, Summary]:
        """Of all points that have started."""
        read = self._store.read
        texts = each(self._paths("points/"), lambda path: with_errors(self._context, read, path), at_once=_AT_ONCE)
        found = [Summary.model_validate_json(text) for text in texts]
        return {summary.iteration: summary for summary in found}

    def _write(self, name: str, text: str) -> None:
        with_errors(self._context, self._store.write, f"{self._folder}/{name}", text.encode())

    def _paths(self, folder: str) -> list[str]:
        listed = with_errors(self._context, lambda: list(self._store.list(f"{self._folder}/{folder}")))
        return [stat.path for stat in listed]

    def _read_if_there(self, path: str) -> dict[str, Any] | None:
        try:
            return parse_document(self._store.uri(path), self._store.read(path), why=str)
        except NotFoundError:
            return None
