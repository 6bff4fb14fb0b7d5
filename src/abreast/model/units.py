"""Durations, shares and sizes: text in, numbers out, and back.

Durations are seconds (``float``). Shares of users are *weights*: whole hundredths of a percent
(``int``, 0 to 10,000), because the gateway splits users by buckets 0 to 9999 and a weight that is
no whole number of buckets could not be kept exactly.
"""

import re
from decimal import Decimal
from typing import Final

FULL_WEIGHT: Final = 10_000
"""The weight that means "all users": 100 % in hundredths of a percent."""

_DURATION_PART: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) ?(ms|s|m|h|d) ?", re.ASCII)
_SHARE: Final = re.compile(r"(\d{1,3}(?:\.\d{1,9})?) ?%", re.ASCII)
_SECONDS_PER: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def parse_duration(text: object) -> float:
    """Seconds of ``"90s"``, ``"1h30m"``, ``"500ms"``, ``"1.5s"`` or ``0``.

    Raises ValueError, whose message says what is allowed: a bare number other than 0 is refused,
    since its unit would be a guess.
    """
    if text == 0 and not isinstance(text, bool):
        return 0.0
    if isinstance(text, str):
        parts = _DURATION_PART.findall(text)
        if parts and not _DURATION_PART.sub("", text):
            return sum(float(number) * _SECONDS_PER[unit] for number, unit in parts)
    message = f"{text!r} is no duration; write a number with a unit, such as 500ms, 30s, 5m, 1h30m or 2d"
    raise ValueError(message)


def format_duration(seconds: float) -> str:
    """Shortest exact text of a duration in the units that `parse_duration` reads, such as ``1h30m``."""
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return "0s"
    if milliseconds < 1000:  # noqa: PLR2004  # a second
        return f"{milliseconds}ms"
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    if milliseconds:
        parts.append(f"{Decimal(milliseconds) / 1000:f}s")
    return "".join(parts)


def about(seconds: float) -> str:
    """A duration for reading rather than parsing: two significant units, ``12 m``, ``1 h 5 m``, ``0.4 s``."""
    if seconds < 1:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def parse_weight(text: object) -> int:
    """Hundredths of a percent of ``"10%"``, ``"0.25 %"``; the sign % is required, 0 alone is allowed.

    Raises ValueError for anything outside 0 to 100 %, and for parts finer than 0.01 %.
    """
    if text == 0 and not isinstance(text, bool):
        return 0
    share = _SHARE.fullmatch(text.strip()) if isinstance(text, str) else None
    if share:
        hundredths = Decimal(share[1]) * 100
        if hundredths <= FULL_WEIGHT and hundredths == int(hundredths):
            return int(hundredths)
    message = f"{text!r} is no share; write a percentage from 0% to 100% in steps of 0.01%, such as 10% or 0.25%"
    raise ValueError(message)


def format_weight(weight: int) -> str:
    """A weight for reading: ``10 %``, ``0.25 %``."""
    return f"{Decimal(weight) / 100:f} %"


def percent(part: float, whole: float) -> str:
    """``part`` of ``whole`` as a percentage with two decimals, ``0.02 %``; ``–`` when there is no whole."""
    return f"{100 * part / whole:.2f} %" if whole else "–"
