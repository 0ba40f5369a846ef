"""Events: each change is told once, also where a request failed or the process before this one died."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from support.wire import port_to

from mlrun_operator.api.v1alpha1.status import Attempt, Condition, Execution, Phase, RunStatus
from mlrun_operator.assess.events import event, event_name
from mlrun_operator.assess.times import format_time
from mlrun_operator.controller.event_recorder import EventRecorder

Object = dict[str, Any]
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
KEY = ("team", "run")


class Events:
    """The API server's events; `refuse` is what is answered instead."""

    def __init__(self) -> None:
        self.there: dict[str, Object] = {}
        self.refuse: list[int] = []
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.method)
        if self.refuse:
            return web.json_response({"reason": "No", "message": "no"}, status=self.refuse.pop(0))
        if request.method == "GET":
            assert request.query["fieldSelector"] == "reportingComponent=mlrun-operator"
            items = [{"metadata": made["metadata"]} for made in self.there.values()]
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items or None})
        made = await request.json()
        if made["metadata"]["name"] in self.there:
            return web.json_response({"reason": "AlreadyExists", "message": "it exists"}, status=409)
        self.there[made["metadata"]["name"]] = made
        return web.json_response(made, status=201)

    @property
    def reasons(self) -> list[str]:
        return [made["reason"] for made in self.there.values()]


def status(reason: str = "Running", since: datetime = NOW, pod: str = "run-1-a", number: int = 1) -> RunStatus:
    return RunStatus(
        phase=Phase.RUNNING,
        reason=reason,
        execution=Execution(number=number, hash="v1-1"),
        conditions=[Condition(type="Ready", status="False", reason=reason, last_transition_time=format_time(since))],
        attempts=[Attempt(pod=pod)],
    )


def run(written: RunStatus | None = None) -> Object:
    meta = {"name": "run", "namespace": "team", "uid": "uid", "resourceVersion": "1"}
    return {"metadata": meta, "spec": {}, "status": written.wire() if written else {}}


@pytest.fixture
def events() -> Events:
    return Events()


def test_what_is_news_has_a_name_of_its_own_and_what_is_not_has_the_same() -> None:
    names = [
        event_name(run(), status()),
        event_name(run(), status(since=NOW + timedelta(minutes=1))),
        event_name(run(), status(number=2)),
        event_name(run(), status("ImagePull")),
    ]
    assert len(set(names)) == len(names)
    told = status().model_copy(update={"results": {"more": 1}, "attempt_count": 1})
    assert event_name(run(), told) == event_name(run(), status())
    assert event_name(run(), status(pod="run-1-b")) == event_name(run(), status()), "a retry's pod has no event"


@pytest.mark.parametrize(
    ("reason", "message", "words"),
    [
        (
            "SecretMissing",
            'secret "keys" not found',
            'secret "keys" not found. Create the Secret; the pod starts then.',
        ),
        ("Queued", "", "The run waits in a queue. Wait, or check the queue."),
        ("Stopping", "3 pods end", "3 pods end"),
        ("OfTheFuture", "who knows", "who knows"),
        (
            "HandlerFailed",
            "ValueError: boom\n\nTraceback: …",
            "ValueError: boom. Read the traceback at the end of the log, fix the code and run it again.",
        ),
    ],
)
def test_an_event_ends_with_what_to_do(reason: str, message: str, words: str) -> None:
    told = status(reason).model_copy(update={"message": message})
    assert event(run(), told, NOW)["message"] == words


def test_a_long_cause_leaves_room_for_what_to_do() -> None:
    told = status("ImagePull").model_copy(update={"message": "x" * 5000})
    message = event(run(), told, NOW)["message"]
    assert len(message) <= 1024
    assert message.endswith("Check the image name, the registry and the pull Secrets.")


