"""How soon ten planted differences are found among many rows: by the sweep, and by reading both sides whole."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from abreast.postgres.connection import Connection, connected, sql
from abreast.postgres.scan import Side, scan
from abreast.schema.digest import Source
from abreast.schema.names import Relation

PLANTED: Final = 10
_COLUMNS: Final = ("name", "price", "stock", "made")
_TABLE: Final = """
CREATE TABLE public.{table} (id int PRIMARY KEY, name text, price numeric(10,2), stock int, made timestamptz);
INSERT INTO public.{table}
  SELECT n, 'name ' || n, n % 1000 / 4.0, n % 17, '2024-01-01'::timestamptz + n * '1s'::interval
    FROM generate_series(1, {rows}) n;
ANALYZE public.{table};
"""
_PLANT: Final = "UPDATE public.right_side SET stock = stock + 1 WHERE id % {every} = 0 AND id <= {every} * {planted}"
_READ: Final = "COPY (SELECT id, name, price, stock, made FROM public.{table} ORDER BY id) TO STDOUT"


@dataclass(frozen=True, slots=True)
class Finding:
    """Medians in seconds of finding all ``planted``; ``ratio``: the sweep to the whole reading, within a round."""

    rows: int
    planted: int
    sweep_s: float
    copy_s: float
    ratio: float


def finding(connection: Connection, url: str, rows: int, rounds: int) -> Finding:
    """Plant and find, each way in each round. RuntimeError if either finds anything but what was planted."""
    for table in ("left_side", "right_side"):
        connection.execute(sql(_TABLE.format(table=table, rows=rows)))
    connection.execute(sql(_PLANT.format(every=rows // PLANTED, planted=PLANTED)))
    taken: list[tuple[float, float]] = []
    for number in range(rounds):
        ways: list[Callable[[str], int]] = [_swept, _copied]
        seconds: dict[Callable[[str], int], float] = {}
        for way in ways if number % 2 else reversed(ways):
            began = time.perf_counter()
            found = way(url)
            seconds[way] = time.perf_counter() - began
            if found != PLANTED:
                raise RuntimeError(f"{found} differences were found, and {PLANTED} planted")
        taken.append((seconds[_swept], seconds[_copied]))
    return Finding(
        rows,
        PLANTED,
        median(sweep_s for sweep_s, _ in taken),
        median(copy_s for _, copy_s in taken),
        median(sweep_s / copy_s for sweep_s, copy_s in taken),
    )


def _swept(url: str) -> int:
    left, right = (
        Side(url, Source.of(Relation("public", table), ["id"], _COLUMNS)) for table in ("left_side", "right_side")
    )
    return len(scan(left, right).differences)


def _copied(url: str) -> int:
    """Both sides in the order of their key, line by line: what a comparison costs that knows nothing better."""
    with (
        connected(url) as one,
        connected(url) as other,
        one.cursor().copy(sql(_READ.format(table="left_side"))) as lefts,
        other.cursor().copy(sql(_READ.format(table="right_side"))) as rights,
    ):
        return sum(bytes(left) != bytes(right) for left, right in zip(lefts, rights, strict=True))
