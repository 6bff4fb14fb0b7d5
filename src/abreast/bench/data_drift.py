"""How soon ten differences are found among many rows: by the sweep, by reading both sides whole, by reladiff."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Final
from urllib.parse import quote

import psycopg

from abreast.bench.commands import which
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
    """Medians in seconds of finding all ``planted``; ``reladiff_s`` is None where the command is not installed.

    ``ratio``, ``reladiff_ratio``: the sweep to the other way, within a round.
    """

    rows: int
    planted: int
    sweep_s: float
    copy_s: float
    ratio: float
    reladiff_s: float | None
    reladiff_ratio: float | None


Way = Callable[[str], int]


def finding(connection: Connection, url: str, rows: int, rounds: int) -> Finding:
    """Plant and find, each way in each round. RuntimeError if one finds anything but what was planted."""
    for table in ("left_side", "right_side"):
        connection.execute(sql(_TABLE.format(table=table, rows=rows)))
    connection.execute(sql(_PLANT.format(every=rows // PLANTED, planted=PLANTED)))
    ways: list[Way] = [_swept, _copied, *([_by_reladiff] if which("reladiff") else [])]
    taken: dict[Way, list[float]] = {way: [] for way in ways}
    for number in range(rounds):
        for way in ways if number % 2 else reversed(ways):
            began = time.perf_counter()
            found = way(url)
            taken[way].append(time.perf_counter() - began)
            if found != PLANTED:
                raise RuntimeError(f"{found} differences were found, and {PLANTED} planted")

    def ratio(way: Way) -> float:
        return median(sweep_s / other_s for sweep_s, other_s in zip(taken[_swept], taken[way], strict=True))

    compared = _by_reladiff in taken
    return Finding(
        rows,
        PLANTED,
        median(taken[_swept]),
        median(taken[_copied]),
        ratio(_copied),
        median(taken[_by_reladiff]) if compared else None,
        ratio(_by_reladiff) if compared else None,
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


def _by_reladiff(url: str) -> int:
    """Across two databases, as it would be asked of two stores, by its defaults.

    It knows no socket in a URL, but libpq asks the environment.
    """
    parts: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(url)
    database = f"postgresql://{quote(parts['user'])}@/{quote(parts['dbname'])}"
    columns = [word for name in _COLUMNS for word in ("-c", name)]
    ended = subprocess.run(
        [which("reladiff") or "", database, "left_side", database, "right_side", "-k", "id", *columns],
        env={**os.environ, "PGHOST": str(parts["host"]), "PGPORT": str(parts.get("port", 5432))},
        capture_output=True,
        text=True,
        check=True,
    )
    return sum(line.startswith("+ ") for line in ended.stdout.splitlines())
