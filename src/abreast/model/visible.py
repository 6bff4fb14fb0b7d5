"""Text of others where people read it: what services answer may hold escape sequences, and must not be obeyed."""

import re
from typing import Final

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]")
"""C0, DEL and C1 (ECMA-48), marks that turn the direction of writing (UAX #9), separators of lines."""


def visible(text: str) -> str:
    r"""The text in one line with every control character as its escape, ``\x1b``; a tab is four spaces."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text.replace("\t", "    "))
