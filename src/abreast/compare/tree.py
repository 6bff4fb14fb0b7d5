r"""JSON text read exactly, and shown shortly.

A value is None, bool, int, Decimal (any number written with a point or an exponent), str, list or dict. Where JSON
leaves it open, this holds:

- ``NaN``, ``Infinity`` and ``-Infinity`` are no JSON, but services send them: they are read as floats (nothing else
  is), and are of a type of their own, so that a number that becomes ``NaN`` is told at its place.
- Of members with the same name the last counts, as nearly every parser has it (RFC 8259, 4).
- A lone surrogate (``"\ud800"``) stays as its escape, six characters: every text here can be written as UTF-8.
- Nesting deeper than `MAX_DEPTH` is refused, so that whoever walks a value may do so by recursion.
"""

import json
import math
from decimal import Context, Decimal, InvalidOperation
from itertools import repeat
from typing import Final

from abreast.compare.model import ABSENT, Value

MAX_DEPTH: Final = 128
"""Arrays and objects within each other, at most."""

SHOWN_LIMIT: Final = 200
"""Characters of a value that is shown, at most."""

_EXACT_DIGITS: Final = 1000
"""Digits of a number up to which two ways of writing it are brought to one form."""

_EXACT: Final = Context(prec=_EXACT_DIGITS, Emax=10**6, Emin=-(10**6), traps=[])
_NUMBER: Final = "\ud800"
"""Marks a number among canonical texts: no text that was read has it."""

_CONSTANTS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_TYPES: Final = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    Decimal: "number",
    float: "non-finite",
    str: "string",
    list: "array",
    dict: "object",
}


class NotJsonError(ValueError):
    """The text is no JSON. Says what is wrong and where; quotes nothing of the text, which may be secret."""


class TooDeepError(ValueError):
    """The text may be JSON, but nests deeper than `MAX_DEPTH`."""

    def __init__(self) -> None:
        super().__init__(f"nested deeper than {MAX_DEPTH} levels")


def parse(text: str) -> Value:
    """Read JSON. Raises NotJsonError, TooDeepError."""
    try:
        value = _loads(text)
    except RecursionError as error:
        raise TooDeepError from error
    # Fewer brackets than levels allowed: most texts need no walk.
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)
    return _storable(value) if _may_have_surrogates(text) else value


def _may_have_surrogates(text: str) -> bool:
    """Quick, and right when it says no: a pair of escapes is one good character."""
    if "\\ud" in text or "\\uD" in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _loads(text: str) -> Value:
    try:
        try:
            return _PLAIN.decode(text)
        except json.JSONDecodeError:
            raise
        except ValueError:
            # Python reads no int of more than 4,300 digits (CVE-2020-10735); a Decimal is exact at any length.
            return _LONG.decode(text)
    except json.JSONDecodeError as error:
        raise NotJsonError(f"not JSON: {error.msg} at line {error.lineno} column {error.colno}") from error
    except InvalidOperation as error:
        raise NotJsonError("not JSON that can be read: a number's exponent has more than 18 digits") from error


def _constant(name: str) -> float:
    return _CONSTANTS[name]


_PLAIN: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_constant)
_LONG: Final = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal, parse_constant=_constant)


def _check_depth(value: Value) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise TooDeepError


def _storable(value: Value) -> Value:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_storable(element) for element in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(member) for name, member in value.items()}
    return value


def type_of(value: Value) -> str:
    """The name of a value's type: null, boolean, number, string, array, object; non-finite (NaN…), absent."""
    return _TYPES.get(type(value), "absent")


def same(left: Value, right: Value) -> bool:
    """Whether two values are the same: 1 is 1.0, and not true; NaN is NaN; the order of members does not matter."""
    if left is right:
        return True
    kind = left.__class__
    if kind is not right.__class__:
        # bool is the one class here whose values equal numbers.
        return kind is not bool and right.__class__ is not bool and left == right
    if isinstance(left, dict) and isinstance(right, dict):
        return len(left) == len(right) and all(map(same, left.values(), map(right.get, left, repeat(ABSENT))))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right or (kind is float and str(left) == str(right))


def canonical(value: Value) -> str:
    """One text for values that are the same.

    Never one text for values that are not; two texts for the same number only beyond a thousand digits.
    """
    return _CANONICAL.encode(value)


def _canonical_number(value: object) -> object:
    if not isinstance(value, Decimal):
        raise TypeError(f"{value!r} is no JSON value")
    _, digits, exponent = value.as_tuple()
    if isinstance(exponent, int) and len(digits) <= _EXACT_DIGITS and abs(exponent) <= _EXACT_DIGITS:
        number = value.normalize(_EXACT)
        if number == number.to_integral_value():
            return int(number)
        return f"{_NUMBER}{number}"
    return f"{_NUMBER}{value}"


_CANONICAL: Final = json.JSONEncoder(
    sort_keys=True, check_circular=False, separators=(",", ":"), default=_canonical_number
)


def shown(value: Value, limit: int = SHOWN_LIMIT) -> str:
    """The value as short JSON text, cut to so many characters; what is not there is ``absent``."""
    if value is ABSENT:
        return "absent"
    text = _shown(value, limit)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def _shown(value: Value, limit: int) -> str:
    """At least ``limit`` + 1 characters, if there are so many: no more is written than is shown."""
    if isinstance(value, str):
        return json.dumps(value[: limit + 1], ensure_ascii=False)
    if isinstance(value, Decimal | float):
        return _CONSTANT_NAMES.get(str(value), str(value))
    if isinstance(value, list | dict):
        return _shown_nested(value, limit)
    return json.dumps(value)


_CONSTANT_NAMES: Final = {str(value): name for name, value in _CONSTANTS.items()}


def _shown_nested(value: list[Value] | dict[str, Value], limit: int) -> str:
    members = value.items() if isinstance(value, dict) else zip(repeat(None), value, strict=False)
    parts: list[str] = []
    length = 1
    for name, element in members:
        if length > limit:
            parts.append("…")
            break
        title = "" if name is None else f"{_shown(name, limit)}: "
        parts.append(title + _shown(element, max(limit - length, 0)))
        length += len(parts[-1]) + 2
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    return f"{opened}{', '.join(parts)}{closed}"
