"""What the gateway counted, as counters and histograms."""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import accumulate
from math import floor, log10
from typing import Final

from abreast import ports
from abreast.metrics import catalogue
from abreast.metrics.sheet import Sheet
from abreast.operations.control import Control
from abreast.ports import Latencies, VersionCounts, is_error

_US_PER_S: Final = 1_000_000
_BOUNDS_US: Final = tuple(round(bound * _US_PER_S) for bound in catalogue.BOUNDS_S)
_LABELS: Final = (*map(str, catalogue.BOUNDS_S), "+Inf")
_HUNDRED: Final = 100
_TEN: Final = 10


def add_traffic(sheet: Sheet, control: Control) -> None:
    """Of every version, also of those that had no request yet: a counter that appears with 1 hides its first."""
    cumulative = control.counts.cumulative()
    for version in sorted({*cumulative, *(each.name for each in control.service.versions)}):
        counts = cumulative.get(version, VersionCounts())
        for outcome, count in _by(outcome_of, catalogue.OUTCOMES, counts.codes).items():
            sheet.add(catalogue.REQUESTS, count, version=version, outcome=outcome)
        sheet.spread(catalogue.DURATION, *histogram(counts.latencies), version=version)
        sheet.add(catalogue.IN_FLIGHT, counts.in_flight, version=version)
    for name, count in _by(class_of, catalogue.CLASSES, control.counts.exposed_users).items():
        sheet.add(catalogue.USERS, count, **{"class": name})


def outcome_of(code: int) -> str:
    """The outcome of an attempt that was answered with this code (0: not at all)."""
    if code == ports.NO_ANSWER:
        return catalogue.NO_ANSWER
    if not is_error(code):
        return catalogue.OK
    return str(code) if str(code) in catalogue.ERROR_CODES else catalogue.OTHER_ERROR


def class_of(code: int) -> str:
    """The class of an answer's code; what is no code of HTTP is no answer."""
    name = f"{code // _HUNDRED}xx"
    return name if name in catalogue.CLASSES else catalogue.NO_ANSWER


def histogram(latencies: Latencies) -> tuple[list[tuple[str, float]], float]:
    """Upper bounds in seconds with the counts up to them, and the sum in seconds.

    An Envoy bucket that begins at a bound belongs above it: what took exactly so long does too.
    """
    counts = [0] * len(_LABELS)
    total_us = 0.0
    for lower_us, count in latencies.buckets.items():
        counts[sum(bound <= lower_us for bound in _BOUNDS_US)] += count
        total_us += count * _middle(lower_us)
    return list(zip(_LABELS, accumulate(counts), strict=True)), total_us / _US_PER_S


def _middle(lower_us: int) -> float:
    """Of the Envoy bucket that begins there: it is as wide as one of the second significant digit."""
    if lower_us < _TEN:
        return float(lower_us)
    return lower_us + float(_TEN ** (floor(log10(lower_us)) - 1)) / 2


def _by(name_of: Callable[[int], str], names: tuple[str, ...], codes: Mapping[int, int]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for code, count in codes.items():
        found[name_of(code)] += count
    return {name: found[name] for name in names}
