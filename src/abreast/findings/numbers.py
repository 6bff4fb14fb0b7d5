"""What noisy numbers and times look like: near the clock, counting, within a band, other in each process.

What is told of them in words is rounded: shapes are learned before anything is redacted.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final

INSTANCES: Final = 8
"""So many instances' last values are remembered for one place."""

NEAR_S: Final = 60.0
"""A time may be so far from where stable's own were, relative to the clock, or as far as they are apart."""

EPOCH_NEAR_S: Final = 86_400.0
"""A number this near to the clock, in one of the units, is taken for a time."""

_UNITS: Final = ((1, "s"), (1_000, "ms"), (1_000_000, "µs"), (1_000_000_000, "ns"))
_MOST_BITS: Final = 200
_MOST_DIGITS: Final = 60
_SETTLED: Final = 5
"""Observations before times are held to the clock."""

_BAND_DISTINCT: Final = 20
"""Distinct values before numbers are held to a band."""

_BAND_PER_INSTANCE: Final = 10
_FALL_SHARE: Final = 0.2
"""Of a random sequence's changes half are falls; of a counter's hardly any."""


class Latest:
    """Each instance's last value: does the place vary within an instance, or only between instances?"""

    __slots__ = ("_values", "varies")

    def __init__(self) -> None:
        self._values: dict[str, Hashable] = {}
        self.varies = False

    def note(self, instance: str, value: Hashable) -> None:
        """Remember a value that ``instance`` gave."""
        if self.varies:
            return
        if instance in self._values:
            self.varies = self._values[instance] != value
        elif len(self._values) < INSTANCES:
            self._values[instance] = value
        if self.varies:
            self._values.clear()


class Offsets:
    """How far times are from the clock, in seconds."""

    __slots__ = ("_high", "_low", "_seen")

    def __init__(self) -> None:
        self._low = self._high = 0.0
        self._seen = 0

    def learn(self, offset_s: float) -> None:
        """Widen to one more of stable's."""
        self._low = min(self._low, offset_s) if self._seen else offset_s
        self._high = max(self._high, offset_s) if self._seen else offset_s
        self._seen += 1

    def near(self, offset_s: float) -> bool:
        """Whether it is where stable's are; anything is, until there are enough of them."""
        slack = max(NEAR_S, self._high - self._low)
        return self._seen < _SETTLED or self._low - slack <= offset_s <= self._high + slack


@dataclass(slots=True)
class _Range:
    """One instance's numbers."""

    last: Decimal | int
    low: Decimal | int
    high: Decimal | int
    seen: int = 1
    changes: int = 0
    falls: int = 0

    def learn(self, value: Decimal | int) -> None:
        if value != self.last:
            self.changes += 1
            self.falls += value < self.last
        self.last = value
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        self.seen += 1


@dataclass(slots=True)
class NumberShape:
    """What stable's numbers at one place have in common. Fitting is asked before learning."""

    whole: bool = True
    unit: int = 0
    """Units per second if all were times near the clock, else 0."""
    varies: bool = False
    """Whether one instance gave several values."""
    band: tuple[Decimal | int, Decimal | int] | None = None
    """The range of stable's numbers with as much again on either side; None: any number will do."""
    _seen: int = 0
    _offsets: Offsets = field(default_factory=Offsets)
    _ranges: dict[str, _Range] = field(default_factory=dict)
    _distinct: set[Decimal | int] = field(default_factory=set)

    def fits(self, value: Decimal | int, at: float) -> bool:
        """Whether ``value``, answered about ``at`` (Unix s), could be one of stable's."""
        if not _finite(value) or (self.whole and value != int(value)):
            return False
        if not self.varies:
            return True
        if self.unit:
            return self._offsets.near(_seconds(value, self.unit) - at)
        return self.band is None or self.band[0] <= value <= self.band[1]

    def learn(self, value: Decimal | int, instance: str, at: float) -> None:
        """Widen to one of stable's."""
        if not _finite(value):
            return
        self.whole = self.whole and value == int(value)
        if not self._seen:
            self.unit = next((unit for unit, _ in _UNITS if _is_near(value, unit, at)), 0)
        elif self.unit and not _is_near(value, self.unit, at):
            self.unit = 0
        if self.unit:
            self._offsets.learn(_seconds(value, self.unit) - at)
        self._seen += 1
        if instance in self._ranges:
            self._ranges[instance].learn(value)
        elif len(self._ranges) < INSTANCES:
            self._ranges[instance] = _Range(value, value, value)
        if len(self._distinct) < _BAND_DISTINCT:
            self._distinct.add(value)
        self.varies = self.varies or (instance in self._ranges and self._ranges[instance].changes > 0)
        self.band = self._found_band()

    @property
    def _seen_range(self) -> tuple[Decimal | int, Decimal | int]:
        return min(each.low for each in self._ranges.values()), max(each.high for each in self._ranges.values())

    def _found_band(self) -> tuple[Decimal | int, Decimal | int] | None:
        """There is none for counters, and none where instances' ranges differ: the candidate is one more instance.

        A sign that was never seen is outside.
        """
        known = [each for each in self._ranges.values() if each.seen >= _BAND_PER_INSTANCE]
        if len(self._distinct) < _BAND_DISTINCT or len(known) < min(2, len(self._ranges)):
            return None
        if sum(each.falls for each in known) < _FALL_SHARE * sum(each.changes for each in known):
            return None
        low, high = self._seen_range
        if any((each.high - each.low) * 2 < high - low for each in known):
            return None
        least, most = low - (high - low), high + (high - low)
        return (max(least, 0) if low >= 0 else least), (min(most, 0) if high <= 0 else most)

    def words(self) -> str:
        """The shape for people."""
        noun = "an integer" if self.whole else "a number"
        if not self.varies:
            return f"{noun}, other in each process"
        if self.unit:
            return f"a timestamp near now ({dict(_UNITS)[self.unit]})"
        if self.band is None:
            return f"any {noun.partition(' ')[2]}"
        low, high = self._seen_range
        return f"{noun} between {_rounded(low, ROUND_FLOOR)} and {_rounded(high, ROUND_CEILING)}"


def _finite(value: Decimal | int) -> bool:
    """Whether it is a number that can be reckoned with: int() of 1E+1000000 would take minutes."""
    if isinstance(value, Decimal):
        return value.is_finite() and value.adjusted() < _MOST_DIGITS
    return value.bit_length() < _MOST_BITS


def _rounded(value: Decimal | int, rounding: str) -> str:
    return f"{Context(prec=2, rounding=rounding).create_decimal(value).normalize():f}"


def _seconds(value: Decimal | int, unit: int) -> float:
    try:
        return float(value) / unit
    except OverflowError:
        return float("inf")


def _is_near(value: Decimal | int, unit: int, at: float) -> bool:
    return abs(_seconds(value, unit) - at) <= EPOCH_NEAR_S
