"""Noise that needs no control to be seen: where none can be asked, because the method is not safe."""

import re
from decimal import Decimal
from typing import Final

from abreast.compare.model import Difference, Value
from abreast.findings import tokens
from abreast.findings.tokens import cut, layout, unix_time

_TOGETHER_S: Final = 300.0
"""Two answers to the same request are not further apart."""

_ID_NAME: Final = re.compile(r"(?:.*[_-])?id|[a-z].*I[dD]", re.DOTALL)
_HEX: Final = re.compile(r"(?=[^0-9]*[0-9])[0-9a-f]{8,}")
_HEX_CAPITALS: Final = re.compile(r"(?=[^0-9]*[0-9])[0-9A-F]{8,}")
_TOKEN: Final = re.compile(r"(?=[^0-9]*[0-9])[0-9A-Za-z+/_=.-]{16,}")


def is_self_evident(difference: Difference) -> bool:
    """Whether both values are made anew for each answer: UUIDs, times of now, opaque tokens, ids that count."""
    left, right = difference.left, difference.right
    if isinstance(left, str) and isinstance(right, str):
        return _are_alike(left, right)
    name = difference.pattern.rpartition("/")[2]
    return _ID_NAME.fullmatch(name) is not None and _is_integer(left) and _is_integer(right)


def _is_integer(value: Value) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and value.as_tuple().exponent == 0
    return isinstance(value, int) and not isinstance(value, bool)


def _are_alike(left: str, right: str) -> bool:
    if max(len(left), len(right)) > tokens.LONGEST_TEXT:
        return False
    lefts, rights = cut(left), cut(right)
    return lefts.kinds == rights.kinds and all(
        one == other or _is_alike(kind, one, other)
        for kind, one, other in zip(lefts.kinds, lefts.texts, rights.texts, strict=True)
    )


def _is_alike(kind: str, left: str, right: str) -> bool:
    if kind == tokens.UUID:
        return _has_one_case(left + right)
    if kind == tokens.TIME:
        then, now = unix_time(left), unix_time(right)
        return then is not None and now is not None and layout(left) == layout(right) and abs(now - then) <= _TOGETHER_S
    return kind == tokens.WORD and _are_opaque(left, right)


def _has_one_case(text: str) -> bool:
    return text in {text.lower(), text.upper()}


def _are_opaque(left: str, right: str) -> bool:
    if len(left) != len(right) or (left.isdecimal() and right.isdecimal()):
        return False
    return any(pattern.fullmatch(left) and pattern.fullmatch(right) for pattern in (_HEX, _HEX_CAPITALS, _TOKEN))
