"""Live results for verbs: read for the runs that are at work, and as texts."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mlrun_operator.api.objects import Object, status_of
from mlrun_operator.cli import rows

if TYPE_CHECKING:
    from mlrun_operator.cli.cluster import Link
    from mlrun_operator.sdk.results import Results

# Of how many runs `get` reads them, and how long a value and all of them together may be.
_MAX_RUNS: Final = 10
_MAX_VALUE: Final = 40
_MAX_VALUES: Final = 160


async def read(link: "Link", runs: Sequence[Object]) -> dict[str, "Results"]:
    """Return the live results of the runs that are at work, by uid.

    What cannot be read is said on stderr, a fault too: what the user asked for does not need them.
    """
    import asyncio

    from mlrun_operator.cli.output import say
    from mlrun_operator.sdk.errors import SdkError
    from mlrun_operator.sdk.live import live_results

    running = [run for run in runs if rows.phase(run) == "Running"][:_MAX_RUNS]
    answers = await asyncio.gather(*(live_results(link.backend, run) for run in running), return_exceptions=True)
    for run, answer in zip(running, answers, strict=True):
        if isinstance(answer, SdkError):
            say(answer.message)
        elif isinstance(answer, Exception):
            name, error = run["metadata"]["name"], type(answer).__name__
            say(f"the live results of {name} cannot be read: {error}: {answer}")
        elif isinstance(answer, BaseException):
            raise answer
    uids = [str(run["metadata"]["uid"]) for run in running]
    return {uid: answer for uid, answer in zip(uids, answers, strict=True) if not isinstance(answer, BaseException)}


def percent(live: "Results | None") -> str:
    """Return how much is done.

    Whole percents, cut and not rounded: only what has ended is 100 %.
    """
    return "" if live is None or live.progress is None else f"{int(live.progress)} %"


def values(live: "Results | None") -> str:
    """Return the results in a line, the ones that were logged last where they are many."""
    if live is None:
        return ""
    parts = [f"{name}={_short(value)}" for name, value in live.items()]
    shown: list[str] = []
    for part in reversed(parts):
        if sum(map(len, shown)) + len(part) > _MAX_VALUES:
            break
        shown.insert(0, part)
    more = len(parts) - len(shown) + live.omitted
    return ", ".join([*shown, *([f"{more} more"] if more else [])])


def facts(run: Object, live: "Results | None") -> Iterator[tuple[str, str]]:
    """Yield what a page tells of a run at work: names and texts, empty ones too."""
    if live is None or rows.phase(run) != "Running":
        return
    yield "progress", percent(live)
    yield "iterations", _iterations(live)
    yield "so far", values(live)
    is_sweep = "sweep" in status_of(run)
    for index, pod in live.pods.items():
        text = ", ".join(filter(None, (percent(pod), values(pod))))
        yield f"point {index + 1}" if is_sweep else f"replica {index}", text


def _iterations(live: "Results") -> str:
    if live.ended is None:
        return ""
    newest = live.iterations[-1] if live.iterations else None
    results = ", ".join(f"{name}={_short(value)}" for name, value in newest.results.items()) if newest else ""
    count = f"{live.ended} of {live.total} ended" if live.total else f"{live.ended} ended"
    return f"{count}; {newest.number}: {results}" if newest and results else count


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}…"
