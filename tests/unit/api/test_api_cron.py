"""Cron expressions against the CronJob controller's own library."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from support.cron_oracle import CronOracle

from mlrun_operator.api.values.cron import Cron, parse_cron

# Zones whose clocks change at two in the morning, at midnight, by half an hour, in the southern summer, and never.
ZONES = ["Etc/UTC", "Europe/Rome", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Beirut"]
ZONES += ["Africa/Cairo", "America/Santiago", "Asia/Kolkata", "Pacific/Apia", "Europe/London"]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CronOracle]:
    with CronOracle(tmp_path_factory.mktemp("oracle")) as oracle:
        yield oracle


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, 30)
    item = st.one_of(
        st.just("*"),
        st.just("?"),
        number.map(str),
        span,
        st.builds("{}/{}".format, st.one_of(st.just("*"), number.map(str), span), step),
    )
    return st.one_of(st.just("*"), st.lists(item, min_size=1, max_size=3).map(",".join))


EXPRESSIONS = st.one_of(
    st.tuples(fields(0, 59), fields(0, 23), fields(1, 31), fields(1, 12), fields(0, 6)).map(" ".join),
    st.sampled_from(["@yearly", "@monthly", "@weekly", "@daily", "@hourly", "0 0 29 2 *", "30 2 * * *", "15 1 31 * *"]),
    st.tuples(st.sampled_from(["JAN", "feb", "Mar", "DEC"]), st.sampled_from(["SUN", "mon", "Fri", "tue-sat"])).map(
        lambda names: f"5 4 * {names[0]} {names[1]}"
    ),
)
MOMENTS = st.integers(int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2036, 1, 1).timestamp()))


def _has_skipped_no_day(zone: str, after: int) -> bool:
    """Return whether the controller's library gets past this time: at a day that a zone skipped it never ends."""
    return zone != "Pacific/Apia" or after > datetime(2012, 1, 1, tzinfo=UTC).timestamp()


@given(expression=EXPRESSIONS, zone=st.sampled_from(ZONES), after=MOMENTS)
@example(expression="15 1 31 * *", zone="Africa/Cairo", after=1388445300)
@example(expression="* * * 1 *", zone="Africa/Cairo", after=1406843940)
@example(expression="15 1 31 * *", zone="Australia/Lord_Howe", after=1080657900)
@example(expression="15 1 31 * *", zone="Australia/Lord_Howe", after=1091061079)
@settings(max_examples=1500, deadline=None)
def test_slots_are_those_of_the_cronjob_controller(oracle: CronOracle, expression: str, zone: str, after: int) -> None:
    assume(_has_skipped_no_day(zone, after))
    moment, slots = datetime.fromtimestamp(after, UTC), []
    cron = parse_cron(expression, zone)
    for _ in range(5):
        found = cron.next(moment)
        if found is None:
            break
        moment = found
        slots.append(int(found.timestamp()))
    assert slots == oracle.slots(expression, zone, after, 5)


# Days that a zone skipped when it moved to the other side of the date line.
SKIPPED = {
    "Pacific/Apia": "2011-12-30",
    "Pacific/Fakaofo": "2011-12-30",
    "Pacific/Kiritimati": "1995-01-01",
    "Pacific/Enderbury": "1995-01-01",
    "Pacific/Kwajalein": "1993-08-21",
}
MINUTE_AND_HOUR = st.tuples(st.integers(0, 59), st.integers(0, 23))


@given(
    zone=st.sampled_from(sorted(SKIPPED)),
    time=MINUTE_AND_HOUR,
    day=st.sampled_from(["*", "1", "20", "22", "29", "30", "31", "*/2", "31,1"]),
    month=st.sampled_from(["*", "1", "2", "8", "12", "1,12", "9-11"]),
    before=st.integers(0, 40 * 24 * 60),
)
@example(zone="Pacific/Apia", time=(15, 1), day="31", month="*", before=14 * 24 * 60)
@example(zone="Pacific/Kiritimati", time=(0, 0), day="*", month="2", before=20 * 24 * 60)
@settings(max_examples=300, deadline=None)
def test_a_day_that_a_zone_skipped_ends_no_search(
    zone: str, time: tuple[int, int], day: str, month: str, before: int
) -> None:
    """The operator's only loop stood still for ever, by one backfill over such a day."""
    cron = parse_cron(f"{time[0]} {time[1]} {day} {month} *", zone)
    assume(cron.ever_fires)
    after = datetime.fromisoformat(f"{SKIPPED[zone]}T12:00:00+00:00") - timedelta(minutes=before)
    assert cron.next(after) == _next_by_hours(cron, after)


