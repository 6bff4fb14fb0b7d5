"""Two answers in the terminal: in two columns where there is room for them, else below each other."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from abreast.operations.aligned import Json, Mark, Row, sample_rows

WIDE: Final = 100
"""Characters a line needs to have for two columns."""

_MARKS: Final[dict[Mark, str]] = {"same": " ", "differs": "✘", "noise": "~", "fold": " "}
_STYLES: Final[dict[Mark, tuple[str, str]]] = {
    "same": ("", ""),
    "differs": ("red", "green"),
    "noise": ("dim", "dim"),
    "fold": ("dim", "dim"),
}
LEGEND: Final = "✘ differs   ~ differs, but is noise or ignored by a rule"


def show(console: Console, sample: Json) -> None:
    """Print both answers of a sample, what differs marked: readable without colours too."""
    rows = sample_rows(sample)
    if console.width >= WIDE:
        console.print(_columns(rows))
    else:
        for line in _stacked(rows):
            console.print(line, soft_wrap=True)
    if any(row.mark in ("differs", "noise") for row in rows):
        console.print(Text(LEGEND, style="dim"), soft_wrap=True)


def _columns(rows: Sequence[Row]) -> Table:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=1)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    for row in rows:
        left, right = _STYLES[row.mark]
        table.add_row(Text(_MARKS[row.mark]), Text(row.left or "", style=left), Text(row.right or "", style=right))
    return table


def _stacked(rows: Sequence[Row]) -> Iterator[Text]:
    """An equal line once; of those that differ stable's with a minus, the candidate's with a plus."""
    for row in rows:
        mark, (left, right) = _MARKS[row.mark], _STYLES[row.mark]
        if row.left == row.right or row.mark == "fold":
            yield Text(f"{mark}   {row.left}".rstrip(), style=left)
            continue
        if row.left is not None:
            yield Text(f"{mark} - {row.left}", style=left)
        if row.right is not None:
            yield Text(f"{mark} + {row.right}", style=right)