async def test_what_cannot_be_posted_is_posted_at_a_later_look(events: Events) -> None:
    async with port_to(events.answer) as cluster:
        recorder = EventRecorder(cluster, lambda: NOW)
        events.refuse = [500, 503]
        await recorder.record(run(), status("ImagePull"))
        await recorder.record(run(), status())
        assert recorder.retry_after(KEY)
        await recorder.flush_pending(run())
        assert events.reasons == ["ImagePull", "Running"]
        assert recorder.retry_after(KEY) is None
        asked = len(events.asked)
        await recorder.flush_pending(run())
        assert len(events.asked) == asked


@pytest.mark.parametrize("code", [403, 422])
async def test_what_is_refused_is_not_tried_again(events: Events, code: int) -> None:
    async with port_to(events.answer) as cluster:
        recorder = EventRecorder(cluster, lambda: NOW)
        events.refuse = [code]
        await recorder.record(run(), status())
        assert recorder.retry_after(KEY) is None


async def test_what_is_so_once_more_is_told_once_more(events: Events) -> None:
    async with port_to(events.answer) as cluster:
        recorder = EventRecorder(cluster, lambda: NOW)
        for version, reason in (("1", "Scheduled"), ("2", "Suspended"), ("3", "Scheduled"), ("4", "Suspended")):
            seen = run()
            seen["metadata"]["resourceVersion"] = version
            await recorder.record(seen, status(reason))
        assert events.reasons == ["Scheduled", "Suspended", "Scheduled", "Suspended"]


async def test_an_event_that_was_posted_though_the_answer_was_lost_is_not_told_twice(events: Events) -> None:
    async with port_to(events.answer) as cluster:
        recorder = EventRecorder(cluster, lambda: NOW)
        events.refuse = [500]
        await recorder.record(run(), status())
        posted = event(run(), status(), NOW)
        events.there[posted["metadata"]["name"]] = posted
        await recorder.flush_pending(run())
        assert events.reasons == ["Running"]


async def test_a_run_that_is_gone_is_owed_nothing(events: Events) -> None:
    async with port_to(events.answer) as cluster:
        recorder = EventRecorder(cluster, lambda: NOW)
        events.refuse = [500]
        await recorder.record(run(), status())
        recorder.forget(KEY)
        await recorder.flush_pending(run())
        assert events.reasons == []


async def test_what_a_death_left_out_is_posted_by_the_next_process(events: Events) -> None:
    written = status(since=NOW - timedelta(seconds=20))
    async with port_to(events.answer) as cluster:
        recorder = EventRecorder(cluster, lambda: NOW)
        await recorder.flush_pending(run(written))
        assert events.reasons == ["Running"]
        await recorder.flush_pending(run(written))
        assert events.asked == ["GET", "POST"]


async def test_where_nothing_is_missing_nothing_is_written(events: Events) -> None:
    written = status(since=NOW - timedelta(seconds=20))
    there = event(run(), written, NOW)
    events.there[there["metadata"]["name"]] = there
    async with port_to(events.answer) as cluster:
        recorder = EventRecorder(cluster, lambda: NOW)
        for _ in range(3):
            await recorder.flush_pending(run(written))
        assert events.asked == ["GET"], "asked once for all runs of the namespace"


@pytest.mark.parametrize("minutes", [11, -1], ids=["long ago", "since this process works"])
async def test_nothing_is_asked_for_other_times(events: Events, minutes: int) -> None:
    async with port_to(events.answer) as cluster:
        recorder = EventRecorder(cluster, lambda: NOW)
        await recorder.flush_pending(run())
        await recorder.flush_pending(run(status(since=NOW - timedelta(minutes=minutes))))
        assert events.asked == []


async def test_events_that_cannot_be_read_keep_no_run_from_going_on(events: Events) -> None:
    async with port_to(events.answer) as cluster:
        events.refuse = [403]
        await EventRecorder(cluster, lambda: NOW).flush_pending(run(status()))
        assert events.reasons == []
