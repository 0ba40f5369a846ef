"""Quantities: every suffix of Kubernetes, exact amounts, and one spelling for each."""

from fractions import Fraction
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.values.quantities import Quantity

# What a suffix multiplies by, as Kubernetes' documentation has it.
SUFFIXES: Final = {
    "": Fraction(1),
    **{
        suffix: Fraction(10) ** power
        for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
    },
    **{f"{letter}i": Fraction(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
    **{text: Fraction(10) ** int(text[1:]) for text in ("e3", "E3", "e+2", "e-2", "E0", "e18")},
}


def amount(quantity: Quantity) -> Fraction:
    return Fraction(quantity.digits) * Fraction(10) ** quantity.exponent


@pytest.mark.parametrize(
    "spellings",
    [
        (1, "1", "1.0", "1.", "+1", "01", "1000m", "1e0", "0.001k", "1000000u", "1000000000n"),
        ("0.1", ".1", "100m", "1e-1", "0.10"),
        ("64Mi", "65536Ki", "67108864", 67108864, "0.0625Gi", "67108864000m"),
        ("1E", "1e18", "1000P"),
        ("0", "0Mi", "-0", "0.000", "0e9"),
        ("-1.5Gi", "-1536Mi"),
        ("1e1000000", "10e999999"),
    ],
)
def test_equal_amounts_are_equal(spellings: tuple[str | int, ...]) -> None:
    assert len({Quantity.parse(text) for text in spellings}) == 1
    assert len({str(Quantity.parse(text)) for text in spellings}) == 1


@given(
    sign=st.sampled_from(["", "-", "+"]),
    whole=st.integers(0, 10**20),
    fraction=st.text("0123456789", max_size=12),
    suffix=st.sampled_from(sorted(SUFFIXES)),
)
def test_the_amount_is_exact(sign: str, whole: int, fraction: str, suffix: str) -> None:
    quantity = Quantity.parse(f"{sign}{whole}.{fraction}{suffix}")
    assert amount(quantity) == Fraction(f"{sign}{whole}.{fraction or 0}") * SUFFIXES[suffix]
    assert Quantity.parse(str(quantity)) == quantity


@pytest.mark.parametrize("text", ["1e-9", "1n", "999m", "1001m", "1.0000000000000000001", "1Mi", "1M", "-1"])
def test_amounts_that_differ_are_not_equal(text: str) -> None:
    assert Quantity.parse(text) != Quantity.parse("1")


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1\n", ".", "half", "1K", "1mi", "1KiB", "1e", "1e1.5", "1.2.3", "--1", "0x10", "\u0661", "1_000"],
)
def test_another_text_is_not_a_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        Quantity.parse(text)


@pytest.mark.parametrize("text", ["9" * 100_000, "1e" + "9" * 100_000, "9" * 255 + "Ei"])
def test_an_absurd_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        Quantity.parse(text)


@pytest.mark.parametrize(
    ("more", "less"),
    [("1", "999m"), ("1Gi", "1G"), ("2", "1500m"), ("1", "0"), ("10", "9"), ("1e99999999999", "1Ei"), ("1.1", "1.09")],
)
def test_more_exceeds_less_however_it_is_spelled(more: str, less: str) -> None:
    assert Quantity.parse(more).exceeds(Quantity.parse(less))
    assert not Quantity.parse(less).exceeds(Quantity.parse(more))
    assert not Quantity.parse(more).exceeds(Quantity.parse(more))


@given(
    st.integers(0, 10**9), st.sampled_from(sorted(SUFFIXES)), st.integers(0, 10**9), st.sampled_from(sorted(SUFFIXES))
)
def test_amounts_are_compared_exactly(left: int, unit: str, right: int, other: str) -> None:
    is_more = left * SUFFIXES[unit] > right * SUFFIXES[other]
    assert Quantity.parse(f"{left}{unit}").exceeds(Quantity.parse(f"{right}{other}")) == is_more