def _next_by_hours(cron: Cron, after: datetime) -> datetime | None:
    """Look at the wall clock every hour, at the expression's minute: these zones are whole hours from UTC."""
    moment = after.replace(minute=min(cron.minutes), second=0) + timedelta(hours=after.minute >= min(cron.minutes))
    hours = (moment + timedelta(hours=number) for number in range(4 * 366 * 24))
    walls = ((hour, hour.astimezone(cron.zone)) for hour in hours)
    return next((hour for hour, wall in walls if _matches(cron, wall)), None)


def _matches(cron: Cron, wall: datetime) -> bool:
    return wall.hour in cron.hours and wall.day in cron.days and wall.month in cron.months


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("expression", ["30 2 * * *", "0 0 * * *", "*/20 1-3 * * *", "0 2 * * 0", "59 23 * * *"])
def test_slots_around_every_change_of_the_clock(oracle: CronOracle, expression: str, zone: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    slots = [
        int(slot.timestamp()) for slot in islice(parse_cron(expression, zone).slots(start, _year_after(start)), 400)
    ]
    assert slots == (oracle.slots(expression, zone, int(start.timestamp()) - 1, len(slots)))


def _year_after(start: datetime) -> datetime:
    return start + timedelta(days=366)


@given(expression=EXPRESSIONS, zone=st.sampled_from(ZONES), before=MOMENTS)
@settings(max_examples=200, deadline=None)
def test_the_previous_slot_is_the_one_whose_next_is_not_before(expression: str, zone: str, before: int) -> None:
    cron, moment = parse_cron(expression, zone), datetime.fromtimestamp(before, UTC)
    found = cron.previous(moment)
    if found is None:
        assert not list(islice(cron.slots(moment - timedelta(days=366 * 5), moment), 1))
    else:
        following = cron.next(found)
        assert found < moment
        assert following is None or following >= moment


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * *", "write five fields"),
        ("0 0 0 * * *", "write five fields"),
        ("60 * * * *", "write five fields"),
        ("* 24 * * *", "write five fields"),
        ("* * 0 * *", "write five fields"),
        ("* * * 13 *", "write five fields"),
        ("* * * * 7", "write five fields"),
        ("*/0 * * * *", "write five fields"),
        ("@every 5m", "@every is not supported"),
        ("TZ=Europe/Rome 0 6 * * *", "cannot contain a time zone; set timeZone"),
        ("@reboot", "write five fields"),
        ("30-10 * * * *", "begins after its end"),
        ("* * * * fri-mon", "begins after its end"),
    ],
)
def test_a_bad_expression_is_refused_with_words(expression: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_cron(expression)


@pytest.mark.parametrize(
    "expression", ["60 * * * *", "* 24 * * *", "* * 0 * *", "* * * * 7", "30-10 * * * *", "*/0 * * * *"]
)
def test_the_library_refuses_these_too(oracle: CronOracle, expression: str) -> None:
    assert oracle.slots(expression, "Etc/UTC", 0, 1) is None


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe", "+02:00"])
def test_a_bad_zone_is_refused_with_words(zone: str) -> None:
    with pytest.raises(ValueError, match="is not an IANA time zone"):
        parse_cron("0 6 * * *", zone)


_PIECES = st.sampled_from(
    [*"*/,-? @#LW", "0", "5", "59", "60", "99999999999", "jan", "SUN", "@daily", "\u2028", "²", "٣", "\t"]
)


@given(text=st.text(max_size=40) | st.lists(_PIECES, max_size=16).map("".join), zone=st.sampled_from(ZONES) | st.text())
@settings(deadline=None)
def test_any_text_is_a_schedule_or_is_refused(text: str, zone: str) -> None:
    try:
        cron = parse_cron(text, zone)
    except ValueError:
        return
    found = cron.next(datetime(2026, 11, 30, tzinfo=UTC))
    assert (found is not None) == cron.ever_fires
