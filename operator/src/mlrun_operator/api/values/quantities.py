"""Kubernetes' quantities: `500m`, `1.5Gi`, `1e3`, by the grammar of apimachinery's `resource.Quantity`."""

import re
from dataclasses import dataclass
from typing import Final, Self

from mlrun_operator.api import bounds

_POWERS_OF_TEN: Final = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_POWERS_OF_TWO: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_FORM: Final = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<whole>[0-9]+)(?:\.(?P<fraction>[0-9]*))?|\.(?P<only_fraction>[0-9]+))"
    r"(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?"
)
_MAX_CHARACTERS: Final = bounds.QUANTITY.limit


def quantity(value: object) -> object:
    """Return the value where it is a quantity of zero or more. Raises ValueError with how to write it.

    >>> quantity("1.5Gi"), quantity(2)
    ('1.5Gi', 2)
    """
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not a quantity; write one such as 500m, 2 or 1.5Gi")  # noqa: TRY004
    if isinstance(value, float):
        raise ValueError(f"a number with a fraction must be a text; put it in quotes: '{value:g}'")  # noqa: TRY004
    if isinstance(value, str | int) and Quantity.parse(value).is_negative:
        raise ValueError(f"{value!r} is negative; write a quantity such as 500m, 2 or 1.5Gi")
    return value


@dataclass(frozen=True)
class Quantity:
    """An exact amount: `digits` times ten to the power of `exponent`. Equal amounts compare as equal."""

    digits: int
    exponent: int

    @classmethod
    def parse(cls, text: str | int) -> Self:
        """Parse a quantity. Raises ValueError for a text that is not a quantity or is too long."""
        quantity_text = str(text)
        match = _FORM.fullmatch(quantity_text) if len(quantity_text) <= _MAX_CHARACTERS else None
        if match is None:
            raise ValueError(f"{quantity_text[:64]!r} is not a quantity; write one such as 500m, 2 or 1.5Gi")
        fraction = match["fraction"] or match["only_fraction"] or ""
        number, exponent = int(f"{match['sign']}{match['whole'] or ''}{fraction}"), -len(fraction)
        suffix = match["suffix"] or ""
        if suffix in _POWERS_OF_TWO:
            return cls._reduced(number << _POWERS_OF_TWO[suffix], exponent)
        return cls._reduced(number, exponent + (_POWERS_OF_TEN.get(suffix) or int(suffix[1:] or 0)))

    @classmethod
    def _reduced(cls, number: int, exponent: int) -> Self:
        if number == 0:
            return cls(0, 0)
        text = str(number)
        digits = text.rstrip("0")
        return cls(int(digits), exponent + len(text) - len(digits))

    @property
    def is_negative(self) -> bool:
        """Whether the amount is less than nothing."""
        return self.digits < 0

    @property
    def is_whole(self) -> bool:
        """Whether the amount has no fraction."""
        return self.exponent >= 0

    def exceeds(self, other: Self) -> bool:
        """Return whether the amount is more than another one; neither is negative."""
        if not (self.digits and other.digits):
            return self.digits > other.digits
        mine, theirs = (len(str(each.digits)) + each.exponent for each in (self, other))
        if mine != theirs:
            return mine > theirs
        # As many places before the point: the exponents are near, however large they are.
        lowest = min(self.exponent, other.exponent)
        here, there = (int(f"{each.digits}{'0' * (each.exponent - lowest)}") for each in (self, other))
        return here > there

    def __str__(self) -> str:
        """Return a quantity that is spelled the same for all equal amounts."""
        return f"{self.digits}e{self.exponent}"
