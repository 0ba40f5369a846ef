"""The work queue: once, one at a time, in turn."""

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.controller.queue import FairQueue, Lane


async def drain(queue: FairQueue) -> list[tuple[str, str]]:
    taken = []
    while len(queue):
        key = await queue.take()
        taken.append(key)
        queue.done(key)
    return taken


async def test_a_key_is_queued_once() -> None:
    queue = FairQueue()
    for _ in range(5):
        queue.add(("a", "x"))
    assert await drain(queue) == [("a", "x")]


async def test_a_key_that_is_worked_on_comes_again_when_it_is_done() -> None:
    queue = FairQueue()
    queue.add(("a", "x"))
    key = await queue.take()
    queue.add(key)
    queue.add(key)
    assert len(queue) == 0, "never two workers on one run"
    queue.done(key)
    assert await drain(queue) == [key]


async def test_a_burst_of_one_namespace_does_not_starve_another() -> None:
    queue = FairQueue()
    for number in range(1000):
        queue.add(("burst", str(number)))
    queue.add(("quiet", "one"))
    assert (await drain(queue)).index(("quiet", "one")) <= 1


async def test_new_runs_go_first_and_keep_nothing_waiting_for_ever() -> None:
    queue = FairQueue()
    for number in range(20):
        queue.add(("a", f"report-{number}"))
    for number in range(20):
        queue.add((f"team-{number % 2}", f"new-{number}"), Lane.NEW)
    taken = [name for _, name in await drain(queue)]
    assert [name for name in taken[:5] if name.startswith("new")] == taken[:4]
    assert [name.split("-")[0] for name in taken[:25]].count("report") == 5
    assert len(set(taken)) == 40


async def test_an_end_is_told_before_what_else_is_told() -> None:
    queue = FairQueue()
    for number in range(20):
        queue.add(("a", f"cause-{number}"))
    for number in range(8):
        queue.add(("a", f"end-{number}"), Lane.ENDED)
    kinds = [name.split("-")[0] for _, name in await drain(queue)]
    assert kinds[:10] == [*["end"] * 4, "cause", *["end"] * 4, "cause"]


async def test_a_run_that_waits_to_be_told_of_ends_ahead_of_others() -> None:
    queue = FairQueue()
    for number in range(3):
        queue.add(("a", str(number)))
    queue.add(("a", "2"), Lane.ENDED)
    queue.add(("a", "2"))
    assert [name for _, name in await drain(queue)] == ["2", "0", "1"]


async def test_a_run_that_ends_while_it_is_worked_on_keeps_its_lane() -> None:
    queue = FairQueue()
    queue.add(("a", "x"))
    await queue.take()
    queue.add(("a", "x"), Lane.ENDED)
    queue.add(("a", "x"))
    queue.add(("a", "y"))
    queue.done(("a", "x"))
    assert [name for _, name in await drain(queue)] == ["x", "y"]


async def test_while_new_runs_come_only_a_few_reports_are_under_way() -> None:
    now = [100.0]
    queue = FairQueue(clock=lambda: now[0])
    for number in range(9):
        queue.add(("a", f"report-{number}"))
    queue.add(("a", "new"), Lane.NEW)
    taken = [await queue.take() for _ in range(5)]
    assert taken[0] == ("a", "new")
    more = asyncio.ensure_future(queue.take())
    await asyncio.sleep(0.01)
    assert not more.done(), "four reports are under way"
    queue.add(("a", "newer"), Lane.NEW)
    assert await more == ("a", "newer")
    more = asyncio.ensure_future(queue.take())
    queue.done(taken[1])
    assert (await more)[1] == "report-4"
    more = asyncio.ensure_future(queue.take())
    now[0] += 2
    queue.done(taken[2])
    rest = {(await more)[1], *[(await queue.take())[1] for _ in range(3)]}
    assert rest == {f"report-{n}" for n in range(5, 9)}, "no new run came for a while"


async def test_who_was_held_back_goes_on_when_it_is_calm() -> None:
    queue = FairQueue()
    for number in range(8):
        queue.add(("a", f"report-{number}"))
    queue.add(("a", "new"), Lane.NEW)
    for _ in range(5):
        await queue.take()
    assert (await asyncio.wait_for(queue.take(), 5))[1] == "report-4", "though none of the four has come back"


async def test_what_happens_while_new_runs_come_is_one_look_in_a_moment() -> None:
    now = [100.0]
    queue = FairQueue(clock=lambda: now[0])
    queue.add_soon(("a", "calm"))
    assert await drain(queue) == [("a", "calm")]
    queue.add(("a", "new"), Lane.NEW)
    queue.add_soon(("a", "seen"))
    queue.add_soon(("a", "seen"))
    assert await drain(queue) == [("a", "new")]
    assert queue.delayed == 1
    assert await asyncio.wait_for(queue.take(), 2) == ("a", "seen")


async def test_the_earlier_of_two_times_counts_and_an_event_beats_both() -> None:
    queue = FairQueue()
    queue.add_later(("a", "x"), 60)
    queue.add_later(("a", "x"), 0.01)
    queue.add_later(("a", "x"), 30)
    assert await asyncio.wait_for(queue.take(), 1) == ("a", "x")
    queue.done(("a", "x"))
    queue.add_later(("a", "y"), 60)
    queue.add(("a", "y"))
    assert await drain(queue) == [("a", "y")]
    assert queue.delayed == 0


_KEYS = st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"))


@given(st.lists(st.tuples(_KEYS, st.sampled_from(Lane))))
def test_whatever_is_added_is_taken_exactly_once(added: list[tuple[tuple[str, str], Lane]]) -> None:
    async def scenario() -> list[tuple[str, str]]:
        queue = FairQueue()
        for key, lane in added:
            queue.add(key, lane)
        return await drain(queue)

    assert Counter(asyncio.run(scenario())) == Counter({key for key, _ in added})
