"""Fill the new columns of the rows that are there, in small steps that nobody notices; then prove that none is left."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from psycopg import errors

from abreast.model.errors import DatabaseError
from abreast.postgres.connection import Connection, looking_in, sql
from abreast.postgres.keyed_rows import key_order
from abreast.postgres.patience import Patience
from abreast.postgres.records import Migration, mark
from abreast.schema.names import OWN, ident, idents, literal
from abreast.schema.plan import TablePlan
from abreast.schema.sync import BACKFILL

SWEEPS: Final = 20
_LAG: Final = "SELECT coalesce(extract(epoch FROM max(replay_lag)), 0)::float FROM pg_stat_replication"


@dataclass
class Pace:
    """How hard a backfill works: from ``smallest`` to ``largest`` rows a batch.

    A batch should take ``batch_s``; after it there is a pause of ``rest`` times as long, longer while replicas lag
    by more than ``replica_lag_s`` or an easy question takes ``slow_factor`` times of what it took at first.
    """

    batch_s: float = 0.1
    rest: float = 0.5
    replica_lag_s: float = 10.0
    slow_factor: float = 4.0
    smallest: int = 500
    largest: int = 2000
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.perf_counter


class Backfill:
    """One table's, taken up where a killed one was.

    Where the role may set ``session_replication_role``, the users' own triggers do not fire for it: a backfill is no
    write of the service's, and must not touch ``updated_at`` or an audit.
    """

    def __init__(
        self, connection: Connection, migration: Migration, table: TablePlan, patience: Patience, pace: Pace
    ) -> None:
        self.connection = connection
        self.migration = migration
        self.table = table
        self.patience = patience
        self.pace = pace
        self.batch = pace.smallest
        self.filled = 0
        self.what = f"backfill {table.relation.name}"
        self.usual_s = statistics.median(self._question() for _ in range(5))
        self.rows = self._estimate()
        self.order = key_order(connection, table.relation, table.key, table.key_types, "new")
        self.stills_triggers = self._may_still_triggers()

    def run(self) -> int:
        """Fill and prove; how many rows were filled. DatabaseError if rows stay unfilled whatever is done."""
        checkpoint = self.migration.checkpoint or {}
        after: list[str] | None = checkpoint.get("after")
        first = int(checkpoint.get("sweep", 0))
        for sweep in range(first, first + SWEEPS):
            self._sweep(sweep, after)
            after = None
            left = self.unfilled()
            self.patience.tell(f"{self.what}: {left:,} rows are left after sweep {sweep + 1}", None)
            if left == 0:
                return self.filled
        raise DatabaseError(
            f"{self.what}: {self.unfilled():,} rows of {self.table.relation} are still not what `up` gives after "
            f"{SWEEPS} sweeps",
            f"look at such a row: SELECT * FROM {self.table.relation.sql} AS new WHERE {self.table.unfilled} LIMIT 1; "
            "something (a trigger?) writes it against `up`. Then give the command again",
        )

    def unfilled(self) -> int:
        """Rows that still have to be filled, counted."""
        query = f"SELECT count(*) FROM {self.table.relation.sql} AS new WHERE {self.table.unfilled}"
        with self.connection.transaction(), looking_in(self.connection, self.table.relation.schema):
            row = self.connection.execute(sql(query)).fetchone()
        return int(row[0]) if row else 0

    def _sweep(self, sweep: int, after: list[str] | None) -> None:
        """All rows once, in the order of the key. After the first sweep it waits for rows that others hold."""
        seen = 0
        while True:
            began = self.pace.clock()
            size = self.batch
            batch = partial(self._batch, after, sweep, size)
            after, filled = self.patience.run(self.connection, self.what, batch)
            took = self.pace.clock() - began
            seen += size
            self.filled += filled
            self.patience.tell(f"{self.what}: {self.filled:,} rows filled", min(1.0, seen / max(self.rows, 1.0)))
            if after is None:
                return
            grown = self.batch * min(2.0, self.pace.batch_s / max(took, 1e-4))
            self.batch = max(self.pace.smallest, min(self.pace.largest, int(grown)))
            self._rest(took)

    def _batch(self, after: list[str] | None, sweep: int, size: int) -> tuple[list[str] | None, int]:
        """One transaction: (the last key looked at, None at the end; how many rows it filled)."""
        table = self.table
        relation, unfilled = table.relation.sql, f"({table.unfilled})"
        key = ", ".join(f"new.{ident(name)}" for name in table.key)
        texts = ", ".join(f"new.{ident(name)}::text" for name in table.key)
        where = self.order.bound(">", tuple(after)) if after else "true"
        row = self.connection.execute(
            sql(f"SELECT {texts} FROM {relation} AS new WHERE {where} ORDER BY {key} OFFSET {size - 1} LIMIT 1")
        ).fetchone()
        bound: list[str] | None = [str(value) for value in row] if row else None
        inside = where + (f" AND {self.order.bound('<=', tuple(bound))}" if bound else "")
        self.connection.execute(sql(f"SET LOCAL {OWN}.version = {literal(BACKFILL)}"))
        if self.stills_triggers:
            self.connection.execute("SET LOCAL session_replication_role = replica")
        columns = ", ".join(f"{ident(name)} = {text}" for name, text in table.assignments)
        with looking_in(self.connection, table.relation.schema):
            updated = self.connection.execute(
                sql(
                    f"WITH held AS MATERIALIZED (SELECT {idents(table.key)} FROM {relation} AS new "
                    f"WHERE {inside} AND {unfilled} FOR NO KEY UPDATE {'' if sweep else 'SKIP LOCKED'}) "
                    f"UPDATE {relation} AS new SET {columns} FROM held WHERE {self.order.equal('held')} AND {unfilled}"
                )
            )
        mark(self.connection, self.migration, {"after": bound, "sweep": sweep} if bound else {"sweep": sweep + 1})
        return bound, updated.rowcount

    def _rest(self, took_s: float) -> None:
        self.pace.sleep(took_s * self.pace.rest)
        while True:
            lag = self._lag_s()
            slow = self._question() > self.pace.slow_factor * self.usual_s + 0.002
            if lag <= self.pace.replica_lag_s and not slow:
                return
            self.patience.tell(
                f"{self.what}: resting, " + (f"replicas are {lag:.0f} s behind" if not slow else "busy"), None
            )
            self.pace.sleep(max(0.2, took_s))
            if slow:
                return

    def _may_still_triggers(self) -> bool:
        row = self.connection.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')").fetchone()
        return bool(row and row[0])

    def _question(self) -> float:
        began = self.pace.clock()
        self.connection.execute(sql(f"SELECT 1 FROM {self.table.relation.sql} LIMIT 1")).fetchone()
        return self.pace.clock() - began

    def _lag_s(self) -> float:
        try:
            row = self.connection.execute(_LAG).fetchone()
        except errors.InsufficientPrivilege:
            return 0.0
        return float(row[0]) if row else 0.0

    def _estimate(self) -> float:
        row: tuple[Any, ...] | None = self.connection.execute(
            "SELECT sum(greatest(c.reltuples, 0)) FROM pg_partition_tree(%s::regclass) t "
            "JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf",
            [self.table.relation.sql],
        ).fetchone()
        found = float(row[0] or 0) if row else 0.0
        if found > 0:
            return found
        row = self.connection.execute(
            "SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [self.table.relation.sql]
        ).fetchone()
        return max(float(row[0]), 1.0) if row else 1.0
