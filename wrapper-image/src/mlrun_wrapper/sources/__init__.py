"""Where the code comes from: one provider a module, asked in order."""

import time
from typing import Final

from mlrun_operator.api.v1alpha1.status import SourceInfo
from mlrun_operator.api.values.handlers import Handler
from mlrun_operator.store import StoreError
from mlrun_wrapper.alarm import within
from mlrun_wrapper.context import Context
from mlrun_wrapper.errors import SOURCE, from_store
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.progress import report_fetched
from mlrun_wrapper.sources import handed
from mlrun_wrapper.sources.archive import ArchiveSource
from mlrun_wrapper.sources.base import FetchedSource, Request, SourceProvider
from mlrun_wrapper.sources.entry import find_code
from mlrun_wrapper.sources.file import FileSource
from mlrun_wrapper.sources.git import GitSource
from mlrun_wrapper.sources.inline import InlineSource

PROVIDERS: Final[tuple[SourceProvider, ...]] = (InlineSource(), FileSource(), ArchiveSource(), GitSource())


def fetch_source(context: Context) -> None:
    """Put the code into the source folder and find the function's file in it."""
    if handed.take(context):
        return
    spec, rules = context.run.function.spec, context.run.fetch
    start = time.monotonic()
    slow = f"it was not there within {rules.seconds} s; the operator's setting sources.timeoutSeconds allows more"
    try:
        with within(rules.seconds, SOURCE.down(slow)):
            fetched = _fetch(context)
        handler = Handler.parse(spec.handler) if spec.handler else None
        context.code = find_code(fetched, spec.source.handler, handler)
    except GuardError as error:
        raise error.failure(SOURCE.what) from error
    except StoreError as error:
        info = context.run.store
        raise from_store(error, SOURCE, info.secret, context.run.run.namespace) from error
    context.source = SourceInfo(sha256=fetched.sha256, commit=fetched.commit)
    what = f"source commit {fetched.commit[:12]}" if fetched.commit else "source"
    report_fetched(context.log, what, fetched.size, fetched.sha256, time.monotonic() - start)


def _fetch(context: Context) -> FetchedSource:
    scratch = context.settings.work / "scratch"
    scratch.mkdir(exist_ok=True)
    info = context.run.store
    if context.elsewhere is not None and not info.root.startswith("s3://"):
        info = context.elsewhere  # a store in a folder has no S3 server
    request = Request(
        source=context.run.function.spec.source,
        folder=context.settings.source,
        scratch=scratch,
        rules=context.run.fetch,
        store=info,
        attempts=context.settings.attempts,
        beside=context.store,
    )
    return next(each for each in PROVIDERS if each.serves(request.source)).fetch(request)
