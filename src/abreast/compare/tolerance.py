"""How far apart two values may be and still count as the same: numbers, and times."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal
from email.utils import parsedate_to_datetime
from typing import Final

from abreast.compare.model import Value

_EXACT: Final = Context(prec=60, Emax=10**6, Emin=-(10**6), traps=[])
"""Never raises: what cannot be computed is not finite, and that is beyond every tolerance."""

_NUMBER: Final = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
_HTTP_DATE: Final = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", re.ASCII)
_EPOCH_UNITS: Final = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3), (0, 1))
"""(from this number on, so many to the second): nano-, micro-, milliseconds, seconds since 1970; 10^11 s is the
year 5138, 10^11 ms is 1973."""


@dataclass(frozen=True)
class Tolerance:
    """Numbers may differ by ``absolute`` or by the share ``relative`` of the larger; times by ``seconds``.

    Times are ISO 8601 texts, HTTP dates, or numbers (also written as text) since 1970. Raises ValueError when made
    with a number that is negative or not finite.
    """

    absolute: float = 0
    relative: float = 0
    seconds: float = 0

    def __post_init__(self) -> None:
        for name in ("absolute", "relative", "seconds"):
            value: float = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"a tolerance's {name} is {value}: give a number from 0 up")

    def allows(self, left: Value, right: Value) -> bool:
        """Whether the two, which are not the same, are near enough. A number and a text never are. Never raises."""
        if isinstance(left, str) is not isinstance(right, str):
            return False
        return (bool(self.absolute or self.relative) and self._near(_number(left), _number(right))) or (
            bool(self.seconds) and self._soon(_moment(left), _moment(right))
        )

    def _near(self, left: Decimal | None, right: Decimal | None) -> bool:
        if left is None or right is None:
            return False
        apart = _EXACT.abs(_EXACT.subtract(left, right))
        larger = max(left.copy_abs(), right.copy_abs())
        allowed = max(_EXACT.create_decimal(repr(self.absolute)), _EXACT.multiply(larger, Decimal(repr(self.relative))))
        return apart.is_finite() and allowed.is_finite() and apart <= allowed

    def _soon(self, left: Decimal | None, right: Decimal | None) -> bool:
        if left is None or right is None:
            return False
        apart = _EXACT.abs(_EXACT.subtract(left, right))
        return apart.is_finite() and apart <= Decimal(repr(self.seconds))


def _number(value: Value) -> Decimal | None:
    """The number a value is; a text that looks like one is one too, so that headers have tolerances."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, str):
        return Decimal(value) if _NUMBER.fullmatch(value) else None
    return value if isinstance(value, Decimal) else None


def _moment(value: Value) -> Decimal | None:
    """Seconds since 1970; a time without a zone is read as UTC."""
    number = _number(value)
    if number is not None:
        magnitude = number.copy_abs()
        scale = next(scale for least, scale in _EPOCH_UNITS if magnitude >= least)
        return _EXACT.divide(number, Decimal(scale))
    if not isinstance(value, str):
        return None
    try:
        moment = parsedate_to_datetime(value) if _HTTP_DATE.fullmatch(value) else datetime.fromisoformat(value)
        zoned = moment.replace(tzinfo=moment.tzinfo or UTC)
        return _EXACT.create_decimal(repr(zoned.timestamp()))
    except (ValueError, OverflowError):
        return None
