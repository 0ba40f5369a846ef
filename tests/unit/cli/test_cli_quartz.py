"""DigitalHub's cron expressions as a CronJob's: the same minutes, or a refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.sdk.foreign.quartz import five_fields


@pytest.mark.parametrize(
    ("quartz", "cron"),
    [
        ("0 0 12 * * ?", "0 12 * * *"),
        ("0 15 10 ? * *", "15 10 * * *"),
        ("0 15 10 ? * * *", "15 10 * * *"),
        ("0 0/5 14,18 * * ?", "0-59/5 14,18 * * *"),
        ("0 */5 * * * ?", "*/5 * * * *"),
        ("0 10,44 14 ? 3 WED", "10,44 14 * 3 WED"),
        ("0 15 10 ? * MON-FRI", "15 10 * * MON-FRI"),
        ("0 15 10 ? * 2-6", "15 10 * * 1-5"),
        ("0 0 0 ? * 1,7", "0 0 * * 0,6"),
        ("0 0 0 ? * 6-2", "0 0 * * 5-6,0-1"),
        ("0 0 0 ? * 2/2", "0 0 * * 1-6/2"),
        ("0 0 0 1/5 * ?", "0 0 1-31/5 * *"),
        ("15 * * * *", "15 * * * *"),
        ("@hourly", "@hourly"),
    ],
)
def test_a_quartz_expression_becomes_a_cronjobs(quartz: str, cron: str) -> None:
    assert five_fields(quartz) == (cron, [])


@pytest.mark.parametrize(
    ("quartz", "words"),
    [
        ("* 0 12 * * ?", "more than once a minute"),
        ("0/10 0 12 * * ?", "more than once a minute"),
        ("0 0 12 L * ?", "'L' as day of the month is nothing that a CronJob knows"),
        ("0 0 12 15W * ?", "'15W' as day of the month"),
        ("0 0 12 ? * 6#3", "'6#3' as day of the week"),
        ("0 0 12 ? * 5L", "'5L' as day of the week"),
        ("0 0 12 1 * ? 2027", "names years"),
        ("0 0 12 1 * MON", "would fire on either of them"),
        ("0 0 12 ? * 8", "'8' is no day of the week"),
        ("0 0 12", "has 3 fields"),
        ("@reboot", "is no macro"),
        ("@every 5m", "is no macro"),
    ],
)
def test_what_a_cronjob_cannot_do_is_refused_with_the_reason(quartz: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        five_fields(quartz)


@given(st.text("0123456789*/-,?LW# @MONFRI", max_size=30))
def test_whatever_is_given_there_are_five_fields_or_a_refusal(text: str) -> None:
    try:
        cron, _ = five_fields(text)
    except ValueError:
        return
    assert len(cron.split()) == 5 or cron.startswith("@")
