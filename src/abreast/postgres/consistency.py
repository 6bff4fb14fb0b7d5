"""Do the two sides of each row agree? And if not, make one again of the other.

One statement sees both sides of a row at one moment, and what keeps them in step is part of the write itself: what is
found here is no lag.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from abreast.postgres import drift
from abreast.postgres.connection import Connection, looking_in, sql
from abreast.postgres.patience import Patience, Telling
from abreast.postgres.table_scan import Pair, scan_table
from abreast.schema.digest import Difference
from abreast.schema.names import OWN, Relation, ident, literal
from abreast.schema.plan import TablePlan

REPAIR = "~repair"


@dataclass(frozen=True)
class TableCheck:
    """What a look at every row of a table came to: ``divergent`` of ``rows``, the first of them as ``found``.

    ``names`` are the values that are shown: the old side's in ``left``, the new side's in ``right``.
    """

    relation: Relation
    key: tuple[str, ...]
    names: tuple[str, ...]
    rows: int
    divergent: int
    found: tuple[Difference, ...]


def check(connection: Connection, tables: tuple[TablePlan, ...], limit: int, tell: Telling) -> tuple[TableCheck, ...]:
    """Look at every row of the tables that have two sides; what contradicts is kept as drift, what agrees is not.

    ``limit``: how many rows of a table are told at most; all are counted.
    """
    drift.prepare(connection)
    return tuple(_checked(connection, table, limit, tell) for table in tables if table.divergent)


def mend(
    connection: Connection, tables: tuple[TablePlan, ...], right: Literal["old", "new"], patience: Patience
) -> int:
    """Make the other side again of the one that is right, in the rows that contradict themselves; how many."""
    return sum(_mended(connection, table, right, patience) for table in tables if table.divergent)


def _checked(connection: Connection, table: TablePlan, limit: int, tell: Telling) -> TableCheck:
    seen = [0]

    def progress(rows: int) -> None:
        seen[0] = rows
        tell(f"check {table.relation.name}: {rows:,} rows", None)

    pairs = tuple(Pair(*pair) for pair in table.pairs)
    began = datetime.now(UTC)
    found = tuple(
        scan_table(connection, table.relation, table.key, table.divergent or "false", pairs, progress=progress)
    )
    kept = drift.Table(table.relation, table.key, tuple(pair.name for pair in pairs))
    drift.record(connection, kept, found, began)
    drift.mark_vanished(connection, kept, tuple(each.key for each in found), began)
    return TableCheck(table.relation, table.key, kept.values, seen[0], len(found), found[:limit])


def _mended(connection: Connection, table: TablePlan, right: Literal["old", "new"], patience: Patience) -> int:
    columns = table.assignments if right == "old" else table.restorations
    listed = ", ".join(f"{ident(name)} = {text}" for name, text in columns)
    statement = f"UPDATE {table.relation.sql} AS new SET {listed} WHERE {table.divergent}"

    def work() -> int:
        connection.execute(sql(f"SET LOCAL {OWN}.version = {literal(REPAIR)}"))
        with looking_in(connection, table.relation.schema):
            return connection.execute(sql(statement)).rowcount

    return patience.run(connection, f"mend {table.relation.name}", work)
