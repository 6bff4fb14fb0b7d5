"""What is known of an ``up`` or ``down`` expression once a server has read it."""

import re
from dataclasses import dataclass
from typing import Final, Literal

Volatility = Literal["immutable", "stable", "volatile"]

_CONSTANT: Final = re.compile(
    r"\s*([-+]?\d+(\.\d*)?|'([^'\\]|'')*'|true|false|null)(\s*::\s*[a-z_][\w ]*(\([\d, ]+\))?(\[\])*)?\s*",
    re.IGNORECASE,
)


def constant(default: str) -> bool:
    """Whether a default is plainly the same for every row, so that a column with it can be added in a moment."""
    return _CONSTANT.fullmatch(default) is not None


@dataclass(frozen=True)
class Expression:
    """An expression over one row, cast to its column's type.

    ``over_new`` and ``over_old``: SQL with every column written ``new.column`` or ``old.column`` (names of the table,
    not of a version's view) and every function with its schema. ``columns``: what it reads of the row.
    ``moving``: it reads the clock or the session, so that two looks at the same row differ.
    ``relations``: other tables it reads.
    """

    written: str
    over_new: str
    over_old: str
    columns: frozenset[str] = frozenset()
    volatility: Volatility = "immutable"
    moving: bool = False
    relations: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()

    @property
    def repeatable(self) -> bool:
        """Whether the same row always gives the same value."""
        return self.volatility != "volatile" and not self.moving
