"""A source that was fetched ahead, in the wrapper's own image: one JSON file beside it tells how that went."""

import json
from pathlib import Path
from typing import Any, Final

from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.v1alpha1.status import SourceInfo
from mlrun_wrapper.code import Code
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import StepError

_FILE: Final = "source-fetched.json"


def leave(context: Context, failure: StepError | None) -> None:
    """Write down what was fetched, or why it was not, and what was said."""
    found: dict[str, Any] = {"log": context.log.text().decode(errors="replace")}
    if failure is not None:
        found["failure"] = {"reason": failure.reason, "message": failure.message, "traceback": failure.traceback}
    elif context.code is not None and context.source is not None:
        code = context.code
        folders = [str(folder) for folder in code.folders]
        found |= {"file": str(code.file), "folders": folders, "module": code.module, "source": context.source.wire()}
    (context.settings.work / _FILE).write_text(json.dumps(found), encoding="utf-8")


def take(context: Context) -> bool:
    """Take what was left; False where nothing was. Raises StepError with the failure that was left."""
    file = context.settings.work / _FILE
    if not file.exists():
        return False
    found = json.loads(file.read_text(encoding="utf-8"))
    context.log.write(found["log"].encode(), whole_line=True)
    if "failure" in found:
        failure = found["failure"]
        raise StepError(Reason(failure["reason"]), failure["message"], failure["traceback"])
    context.code = Code(Path(found["file"]), tuple(Path(folder) for folder in found["folders"]), found["module"])
    context.source = SourceInfo.model_validate(found["source"])
    return True
